"""The tiny exchange of the flatten stories behind the `Exchange` protocol, answering after a latency on a real loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.core.clock import Clock
from canary_cli.core.model import AccountSnapshot, Fill, Income, Order, OrderRequest, SymbolRules
from canary_cli.core.trading.flatten import CancelAlgo, CancelAll
from canary_cli.core.trading.replies import Confirmed, Reply
from canary_cli.errors import ExchangeUnreachable
from tests.core.trading.venue import Venue


@dataclass
class Twin:
    """`unreachable` makes every question fail; `sent` holds the monotonic time of each deed, `urgent` whether each list
    that was asked for was."""

    venue: Venue
    clock: Clock
    latency: float = 0.0
    unreachable: bool = False
    break_on: Callable[[OrderRequest], bool] = lambda _request: False
    sent: list[float] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    urgent: list[bool] = field(default_factory=list)
    incomes: int = 0

    async def place(self, request: OrderRequest) -> Reply[Order]:
        self.sent.append(self.clock.monotonic())
        await self.clock.pause(self.latency)
        if self.break_on(request):
            raise RuntimeError("a bug in the client")
        reply = self.venue.place(request)
        if isinstance(reply, Confirmed):
            self._fill(request, reply.value)
        return reply

    def _fill(self, request: OrderRequest, order: Order) -> None:
        self.fills.append(
            Fill(request.symbol, order.order_id, order.order_id, "", request.side, Decimal(100), order.executed,
                 self.clock.now(), realized=Decimal("-25"), commission=Decimal("0.05"))
        )  # fmt: skip

    async def cancel_all(self, symbol: str) -> Reply[Any]:
        self.sent.append(self.clock.monotonic())
        await self.clock.pause(self.latency)
        return self.venue.cancel(CancelAll(symbol))

    async def cancel_algo(self, algo_id: int) -> Reply[Any]:
        await self.clock.pause(self.latency)
        return self.venue.cancel(CancelAlgo("", algo_id))

    async def order(self, symbol: str, client_id: str = "", *, order_id: int = 0) -> Order | None:
        await self._question()
        numbered = (order for order in self.venue.done.values() if order.order_id == order_id)
        return next(numbered, None) if order_id else self.venue.done.get(client_id)

    async def snapshot(self, *, urgent: bool = True) -> AccountSnapshot:
        self.urgent.append(urgent)
        await self._question()
        return self.venue.snapshot()

    async def still_open(self) -> AccountSnapshot:
        return await self.snapshot()

    async def rules(self) -> dict[str, SymbolRules]:
        await self._question()
        return self.venue.rules

    async def leverages(self) -> dict[str, Decimal]:
        await self._question()
        return dict.fromkeys(self.venue.rules, Decimal(20))

    async def income(self, _since: datetime, *, urgent: bool = False) -> tuple[Income, ...]:
        self.urgent.append(urgent)
        self.incomes += 1
        await self._question()
        return ()

    async def trades(self, symbol: str, since: datetime, *, urgent: bool = False) -> tuple[Fill, ...]:
        self.urgent.append(urgent)
        await self._question()
        return tuple(fill for fill in self.fills if fill.symbol == symbol and fill.time >= since)

    async def close(self) -> None:
        await asyncio.sleep(0)

    async def _question(self) -> None:
        await self.clock.pause(self.latency)
        if self.unreachable:
            raise ExchangeUnreachable("away")
