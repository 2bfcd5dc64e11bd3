"""A session in virtual time: what `session.live` and `session.executor` do with a loop and sockets."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Protocol

from canary_cli.core.model import AccountSnapshot, AlgoOrder, Book, Fill, Income, Order
from canary_cli.core.trading.effects import (
    CancelAlgo,
    Effect,
    Journal,
    Note,
    Place,
    QueryOrder,
    RaiseAlert,
    ReadAccount,
    ReadLeverage,
    ReopenStream,
    SetLatch,
    SnapshotBook,
    StartRollback,
)
from canary_cli.core.trading.events import AccountRead, LeverageRead, ReadFailed
from canary_cli.core.trading.facts import Intended
from canary_cli.core.trading.inputs import Input, QueryAnswered, Replied
from canary_cli.core.trading.replies import Confirmed, Denied, Reply, Unknown
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.standing import may_still_open
from canary_cli.core.trading.state import Session
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.exchange import SimulatedExchange
from canary_cli.session.simulate.journal import MemoryJournal
from canary_cli.session.simulate.timeline import Timeline

SYNC = 0.001
"""Seconds until a line is on disk."""


class Surroundings(Protocol):
    """What a desk has around it."""

    timeline: Timeline
    exchange: SimulatedExchange
    journal: MemoryJournal
    resends: bool

    def decided(self, event: Input, before: Session, after: Session) -> None: ...

    def book(self, symbol: str) -> Book: ...

    def reopen(self) -> None: ...

    def set_latch(self, source: str, reason: str) -> None: ...

    def roll_back(self, cause: str, detail: str) -> None: ...


class Desk:
    """Lives until `stop`, which is what a crash does to it: whatever comes later reaches nobody."""

    def __init__(self, around: Surroundings, scribe: Scribe, state: Session) -> None:
        self.state = state
        self.is_alive = True
        self._around = around
        self._timeline = around.timeline
        self._exchange = around.exchange
        self._scribe = scribe
        self._is_reading = False
        self._asked_again: ReadAccount | None = None
        self._read_since = (state.agreed or state.ticked or self._timeline.now) - timedelta(hours=1)

    def stop(self) -> None:
        self.is_alive = False

    def post(self, event: Input) -> None:
        if not self.is_alive:
            return
        before = self.state
        self.state, effects = decide(before, event)
        for effect in effects:
            self._perform(effect)
        self._around.decided(event, before, self.state)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Journal(fact):
                self._scribe.write_fact(fact)
            case Note():
                self._scribe.note(effect)
            case Place(intent):
                self._later(SYNC, partial(self._place, intent, self._timeline.now))
            case CancelAlgo():
                self._exchange.cancel_algo(effect.algo_id, lambda _reply: None)
            case QueryOrder():
                self._later(effect.delay, partial(self._query, effect))
            case ReadAccount():
                self.read_account(effect)
            case ReadLeverage():
                self._exchange.leverages(self._leverages_told)
            case ReopenStream():
                self._around.reopen()
            case SetLatch(source, reason):
                self._around.set_latch(source, reason)
            case StartRollback(cause, detail):
                self._around.roll_back(cause, detail)
            case RaiseAlert(severity, message, key):
                self._scribe.write("alert", data={"severity": severity, "message": message, "key": key}, reason=message)
            case SnapshotBook(symbol, reason):
                self._scribe.write_book(self._around.book(symbol), reason)

    def _later(self, seconds: float, deed: Callable[[], None]) -> None:
        self._timeline.after(seconds, lambda: deed() if self.is_alive else None)

    def _place(self, intent: Intended, decided: datetime) -> None:
        self._around.journal.sync()
        sent = self._timeline.now

        def replied(reply: Reply[Order] | Reply[AlgoOrder]) -> None:
            if isinstance(reply, Unknown) and self._around.resends:
                self._place(intent, decided)
                return
            now = self._timeline.now
            latency, send = (now - decided) / _MS, (now - sent) / _MS
            self.post(Replied(now, intent.client_id, reply, round(latency, 3), round(send, 3)))

        if intent.purpose.adds_risk and not may_still_open(self.state):
            replied(Denied("trading was stopped while its intent was brought to disk"))
        elif intent.type.is_algo:
            self._exchange.place_algo(intent.request, replied)
        else:
            self._exchange.place(intent.request, replied)

    def _query(self, effect: QueryOrder) -> None:
        def answered(reply: Reply[Order | None]) -> None:
            is_answer = isinstance(reply, Confirmed)
            order = reply.value if isinstance(reply, Confirmed) else None
            self.post(QueryAnswered(self._timeline.now, effect.client_id, is_answer, order))

        self._exchange.order(effect.symbol, effect.client_id, answered)

    def _leverages_told(self, reply: Reply[dict[str, Decimal]]) -> None:
        if isinstance(reply, Confirmed):
            self.post(LeverageRead(self._timeline.now, reply.value))

    def read_account(self, effect: ReadAccount) -> None:
        """One reading at a time: whoever asks while one waits or runs is served by it or by the next."""
        if self._is_reading:
            self._asked_again = effect
            return
        self._is_reading = True
        self._later(effect.delay, self._read)

    def _read(self) -> None:
        asked = self._timeline.now

        def seen(reply: Reply[AccountSnapshot]) -> None:
            if not isinstance(reply, Confirmed):
                self._read_done(ReadFailed(self._timeline.now, str(reply)))
                return
            snapshot = reply.value
            self._exchange.trades(self._symbols(), self._read_since, lambda fills: told(snapshot, fills))

        def told(snapshot: AccountSnapshot, reply: Reply[tuple[Fill, ...]]) -> None:
            if not isinstance(reply, Confirmed):
                self._read_done(ReadFailed(self._timeline.now, str(reply)))
                return
            fills = reply.value
            self._exchange.transfers(self._read_since, lambda rows: moved(snapshot, fills, rows))

        def moved(snapshot: AccountSnapshot, fills: tuple[Fill, ...], reply: Reply[tuple[Income, ...]]) -> None:
            if not isinstance(reply, Confirmed):
                self._read_done(ReadFailed(self._timeline.now, str(reply)))
                return
            self._read_since = asked - timedelta(minutes=1)
            self._read_done(AccountRead(self._timeline.now, snapshot, fills, reply.value))

        self._exchange.snapshot(seen)

    def _read_done(self, event: AccountRead | ReadFailed) -> None:
        self._is_reading, again, self._asked_again = False, self._asked_again, None
        self.post(event)
        if again is not None and self.is_alive:
            self.read_account(again)

    def _symbols(self) -> frozenset[str]:
        return frozenset(life.intent.symbol for life in self.state.orders.values()) | frozenset(self.state.held)


_MS = timedelta(milliseconds=1)
