"""Drives the flatten decider in virtual time: what `session.flattening` does with sockets."""

from collections.abc import Callable, Mapping
from functools import partial

from canary_cli.core.model import AccountSnapshot, Order, SymbolRules
from canary_cli.core.trading.flatten import (
    AccountSeen,
    Begin,
    CancelAlgo,
    CancelAll,
    Cancelled,
    CancelOrder,
    Close,
    Closed,
    Effect,
    Event,
    Flatten,
    Outcome,
    Queried,
    Query,
    Read,
    ReadFailed,
    Wake,
    Woken,
    decide,
)
from canary_cli.core.trading.hands import closing_prefix
from canary_cli.core.trading.replies import Confirmed, Reply
from canary_cli.session.simulate.exchange import SimulatedExchange
from canary_cli.session.simulate.timeline import Timeline


class Closing:
    """One flatten of the whole account, without deadline. `done` hears how it ended, unless `stop` came first."""

    def __init__(
        self,
        exchange: SimulatedExchange,
        timeline: Timeline,
        rules: Mapping[str, SymbolRules],
        run: str,
        known: AccountSnapshot | None,
        done: Callable[[Outcome], None],
    ) -> None:
        self._exchange = exchange
        self._timeline = timeline
        self._done = done
        self._is_over = False
        self.state = Flatten(closing_prefix(run, None), rules)
        self._take(Begin(self._now, known))

    @property
    def _now(self) -> float:
        return self._timeline.seconds

    def stop(self) -> None:
        """The process died: answers under way reach nobody."""
        self._is_over = True

    def _take(self, event: Event) -> None:
        if self._is_over:
            return
        self.state, effects = decide(self.state, event)
        for effect in effects:
            self._perform(effect)
        if self.state.outcome is not None and not self._is_over:
            self._is_over = True
            self._done(self.state.outcome)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Close(request):
                self._exchange.place(request, lambda reply: self._take(Closed(self._now, request.client_id, reply)))
            case CancelAll(symbol):
                self._exchange.cancel_all(symbol, lambda reply: self._take(Cancelled(self._now, effect, reply)))
            case CancelOrder(symbol, client_id):
                self._exchange.cancel(symbol, client_id, lambda reply: self._take(Cancelled(self._now, effect, reply)))
            case CancelAlgo(_, algo_id):
                self._exchange.cancel_algo(algo_id, lambda reply: self._take(Cancelled(self._now, effect, reply)))
            case Query():
                self._timeline.after(effect.delay, partial(self._query, effect))
            case Read():
                asked = self._now
                self._exchange.snapshot(lambda reply: self._take(self._seen(asked, reply)))
            case Wake(at):
                self._timeline.after(at - self._now, lambda: self._take(Woken(self._now)))

    def _query(self, query: Query) -> None:
        def answered(reply: Reply[Order | None]) -> None:
            order = reply.value if isinstance(reply, Confirmed) else None
            self._take(Queried(self._now, query.client_id, isinstance(reply, Confirmed), order))

        self._exchange.order(query.symbol, query.client_id, answered)

    def _seen(self, asked: float, reply: Reply[AccountSnapshot]) -> Event:
        if isinstance(reply, Confirmed):
            return AccountSeen(self._now, asked, reply.value)
        return ReadFailed(self._now, str(reply))
