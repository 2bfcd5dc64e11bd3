"""What the exchange keeps: orders, conditional orders, trades, income. Mutable, each with one owner: the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.model import (
    ZERO,
    AlgoStatus,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)


class SelfTrade(StrEnum):
    """What happens when an order would meet another of the same account."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class Expiry(StrEnum):
    """`er` of ORDER_TRADE_UPDATE: why an order expired."""

    NONE = "0"
    SELF_TRADE = "1"
    IOC_REST = "2"
    REDUCE_ONLY_KNOCKED = "4"
    LIQUIDATION = "5"
    GTD = "6"
    STOP_TRIGGERED = "8"
    MARKET_REST = "9"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request for an order, parsed but not yet judged. Conditional types carry `trigger_price` and live elsewhere."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    client_id: str = ""
    price_match: str = "NONE"
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    good_till: datetime | None = None
    trigger_price: Decimal | None = None
    close_position: bool = False
    working_type: WorkingType = WorkingType.CONTRACT_PRICE
    price_protect: bool = False
    activate_price: Decimal | None = None
    callback_rate: Decimal | None = None
    with_position: bool = False  # GTE_GTC: lives only as long as the position


@dataclass(slots=True)
class RestingOrder:
    """An order the matching engine has seen. `ahead` is the quantity queued before it at its price."""

    order_id: int
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce
    created: datetime
    updated: datetime
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    original_type: OrderType = OrderType.LIMIT
    status: OrderStatus = OrderStatus.NEW
    executed: Decimal = ZERO
    spent: Decimal = ZERO
    ahead: Decimal = ZERO
    resting: bool = False  # in the book, not on its way into it
    trigger_price: Decimal = ZERO
    close_position: bool = False
    working_type: WorkingType = WorkingType.CONTRACT_PRICE
    price_protect: bool = False
    price_match: str = "NONE"
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    good_till: datetime | None = None
    activate_price: Decimal = ZERO
    callback_rate: Decimal = ZERO
    amends: int = 0

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.executed

    @property
    def average_price(self) -> Decimal:
        return self.spent / self.executed if self.executed else ZERO


@dataclass(slots=True)
class Conditional:
    """An order in the algo store: it becomes an ordinary one, with the same client id, when its trigger fires."""

    algo_id: int
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    trigger_price: Decimal
    created: datetime
    updated: datetime
    price: Decimal = ZERO
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    close_position: bool = False
    working_type: WorkingType = WorkingType.CONTRACT_PRICE
    price_protect: bool = False
    price_match: str = "NONE"
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    good_till: datetime | None = None
    activate_price: Decimal = ZERO
    callback_rate: Decimal = ZERO
    with_position: bool = False
    activated: bool = False
    extreme: Decimal = ZERO
    status: AlgoStatus = AlgoStatus.NEW
    triggered: datetime | None = None
    order_id: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of ours. `commission` is positive when paid; `realized` excludes it."""

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    position_side: PositionSide
    price: Decimal
    quantity: Decimal
    realized: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    time: datetime


@dataclass(frozen=True, slots=True)
class IncomeRow:
    """One row of the income ledger; `transaction_id` is unique."""

    transaction_id: int
    type: str
    symbol: str
    asset: str
    amount: Decimal
    time: datetime
    info: str = ""
    trade_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderChange:
    """ORDER_TRADE_UPDATE, and TRADE_LITE before it where `trade` is set."""

    time: datetime
    order: RestingOrder
    execution: str  # NEW | CANCELED | CALCULATED | EXPIRED | TRADE | AMENDMENT
    trade: Trade | None = None
    expiry: Expiry = Expiry.NONE
    bid_notional: Decimal = ZERO
    ask_notional: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PositionView:
    """A position as ACCOUNT_UPDATE shows it, frozen at the moment of the change."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    break_even: Decimal
    realized_total: Decimal
    unrealized: Decimal
    isolated: bool
    isolated_wallet: Decimal


@dataclass(frozen=True, slots=True)
class BalanceView:
    asset: str
    wallet: Decimal
    cross_wallet: Decimal
    change: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class AccountChange:
    """ACCOUNT_UPDATE: only the balances and positions that changed, and why."""

    time: datetime
    reason: str
    balances: tuple[BalanceView, ...] = ()
    positions: tuple[PositionView, ...] = ()
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class ConditionalChange:
    """ALGO_UPDATE."""

    time: datetime
    conditional: Conditional
    status: AlgoStatus
    activated: bool
    actual: RestingOrder | None = None


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """ACCOUNT_CONFIG_UPDATE: a symbol's leverage, or multi-assets mode."""

    time: datetime
    symbol: str = ""
    leverage: int = 0
    multi_assets: bool | None = None


@dataclass(frozen=True, slots=True)
class MarginCall:
    time: datetime
    cross_wallet: Decimal
    positions: tuple[tuple[PositionView, Decimal, Decimal], ...] = field(
        default_factory=tuple
    )  # view, mark, maintenance


Event = OrderChange | AccountChange | ConditionalChange | ConfigChange | MarginCall
Marks = Mapping[str, Decimal]
