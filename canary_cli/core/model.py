"""The words of the exchange: symbols, orders, fills, positions, candles.

Money and quantities are `Decimal`, times are aware UTC datetimes. Candles alone carry floats, because
indicators read nothing else from them. Names follow Binance USD-M futures.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1


class PositionSide(StrEnum):
    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"
    LIQUIDATION = "LIQUIDATION"

    @property
    def is_algo(self) -> bool:
        """Conditional types live in the separate algo store since 2025-12-09."""
        return self not in (OrderType.MARKET, OrderType.LIMIT, OrderType.LIQUIDATION)


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"

    @property
    def is_final(self) -> bool:
        return self not in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class AlgoStatus(StrEnum):
    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class WorkingType(StrEnum):
    CONTRACT_PRICE = "CONTRACT_PRICE"
    MARK_PRICE = "MARK_PRICE"


class Frame(StrEnum):
    """Candle lengths the toolkit reads, spelled as in kline intervals."""

    M1 = "1m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def duration(self) -> timedelta:
        return _FRAME_DURATION[self]

    def floor(self, instant: datetime) -> datetime:
        """Open time of the candle that contains `instant` (buckets are aligned to the UTC epoch)."""
        seconds = int(self.duration.total_seconds())
        return datetime.fromtimestamp(int(instant.timestamp()) // seconds * seconds, UTC)


_FRAME_DURATION = {
    Frame.M1: timedelta(minutes=1),
    Frame.M15: timedelta(minutes=15),
    Frame.H1: timedelta(hours=1),
    Frame.H4: timedelta(hours=4),
    Frame.D1: timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Candle:
    """A closed candle. `open_time` is its start; it is usable from `open_time + frame.duration` on."""

    symbol: str
    frame: Frame
    open_time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def close_time(self) -> datetime:
        return self.open_time + self.frame.duration


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """The filters of one symbol, as `exchangeInfo` states them."""

    symbol: str
    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_step: Decimal
    market_min_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal
    price_up: Decimal = Decimal("1.05")
    price_down: Decimal = Decimal("0.95")
    status: str = "TRADING"

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        return floor_to(quantity, self.market_step)

    def round_price(self, price: Decimal, *, up: bool) -> Decimal:
        return ceil_to(price, self.tick) if up else floor_to(price, self.tick)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What we ask of the exchange. Conditional types carry `trigger_price`; `close_position` needs no quantity."""

    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    close_position: bool = False
    position_side: PositionSide = PositionSide.BOTH
    working_type: WorkingType = WorkingType.MARK_PRICE


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the exchange reports it. `average_price` is zero where the reply carries none."""

    order_id: int
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    status: OrderStatus
    quantity: Decimal
    executed: Decimal = ZERO
    average_price: Decimal = ZERO
    price: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    position_side: PositionSide = PositionSide.BOTH
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlgoOrder:
    """A conditional order in the algo store."""

    algo_id: int
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    status: AlgoStatus
    trigger_price: Decimal
    quantity: Decimal = ZERO
    close_position: bool = False
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.BOTH


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of ours. `commission` is positive when paid; `realized` excludes commission."""

    symbol: str
    trade_id: int
    order_id: int
    client_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    time: datetime
    realized: Decimal = ZERO
    commission: Decimal = ZERO
    commission_asset: str = "USDT"
    maker: bool = False
    position_side: PositionSide = PositionSide.BOTH


@dataclass(frozen=True, slots=True)
class Position:
    """`quantity` is signed: negative is short. Flat positions are not reported."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    position_side: PositionSide = PositionSide.BOTH
    unrealized: Decimal = ZERO
    liquidation_price: Decimal = ZERO

    @property
    def notional(self) -> Decimal:
        return abs(self.quantity) * self.mark_price


@dataclass(frozen=True, slots=True)
class Balance:
    """Account totals in USDT. `margin` = wallet + unrealized, which is equity."""

    wallet: Decimal
    unrealized: Decimal
    margin: Decimal
    available: Decimal
    maintenance: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class AccountMode:
    hedge: bool
    multi_assets: bool
    can_trade: bool = True


@dataclass(frozen=True, slots=True)
class TradingLock:
    """A symbol (`ACCOUNT` for all) that a quantitative rule (UFR, IFER, GCR, DR) has locked, and until when."""

    symbol: str
    indicator: str
    until: datetime


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What an API key may do. A safe one trades futures, withdraws nothing, and works from known addresses only."""

    futures: bool
    withdrawals: bool
    ip_restricted: bool


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """All that the exchange holds of ours at one reading."""

    time: datetime
    balance: Balance
    mode: AccountMode
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    algo_orders: tuple[AlgoOrder, ...] = ()

    @property
    def is_flat(self) -> bool:
        return not self.positions


@dataclass(frozen=True, slots=True)
class Income:
    """One row of the exchange's income ledger; unique by (type, id)."""

    type: str
    id: int
    symbol: str
    asset: str
    amount: Decimal
    time: datetime
    trade_id: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """Best bid and ask, or more levels where asked for: ((price, quantity), ...), best first."""

    symbol: str
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    time: datetime = field(default=datetime.fromtimestamp(0, UTC))

    @property
    def mid(self) -> Decimal:
        return (self.bids[0][0] + self.asks[0][0]) / 2


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` not above `value`."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` not below `value`."""
    return (value / step).to_integral_value(ROUND_CEILING) * step
