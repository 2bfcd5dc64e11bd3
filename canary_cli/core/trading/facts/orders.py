"""Facts about our orders, from what the risk gate refused to the last trade."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from canary_cli.core.model import ZERO, AlgoStatus, OrderRequest, OrderStatus, OrderType, PositionSide, Side


class Purpose(StrEnum):
    """Why an order exists. Only ENTRY and the first leg of PROBE add risk."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"
    PROBE = "probe"
    PROBE_EXIT = "probe_exit"

    @property
    def adds_risk(self) -> bool:
        return self in (Purpose.ENTRY, Purpose.PROBE)

    @property
    def is_probe(self) -> bool:
        return self in (Purpose.PROBE, Purpose.PROBE_EXIT)


@dataclass(frozen=True, slots=True)
class Intended:
    """An order that is about to be sent. On disk before a request leaves that adds risk.

    `decision_price` is the mid price when the decision fell, for a conditional order its trigger; `stop_distance` and
    `target_distance` (price units) say where protection belongs once the entry has filled.
    """

    event: ClassVar[str] = "order_intent"
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    purpose: Purpose
    decided_at: datetime
    decision_price: Decimal
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False
    stop_distance: Decimal = ZERO
    target_distance: Decimal = ZERO
    reason: str = ""

    @property
    def request(self) -> OrderRequest:
        return OrderRequest(
            client_id=self.client_id,
            symbol=self.symbol,
            side=self.side,
            quantity=self.quantity,
            type=self.type,
            trigger_price=self.trigger_price,
            reduce_only=self.reduce_only,
            close_position=self.close_position,
        )


@dataclass(frozen=True, slots=True)
class RiskRefused:
    event: ClassVar[str] = "risk_refused"
    time: datetime
    symbol: str
    side: Side
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    """The exchange acknowledged it. `latency_ms` is decision to acknowledgement, `send_ms` send to acknowledgement."""

    event: ClassVar[str] = "order_confirmed"
    client_id: str
    order_id: int
    latency_ms: float
    send_ms: float


@dataclass(frozen=True, slots=True)
class OrderRejected:
    event: ClassVar[str] = "order_rejected"
    client_id: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class OrderDenied:
    """We did not send it after all."""

    event: ClassVar[str] = "order_denied"
    client_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderUnknown:
    """Nobody knows whether it was done; the resolver asks until somebody does.

    `inherited`: because we died, which says nothing against the exchange before it was asked. `latency_ms`: how long
    after the decision nobody had acknowledged it; None where the stream had told of it by then.
    """

    event: ClassVar[str] = "order_unknown"
    client_id: str
    reason: str
    inherited: bool = False
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class OrderResolved:
    """What an unknown order turned out to be: `found` (it is at the exchange) or `absent`."""

    event: ClassVar[str] = "order_resolved"
    client_id: str
    outcome: str


@dataclass(frozen=True, slots=True)
class OrderMoved:
    event: ClassVar[str] = "order_updated"
    client_id: str
    order_id: int
    status: OrderStatus
    executed: Decimal
    average_price: Decimal


@dataclass(frozen=True, slots=True)
class AlgoMoved:
    event: ClassVar[str] = "algo_updated"
    client_id: str
    algo_id: int
    symbol: str
    status: AlgoStatus
    trigger_price: Decimal
    order_id: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """One trade of ours, once. `slippage_bps` is against the decision price, positive when it cost us.

    `latency_ms` is decision to the message that told of it (wall), None where a reading told of it.
    """

    event: ClassVar[str] = "fill"
    time: datetime
    symbol: str
    trade_id: int
    order_id: int
    client_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    realized: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    purpose: str
    decision_price: Decimal
    slippage_bps: Decimal | None
    position_side: PositionSide = PositionSide.BOTH
    latency_ms: float | None = None
