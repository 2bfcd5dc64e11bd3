"""The life of one order, from intent to an end that the exchange has confirmed.

An order nobody has answered for is UNKNOWN, and stays so until the exchange, asked again, says what became of it.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.model import ZERO, OrderStatus
from canary_cli.core.trading.facts import (
    Intended,
    OrderConfirmed,
    OrderDenied,
    OrderMoved,
    OrderRejected,
    OrderResolved,
    OrderUnknown,
)

RESOLVE_DELAYS = (0.2, 0.4, 0.8, 1.6)
"""Wall seconds between the questions an unknown order causes; a placement may lag behind its own query."""


class Stage(StrEnum):
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class OrderLife:
    """`asked` counts the questions that found nothing while the order was unknown.

    `executed` is what the exchange says of the order, `filled` the sum of the trades it told us of: the order is
    settled when it has ended and both agree. `became` is the regular order that a conditional one turned into.
    `inherited`: a process before this one sent it, and heard no answer.
    """

    intent: Intended
    stage: Stage = Stage.SENT
    order_id: int = 0
    executed: Decimal = ZERO
    average_price: Decimal = ZERO
    status: OrderStatus | None = None
    asked: int = 0
    filled: Decimal = ZERO
    became: int = 0
    inherited: bool = False

    @property
    def is_settled(self) -> bool:
        return self.stage is Stage.ENDED and self.filled >= self.executed

    @property
    def is_unanswered(self) -> bool:
        return self.stage in (Stage.SENT, Stage.UNKNOWN)

    @property
    def is_open(self) -> bool:
        return self.stage in (Stage.SENT, Stage.CONFIRMED, Stage.UNKNOWN)

    @property
    def outstanding(self) -> Decimal:
        """What it may still add to the fills we know of: an ended order's trades may be told after its end."""
        return (self.intent.quantity if self.is_open else self.executed) - self.filled

    @property
    def is_under_way(self) -> bool:
        return self.is_open or self.outstanding > 0


OrderFact = OrderConfirmed | OrderRejected | OrderDenied | OrderUnknown | OrderResolved | OrderMoved


def advance(life: OrderLife, fact: OrderFact) -> OrderLife:
    """The life after `fact`. What the stream has already ended, a late reply does not reopen."""
    match fact:
        case OrderConfirmed():
            stage = life.stage if life.stage is Stage.ENDED else Stage.CONFIRMED
            return replace(life, stage=stage, order_id=fact.order_id)
        case OrderRejected() | OrderDenied():
            return replace(life, stage=Stage.REJECTED)
        case OrderUnknown():
            unknown = replace(life, stage=Stage.UNKNOWN, inherited=fact.inherited)
            return unknown if life.stage is Stage.SENT else life
        case OrderResolved():
            found = Stage.CONFIRMED if fact.outcome == "found" else Stage.REJECTED
            return replace(life, stage=found) if life.stage is Stage.UNKNOWN else life
        case OrderMoved():
            return _moved(life, fact)


def _moved(life: OrderLife, fact: OrderMoved) -> OrderLife:
    """Quantities only grow: a reordered or replayed update never takes an execution back."""
    if fact.executed < life.executed:
        return life
    stage = Stage.ENDED if fact.status.is_final else max(life.stage, Stage.CONFIRMED, key=_rank)
    return replace(
        life,
        stage=stage,
        order_id=fact.order_id,
        executed=fact.executed,
        average_price=fact.average_price or life.average_price,
        status=fact.status,
    )


def _rank(stage: Stage) -> int:
    return [Stage.SENT, Stage.UNKNOWN, Stage.CONFIRMED, Stage.REJECTED, Stage.ENDED].index(stage)


def next_question(life: OrderLife) -> float | None:
    """Wall seconds to wait before asking about an unknown order again; None when asking has been enough."""
    return RESOLVE_DELAYS[life.asked] if life.asked < len(RESOLVE_DELAYS) else None
