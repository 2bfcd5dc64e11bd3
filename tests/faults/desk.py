"""A desk: the paper exchange listening on a free port, the client connected to it, and something open to close."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET, Account, paper_account
from canary_cli.core.binance.client import BinanceExchange
from canary_cli.core.binance.resilient import ResilientExchange
from canary_cli.core.clock import Clock, ScaledClock
from canary_cli.core.model import (
    ZERO,
    AccountSnapshot,
    OrderRequest,
    OrderType,
    PositionSide,
    Side,
    SymbolRules,
    TimeInForce,
    ceil_to,
)
from canary_cli.core.trading.replies import Confirmed
from canary_cli.paper.admin import change_account, change_market
from canary_cli.paper.launch import Request, open_venue
from canary_cli.paper.server import Server, start
from canary_cli.paper.venue import Venue
from canary_cli.session.flattening import FlattenReport, flatten

PAIRS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT")


@dataclass
class Desk:
    server: Server
    exchange: BinanceExchange
    account: Account
    rules: dict[str, SymbolRules] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    number: int = 0

    @property
    def venue(self) -> Venue:
        return self.server.venue

    @property
    def clock(self) -> Clock:
        return self.venue.clock

    @property
    def held(self) -> dict[tuple[str, PositionSide], Decimal]:
        """What the exchange itself holds, without asking over the wire."""
        return {(h.symbol, h.side): h.quantity for h in self.venue.engine.state.account.open_holdings()}

    @property
    def resting(self) -> int:
        state = self.venue.engine.state
        return sum(state.orders.count(symbol) for symbol in state.listings) + int(state.conditionals.count())

    def quantity(self, symbol: str, notional: int = 1000) -> Decimal:
        return ceil_to(Decimal(notional) / self.marks[symbol], self.rules[symbol].market_step)

    async def open(self, *symbols: str, side: Side = Side.BUY, notional: int = 1000, **more: Any) -> None:
        for symbol in symbols:
            await self.send(symbol, side, self.quantity(symbol, notional), **more)

    async def send(self, symbol: str, side: Side, quantity: Decimal, **more: Any) -> None:
        self.number += 1
        reply = await self.exchange.place(OrderRequest(f"desk-{self.number}", symbol, side, quantity, **more))
        assert isinstance(reply, Confirmed), reply

    async def rest(self, symbol: str, side: Side, away: str, **more: Any) -> None:
        """A LIMIT order at `away` times the mark."""
        price = self.rules[symbol].round_price(self.marks[symbol] * Decimal(away), up=False)
        await self.send(symbol, side, self.quantity(symbol), type=OrderType.LIMIT, price=price,
                        time_in_force=TimeInForce.GTC, **more)  # fmt: skip

    async def protect(self, symbol: str, away: str = "0.9", *, close_position: bool = True) -> None:
        self.number += 1
        price = self.rules[symbol].round_price(self.marks[symbol] * Decimal(away), up=False)
        request = OrderRequest(
            f"stop-{self.number}", symbol, Side.SELL, ZERO if close_position else self.quantity(symbol),
            OrderType.STOP_MARKET, trigger_price=price, close_position=close_position,
        )  # fmt: skip
        reply = await self.exchange.place_algo(request)
        assert isinstance(reply, Confirmed), reply

    def fault(self, kind: str, *, lasting: float | None = None, **options: Any) -> None:
        """Strikes from now on, for `lasting` plan seconds or for ever."""
        ends = self.venue.now() + timedelta(seconds=lasting) if lasting is not None else None
        self.venue.faults.add(kind, options, None, ends)

    def market(self, **body: Any) -> None:
        change_market(self.venue, body)

    def let_pass(self, seconds: float) -> None:
        """Plan time jumps ahead at the exchange."""
        clock = self.venue.clock
        assert isinstance(clock, ScaledClock)
        self.venue.clock = replace(clock, plan_start=clock.plan_start + timedelta(seconds=seconds))

    def by_hand(self, **body: Any) -> None:
        """Somebody else acts on the account: another trader, the exchange itself."""
        change_account(self.venue, body)

    async def flatten(
        self, known: AccountSnapshot | None = None, deadline: float | None = 20.0, **more: Any
    ) -> FlattenReport:
        return await flatten(self.exchange, self.clock, known, self.rules, "story", lambda _p: None, deadline, **more)


@asynccontextmanager
async def a_desk(
    pairs: tuple[str, ...] = PAIRS, *, speed: float = 1.0, home: Path = Path("/nowhere")
) -> AsyncIterator[Desk]:
    venue = open_venue(Request(PAPER_KEY, PAPER_SECRET, seed=11, speed=speed, pairs=pairs, balance=Decimal(1_000_000)))
    server = await start(venue, 0)
    account = paper_account(home, server.port)
    exchange = ResilientExchange(account, venue.clock)
    desk = Desk(server, exchange, account)
    try:
        desk.rules, desk.marks = await asyncio.gather(exchange.rules(), exchange.marks())
        yield desk
    finally:
        await desk.exchange.close()
        await server.close()
