"""What an exchange tells, by stream or by reading, as values. Times are the exchange's own (aware UTC, plan time)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.model import (
    AccountSnapshot,
    AlgoOrder,
    Book,
    Candle,
    Fill,
    Income,
    Order,
    Position,
)


@dataclass(frozen=True, slots=True)
class CandleClosed:
    time: datetime
    candle: Candle


@dataclass(frozen=True, slots=True)
class MarksUpdated:
    """Mark prices of some or all symbols, as one message of the exchange carried them."""

    time: datetime
    marks: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Quoted:
    """Best bid and ask of one symbol."""

    time: datetime
    book: Book


@dataclass(frozen=True, slots=True)
class OrderUpdated:
    """The user stream on one regular order; `fill` is present when a trade happened (execution type TRADE).

    `execution` is the exchange's `x` field: NEW, TRADE, CANCELED, EXPIRED, CALCULATED (liquidation), AMENDMENT.
    `latency_ms` is decision to this update in wall ms, where the shell that sent the order could measure it.
    """

    time: datetime
    order: Order
    execution: str
    fill: Fill | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class AlgoUpdated:
    """The user stream on one conditional order; `order_id` is the regular order it became once triggered."""

    time: datetime
    algo: AlgoOrder
    order_id: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AccountUpdated:
    """Balances and positions that changed, and why (ORDER, FUNDING_FEE, DEPOSIT, WITHDRAW, ...).

    `positions` holds flat positions too (quantity zero). `wallet` is the new USDT wallet balance, or None.
    """

    time: datetime
    reason: str
    wallet: Decimal | None
    change: Decimal
    positions: tuple[Position, ...] = ()


@dataclass(frozen=True, slots=True)
class LeverageChanged:
    """The user stream on a symbol whose leverage somebody has set."""

    time: datetime
    symbol: str
    leverage: Decimal


class Stream(StrEnum):
    MARKET = "market"
    USER = "user"


@dataclass(frozen=True, slots=True)
class StreamUp:
    """Connected and subscribed (again). What happened meanwhile must be read by REST before it is trusted."""

    time: datetime
    stream: Stream


@dataclass(frozen=True, slots=True)
class StreamDown:
    time: datetime
    stream: Stream
    reason: str


@dataclass(frozen=True, slots=True)
class StreamAlive:
    """A pong or any other sign of life that carries no data (the listen key being fresh)."""

    time: datetime
    stream: Stream


MarketEvent = CandleClosed | MarksUpdated | Quoted | StreamUp | StreamDown | StreamAlive
UserEvent = OrderUpdated | AlgoUpdated | AccountUpdated | LeverageChanged | StreamUp | StreamDown | StreamAlive


@dataclass(frozen=True, slots=True)
class AccountRead:
    """A full reading of the account by REST, with the fills since the last one.

    `transfers` are the deposits and withdrawals of USDT since then.
    """

    time: datetime
    snapshot: AccountSnapshot
    fills: tuple[Fill, ...] = ()
    transfers: tuple[Income, ...] = ()


@dataclass(frozen=True, slots=True)
class LeverageRead:
    """The leverage of every symbol by REST (`GET /fapi/v1/symbolConfig`)."""

    time: datetime
    leverages: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """`retry_after` is how many wall seconds nothing may be read, where that is why; 0 otherwise."""

    time: datetime
    reason: str
    retry_after: float = 0.0
