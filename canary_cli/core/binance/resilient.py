"""`ResilientExchange`: what a closing needs goes by the WebSocket API where REST does not take it.

Which way next is decided by `core.trading.paths`. Entries, and whatever else is asked, go by REST alone.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from canary_cli.accounts import Account
from canary_cli.core.binance.budget import Meter
from canary_cli.core.binance.by_ws_api import ExchangeByWsApi
from canary_cli.core.binance.client import BinanceExchange, is_exit
from canary_cli.core.binance.known import KnownOrders
from canary_cli.core.binance.rest import RestWire
from canary_cli.core.binance.wire import Log, Refused
from canary_cli.core.clock import Clock
from canary_cli.core.model import AccountSnapshot, AlgoOrder, Order, OrderRequest
from canary_cli.core.trading.paths import Paths, none_answered
from canary_cli.core.trading.replies import Confirmed, Denied, Rejected, Reply

T = TypeVar("T")

REST, WS_API = "REST", "WebSocket API"


class _Ladder:
    """How one kind of request fares by each way. `repeatable`: done twice it does the same (a question, a cancel)."""

    def __init__(self, clock: Clock, *, repeatable: bool) -> None:
        self._clock = clock
        self._repeatable = repeatable
        self._paths = Paths((REST, WS_API))

    async def climb(
        self, rest: Callable[[], Awaitable[Reply[T]]], ws_api: Callable[[], Awaitable[Reply[T]]]
    ) -> Reply[T]:
        failed: dict[str, Reply[T]] = {}
        for name in self._paths.in_turn(self._clock.monotonic()):
            reply = await (rest if name == REST else ws_api)()
            self._paths = self._paths.after(name, reply, self._clock.monotonic())
            if not self._paths.goes_on(name, reply, repeatable=self._repeatable):
                return reply
            failed[name] = reply
        return none_answered(failed)


class ResilientExchange(BinanceExchange):
    """For an account with a `ws_api_url`.

    Orders, cancels and questions are judged apart: a way may be dead for one of them and alive for the others.
    """

    def __init__(self, account: Account, clock: Clock, *, log: Log | None = None) -> None:
        meter = Meter()
        super().__init__(account, clock, wire=RestWire(account, clock, log, meter))
        self._ws_api = ExchangeByWsApi(account, clock, log, meter)
        self._exits = _Ladder(clock, repeatable=False)
        self._cancels = _Ladder(clock, repeatable=True)
        self._questions = _Ladder(clock, repeatable=True)
        self._known = KnownOrders()

    def first_sent(self, since: float) -> float | None:
        by_rest = super().first_sent(since)
        by_ws_api = self._ws_api.first_sent(since)
        return min((at for at in (by_rest, by_ws_api) if at is not None), default=None)

    async def close(self) -> None:
        await super().close()
        await self._ws_api.close()

    async def place(self, request: OrderRequest) -> Reply[Order]:
        """An exit that was certainly not taken goes by the other way, with the same id; an unknown one waits."""
        by_rest = partial(super().place, request)
        by_ws_api = partial(self._ws_api.place, request)
        return self._learn_order(await (self._exits.climb(by_rest, by_ws_api) if is_exit(request) else by_rest()))

    async def place_algo(self, request: OrderRequest) -> Reply[AlgoOrder]:
        reply = await super().place_algo(request)
        if isinstance(reply, Confirmed):
            self._known = self._known.with_algo(reply.value, self._clock.monotonic())
        return reply

    async def cancel(self, symbol: str, client_id: str) -> Reply[Order]:
        by_rest = partial(super().cancel, symbol, client_id)
        reply = await self._cancels.climb(by_rest, partial(self._ws_api.cancel, symbol, client_id))
        return self._learn_order(reply)

    async def cancel_all(self, symbol: str) -> Reply[str]:
        by_rest = partial(super().cancel_all, symbol)
        return await self._cancels.climb(by_rest, partial(self._ws_api.cancel_each, symbol, self._known))

    async def cancel_algo(self, algo_id: int) -> Reply[int]:
        by_rest = partial(super().cancel_algo, algo_id)
        reply = await self._cancels.climb(by_rest, partial(self._ws_api.cancel_algo, algo_id))
        if isinstance(reply, (Confirmed, Rejected)):  # -2011: it has gone by itself
            self._known = self._known.without_algo(algo_id)
        return reply

    async def still_open(self) -> AccountSnapshot:
        by_rest, by_ws_api = self._snapshot, partial(self._ws_api.reading, self._known)
        return await self._ask(_value(self._questions.climb(partial(_reply, by_rest), partial(_reply, by_ws_api))))

    async def _snapshot(self, *, urgent: bool = True) -> AccountSnapshot:
        asked = self._clock.monotonic()
        found = await super()._snapshot(urgent=urgent)
        self._known = self._known.told(found, asked)
        return found

    async def look_up(self, symbol: str, client_id: str, order_id: int = 0) -> Order | None:
        by_rest = partial(super().look_up, symbol, client_id, order_id)
        by_ws_api = partial(self._ws_api.look_up, symbol, client_id, order_id)
        return await _value(self._questions.climb(partial(_reply, by_rest), partial(_reply, by_ws_api)))

    def _learn_order(self, reply: Reply[Order]) -> Reply[Order]:
        if isinstance(reply, Confirmed):
            self._known = self._known.with_order(reply.value, self._clock.monotonic())
        return reply


async def _reply(question: Callable[[], Awaitable[T]]) -> Reply[T]:
    try:
        return Confirmed(await question())
    except Refused as refused:
        return refused.reply


async def _value(answer: Awaitable[Reply[T]]) -> T:
    """Raises Refused where there is none."""
    reply = await answer
    if isinstance(reply, Confirmed):
        return reply.value
    assert not isinstance(reply, Denied), "only entries are denied, and nobody waits for the value of one"
    raise Refused(reply)
