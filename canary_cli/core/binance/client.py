"""`BinanceExchange`: one account at Binance USD-M futures, or at anything that speaks its protocol.

Implements `session.exchange.Exchange`. Deeds answer with a `Reply` and never raise for what the exchange says or fails
to say; questions raise `ExchangeUnreachable` rather than answer with less than the truth.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from canary_cli.accounts import Account
from canary_cli.core.binance import translate
from canary_cli.core.binance.budget import Budget
from canary_cli.core.binance.rest import RestWire
from canary_cli.core.binance.unreachable import unreachable
from canary_cli.core.binance.wire import Log, Refused, Wire
from canary_cli.core.clock import Clock
from canary_cli.core.model import (
    AccountSnapshot,
    AlgoOrder,
    Book,
    Candle,
    Fill,
    Frame,
    Income,
    KeyRights,
    Order,
    OrderRequest,
    PositionSide,
    Side,
    SymbolRules,
    TradingLock,
)
from canary_cli.core.trading.events import MarketEvent, UserEvent
from canary_cli.core.trading.replies import Confirmed, Denied, Rejected, Reply, Unknown

T = TypeVar("T")

WARM_CONNECTIONS = 26
WARM_EVERY = 30.0
"""Wall seconds between the pings that keep connections open, so that an exit needs no TLS handshake first."""

PAGE = 1000
TRADES_WINDOW = timedelta(days=7)
DEPTHS = (5, 10, 20, 50, 100, 500, 1000)


class BinanceExchange:
    """Usable at once; `connect` measures the clock and warms connections up, which a kill cannot wait for."""

    def __init__(self, account: Account, clock: Clock, *, log: Log | None = None, wire: Wire | None = None) -> None:
        self._account = account
        self._clock = clock
        self._wire = wire or RestWire(account, clock, log)
        self._warmer: asyncio.Task[None] | None = None

    @property
    def budget(self) -> Budget:
        return self._wire.budget

    def order_share(self) -> float:
        """How much of the order rate the account has used, 0 to 1, as the newest replies counted it."""
        return self.budget.order_share(self._clock.wall())

    def first_sent(self, since: float) -> float | None:
        """When the first deed after `since` (monotonic wall seconds) was written to its socket."""
        return next((at for at in self._wire.written if at >= since), None)

    async def connect(self) -> None:
        """Raises ExchangeUnreachable when the exchange does not answer."""
        await self._ask(self._wire.sync())
        if self._warmer is None:
            self._warmer = asyncio.create_task(self._keep_warm())

    async def close(self) -> None:
        """Never hangs, and may be called twice."""
        if self._warmer is not None:
            self._warmer.cancel()
            with suppress(asyncio.CancelledError):
                await self._warmer
            self._warmer = None
        await self._wire.close()

    async def _keep_warm(self) -> None:
        while True:
            await asyncio.gather(*map(self._ping, range(WARM_CONNECTIONS)), return_exceptions=True)
            await self._clock.pause(WARM_EVERY)

    async def _ping(self, turn: int) -> None:
        """Together with the others, so that each takes a connection of its own; yet an order goes between two."""
        for _ in range(turn):
            await asyncio.sleep(0)
        await self._wire.read("futures_ping", {}, 1)

    # Deeds

    async def place(self, request: OrderRequest) -> Reply[Order]:
        wait = 0.0 if is_exit(request) else self.budget.wait_to_enter(self._clock.wall())
        if wait:
            return Denied(f"what is left of the rate is kept for exits, for {wait:.0f} s")
        reply = await self._do("futures_create_order", translate.order_fields(request), translate.order)
        if isinstance(reply, Rejected) and reply.code == translate.DUPLICATE_ID:
            return await self._adopt(request)
        return reply

    async def _adopt(self, request: OrderRequest) -> Reply[Order]:
        """-4116: an order with this id is open already, so it is ours: an earlier sending did arrive."""
        try:
            found = await self.look_up(request.symbol, request.client_id)
        except Refused as refused:
            return Unknown(f"-4116, then: {refused}")
        return Confirmed(found) if found else Unknown("-4116, then not found")

    async def place_algo(self, request: OrderRequest) -> Reply[AlgoOrder]:
        return await self._do("futures_create_algo_order", translate.algo_fields(request), translate.algo_order)

    async def cancel(self, symbol: str, client_id: str) -> Reply[Order]:
        fields = {"symbol": symbol, "origClientOrderId": client_id}
        return await self._do("futures_cancel_order", fields, translate.order)

    async def cancel_algo(self, algo_id: int) -> Reply[int]:
        return await self._do("futures_cancel_algo_order", {"algoId": algo_id}, lambda row: int(row["algoId"]))

    async def cancel_all(self, symbol: str) -> Reply[str]:
        return await self._do("futures_cancel_all_open_orders", {"symbol": symbol}, lambda row: str(row["msg"]))

    async def cancel_all_algos(self, symbol: str) -> Reply[str]:
        return await self._do("futures_cancel_all_algo_open_orders", {"symbol": symbol}, lambda row: str(row["msg"]))

    async def countdown_cancel(self, symbol: str, milliseconds: int) -> Reply[int]:
        fields = {"symbol": symbol, "countdownTime": milliseconds}
        return await self._do("futures_countdown_cancel_all", fields, lambda row: int(row["countdownTime"]))

    async def test_order(self, request: OrderRequest) -> Reply[str]:
        """Signed and validated like a real order, and never executed (`POST /fapi/v1/order/test`)."""
        return await self._do("futures_create_test_order", translate.order_fields(request), lambda _row: "accepted")

    async def _do(self, call: str, fields: dict[str, Any], read: Callable[[Any], T]) -> Reply[T]:
        try:
            row = await self._wire.deed(call, fields)
        except Refused as refused:
            return refused.reply
        try:
            return Confirmed(read(row))
        except translate.UNREADABLE as error:
            return Unknown(f"a reply we cannot read: {error!r}")

    # The account

    async def snapshot(self, *, urgent: bool = True) -> AccountSnapshot:
        """Mode, balance, positions and both kinds of orders, asked at once; a part that fails fails the whole.

        Not `urgent`: what is kept for exits is left alone.
        """
        return await self._ask(self._snapshot(urgent=urgent))

    async def still_open(self) -> AccountSnapshot:
        return await self.snapshot()

    async def _snapshot(self, *, urgent: bool = True) -> AccountSnapshot:
        if not urgent:
            await self._wire.learn_budget()
        time, ask = self._clock.now(), partial(self._wire.read_signed, urgent=urgent)
        parts = await asyncio.gather(
            ask("futures_account_config", {}, 5),
            ask("futures_account", {"version": 3}, 5),
            ask("futures_position_information", {}, 5),
            ask("futures_get_open_orders", {}, 40),
            ask("futures_get_open_algo_orders", {}, 40),
        )
        return translate.snapshot(time, *parts)

    async def order(self, symbol: str, client_id: str = "", *, order_id: int = 0) -> Order | None:
        """None where the exchange knows no such order; soon after a placement that may only be lag."""
        return await self._ask(self.look_up(symbol, client_id, order_id))

    async def look_up(self, symbol: str, client_id: str, order_id: int = 0) -> Order | None:
        """As `order`, for this package: raises Refused."""
        which = {"orderId": order_id} if order_id else {"origClientOrderId": client_id}
        fields = {"symbol": symbol, **which}
        try:
            row = await self._wire.read_signed("futures_get_order", fields, 1, urgent=True)
        except Refused as refused:
            if isinstance(refused.reply, Rejected) and refused.reply.code == -2013:
                return None
            raise
        return translate.order(row)

    async def trades(self, symbol: str, since: datetime, *, urgent: bool = False) -> tuple[Fill, ...]:
        """Our fills from `since` on, oldest first, each once; `client_id` is empty (the exchange does not tell it)."""
        found = dict[int, Fill]()
        end = self._clock.now() + timedelta(minutes=1)
        while since < end:
            until = min(since + TRADES_WINDOW - timedelta(milliseconds=1), end)
            async for row in self._pages("futures_account_trades", {"symbol": symbol}, since, until, 5, urgent):
                fill = translate.fill(row)
                found[fill.trade_id] = fill
            since = until + timedelta(milliseconds=1)
        return tuple(sorted(found.values(), key=lambda fill: (fill.time, fill.trade_id)))

    async def income(self, since: datetime, *, urgent: bool = False) -> tuple[Income, ...]:
        """The income ledger's rows from `since` on, oldest first, each once. The exchange keeps three months."""
        found, until = dict[tuple[str, int], Income](), self._clock.now() + timedelta(minutes=1)
        async for row in self._pages("futures_income_history", {}, since, until, 30, urgent):
            item = translate.income(row)
            found[item.type, item.id] = item
        return tuple(sorted(found.values(), key=lambda item: (item.time, item.id)))

    async def _pages(
        self, call: str, fields: dict[str, Any], since: datetime, until: datetime, weight: int, urgent: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Rows of a window, page after page. Pages overlap by a millisecond, so rows may come twice."""
        start, end = translate.milliseconds(since), translate.milliseconds(until)
        while True:
            window = {**fields, "startTime": start, "endTime": end, "limit": PAGE}
            rows = await self._signed(call, window, weight, urgent=urgent)
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            newest = max(int(row["time"]) for row in rows)
            start = newest if newest > start else start + 1

    async def leverages(self) -> dict[str, Decimal]:
        return translate.leverages(await self._signed("futures_symbol_config", {}, 5))

    async def trading_locks(self) -> tuple[TradingLock, ...]:
        return translate.locks(await self._signed("futures_api_trading_status", {}, 10))

    async def key_rights(self) -> KeyRights | None:
        if self._account.kind != "live":
            return None
        return translate.key_rights(await self._signed("get_account_api_permissions", {}, 1))

    # The market

    async def server_time(self) -> datetime:
        """The exchange's wall clock."""
        return translate.instant((await self._public("futures_time", {}, 1))["serverTime"])

    async def rules(self) -> dict[str, SymbolRules]:
        told = await self._public("futures_exchange_info", {}, 1)
        perpetual = (row for row in told["symbols"] if row["contractType"] == "PERPETUAL")
        return {row["symbol"]: translate.rules(row) for row in perpetual}

    async def candles(self, symbol: str, frame: Frame, limit: int, end: datetime | None = None) -> tuple[Candle, ...]:
        """The newest `limit` (at most 1500) candles closed by `end` (default: now), oldest first."""
        closed_by = end or self._clock.now()
        fields = {"symbol": symbol, "interval": str(frame), "limit": min(limit + 1, 1500),
                  "endTime": translate.milliseconds(closed_by)}  # fmt: skip
        rows = await self._public("futures_klines", fields, _klines_weight(limit + 1))
        candles = (translate.candle(symbol, frame, row) for row in rows)
        return tuple(candle for candle in candles if candle.close_time <= closed_by)[-limit:]

    async def marks(self) -> dict[str, Decimal]:
        rows = await self._public("futures_mark_price", {}, 10)
        return {row["symbol"]: Decimal(row["markPrice"]) for row in rows}

    async def book(self, symbol: str, levels: int) -> Book:
        limit = next((depth for depth in DEPTHS if depth >= levels), DEPTHS[-1])
        fields = {"symbol": symbol, "limit": limit}
        return translate.book(symbol, await self._public("futures_order_book", fields, 20))

    # Streams

    def market_events(self, symbols: Sequence[str], frames: Sequence[Frame]) -> AsyncGenerator[MarketEvent, None]:
        """Closed candles, marks and quotes of `symbols`, until closed; losses are told by `StreamDown`."""
        from canary_cli.core.binance.streams import market_events

        return market_events(self._account.stream_url, self._clock, symbols, frames)

    def user_events(self) -> AsyncGenerator[UserEvent, None]:
        """What happens to our orders and account, until closed; losses are told by `StreamDown`."""
        from canary_cli.core.binance.streams import user_events

        return user_events(self._account.stream_url, self._clock, self)

    async def listen_key(self) -> str:
        """The account's listen key; all processes of an account share one. Raises ExchangeUnreachable.

        Without its user stream a session takes itself off, so a used up minute must not keep it from one.
        """
        return str(await self._public("futures_stream_get_listen_key", {}, 1, urgent=True))

    async def renew(self, listen_key: str) -> None:
        """Another 60 minutes. Raises ExchangeUnreachable, also when the key is gone (-1125)."""
        await self._public("futures_stream_keepalive", {"listenKey": listen_key}, 1, urgent=True)

    # Plumbing

    async def _signed(self, call: str, fields: dict[str, Any], weight: int, *, urgent: bool = False) -> Any:
        return await self._ask(self._wire.read_signed(call, fields, weight, urgent=urgent))

    async def _public(self, call: str, fields: dict[str, Any], weight: int, *, urgent: bool = False) -> Any:
        return await self._ask(self._wire.read(call, fields, weight, urgent=urgent))

    async def _ask(self, question: Awaitable[T]) -> T:
        try:
            return await question
        except Refused as refused:
            raise unreachable(self._account.rest_url, refused.reply) from None


def is_exit(request: OrderRequest) -> bool:
    """Whether it can only lower exposure: reduce-only, or in hedge mode against its own side."""
    closes_hedge = (request.position_side, request.side) in (
        (PositionSide.LONG, Side.SELL),
        (PositionSide.SHORT, Side.BUY),
    )
    return request.reduce_only or request.close_position or closes_hedge


def _klines_weight(limit: int) -> int:
    return next((weight for most, weight in ((99, 1), (499, 2), (1000, 5)) if limit <= most), 10)
