"""What the toolkit asks of an exchange. `core.binance` answers over the wire; the simulation answers in memory."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

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
    SymbolRules,
    TradingLock,
)
from canary_cli.core.trading.events import MarketEvent, UserEvent
from canary_cli.core.trading.replies import Reply


class Orders(Protocol):
    """The deeds. None of these raises for what the exchange answers or fails to answer: that is a `Reply`."""

    async def place(self, request: OrderRequest) -> Reply[Order]: ...

    async def place_algo(self, request: OrderRequest) -> Reply[AlgoOrder]: ...

    async def cancel(self, symbol: str, client_id: str) -> Reply[Order]: ...

    async def cancel_algo(self, algo_id: int) -> Reply[int]: ...

    async def cancel_all(self, symbol: str) -> Reply[str]: ...

    async def cancel_all_algos(self, symbol: str) -> Reply[str]: ...

    async def countdown_cancel(self, symbol: str, milliseconds: int) -> Reply[int]: ...


class Account(Protocol):
    """The questions. Each raises `ExchangeUnreachable` rather than answering with less than the truth.

    What is `urgent` may use what is kept of the rate for exits: a reading that shows what is left to close.
    """

    async def snapshot(self, *, urgent: bool = True) -> AccountSnapshot: ...

    async def still_open(self) -> AccountSnapshot:
        """What a closing must know. As `snapshot`, but it may come by a way that cannot list orders.

        Then the orders that were known before are asked for one by one, and where that would not be the whole truth
        about an account without positions, this raises too.
        """
        ...

    async def order(self, symbol: str, client_id: str = "", *, order_id: int = 0) -> Order | None:
        """By the id we gave it, or by the exchange's own number."""
        ...

    async def trades(self, symbol: str, since: datetime, *, urgent: bool = False) -> tuple[Fill, ...]: ...

    async def income(self, since: datetime, *, urgent: bool = False) -> tuple[Income, ...]: ...

    async def leverages(self) -> dict[str, Decimal]:
        """Of every symbol, whether anything of it is held or not."""
        ...

    async def trading_locks(self) -> tuple[TradingLock, ...]:
        """What `GET /fapi/v1/apiTradingStatus` says is locked; empty when all may trade."""
        ...

    async def key_rights(self) -> KeyRights | None:
        """What `GET /sapi/v1/account/apiRestrictions` says; None on accounts that are not live, which have none."""
        ...


class Market(Protocol):
    async def server_time(self) -> datetime: ...

    async def rules(self) -> dict[str, SymbolRules]: ...

    async def candles(
        self, symbol: str, frame: Frame, limit: int, end: datetime | None = None
    ) -> tuple[Candle, ...]: ...

    async def marks(self) -> dict[str, Decimal]: ...

    async def book(self, symbol: str, levels: int) -> Book: ...


class Streams(Protocol):
    def market_events(self, symbols: Sequence[str], frames: Sequence[Frame]) -> AsyncIterator[MarketEvent]: ...

    def user_events(self) -> AsyncIterator[UserEvent]: ...


@runtime_checkable
class Timed(Protocol):
    """An exchange that knows when its deeds left this process."""

    def first_sent(self, since: float) -> float | None:
        """When the first deed after `since` was written to its socket, in monotonic wall seconds; None: none was."""
        ...


@runtime_checkable
class Metered(Protocol):
    """An exchange that counts the orders it is sent."""

    def order_share(self) -> float:
        """How much of the order rate is used, 0 to 1."""
        ...


class Exchange(Orders, Account, Market, Streams, Protocol):
    """One account at one exchange."""

    async def close(self) -> None: ...
