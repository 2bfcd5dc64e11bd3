"""The words of a flatten: what is believed, what can happen, what is asked of the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.model import (
    AccountSnapshot,
    AlgoOrder,
    Balance,
    Order,
    OrderRequest,
    Position,
    PositionSide,
    SymbolRules,
)
from canary_cli.core.trading.replies import Reply

LegKey = tuple[str, PositionSide]


class Style(StrEnum):
    MARKET = "market"
    LIMIT_IOC = "limit-ioc"


class Outcome(StrEnum):
    """`NOTHING_OPEN`: flat was verified, and there had been nothing to close or cancel."""

    FLAT = "FLAT"
    NOTHING_OPEN = "NOTHING_OPEN"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class Leg:
    """One position on its way to zero.

    `opened` is the most that was ever held, `sign` its direction; `stale` means that only a reading can tell what is
    left; `obstructed` counts -4118; `largest` is the chunk the exchange last called too large, halved; `dust` was
    called too small. `read`: a reading has told of it; `grown`: a later one told of more than our closes had left.
    """

    position: Position
    opened: Decimal
    sign: int = 1
    read: bool = False
    grown: bool = False
    stale: bool = False
    not_before: float = 0.0
    failures: int = 0
    at_band_edge: bool = False
    obstructed: int = 0
    largest: Decimal | None = None
    dust: bool = False
    trouble: str = ""

    @property
    def key(self) -> LegKey:
        return (self.position.symbol, self.position.position_side)


# Effects


@dataclass(frozen=True, slots=True)
class CancelAll:
    """All regular orders of a symbol."""

    symbol: str


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """One regular order, by its client id: for what a cancel of all has left."""

    symbol: str
    client_id: str


@dataclass(frozen=True, slots=True)
class CancelAlgo:
    symbol: str
    algo_id: int


Cancel = CancelAll | CancelOrder | CancelAlgo


@dataclass(frozen=True, slots=True)
class Close:
    request: OrderRequest


@dataclass(frozen=True, slots=True)
class Query:
    """Ask what became of a close, after `delay` seconds."""

    symbol: str
    client_id: str
    delay: float


@dataclass(frozen=True, slots=True)
class Read:
    """Read the whole account."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Send `Woken` at this time."""

    at: float


Effect = Cancel | Close | Query | Read | Wake


# Events


@dataclass(frozen=True, slots=True)
class Begin:
    """`known` is what somebody believes the account holds; None makes the first wave wait for a reading.

    `tripped` is when somebody wanted the account flat, where that was before `now`: what the clocks count from.
    """

    now: float
    known: AccountSnapshot | None = None
    tripped: float | None = None


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """A reading that was asked for at `asked`: it tells nothing about deeds answered after that."""

    now: float
    asked: float
    snapshot: AccountSnapshot


@dataclass(frozen=True, slots=True)
class ReadFailed:
    now: float
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    now: float
    cancel: Cancel
    reply: Reply[object]


@dataclass(frozen=True, slots=True)
class Closed:
    now: float
    client_id: str
    reply: Reply[Order]


@dataclass(frozen=True, slots=True)
class Queried:
    """`answered` False: the question itself failed. `order` None: the exchange knows no such order."""

    now: float
    client_id: str
    answered: bool
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Woken:
    now: float


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    now: float


Event = Begin | AccountSeen | ReadFailed | Cancelled | Closed | Queried | Woken | DeadlinePassed


@dataclass(frozen=True, slots=True)
class Sent:
    """A close without a final answer. `asked` counts questions that found nothing."""

    key: LegKey
    request: OrderRequest
    unknown: bool = False
    question_due: bool = False
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Flatten:
    """All that a flatten knows. `prefix` starts every order id; `only` limits it to one symbol.

    `orders` and `algos` are believed open, by symbol; `closes` and `cancels` are without answer; `touched` is when a
    deed on a symbol was last answered; `answered` are the orders whose cancel was answered; `order_ids` are the closes
    the exchange has executed; `balance` is that of the newest reading. Times are wall seconds; None: not yet.
    """

    prefix: str
    rules: Mapping[str, SymbolRules] = field(default_factory=dict)
    style: Style = Style.MARKET
    only: str | None = None
    now: float = 0.0
    legs: Mapping[LegKey, Leg] = field(default_factory=dict)
    orders: Mapping[str, tuple[Order, ...]] = field(default_factory=dict)
    algos: Mapping[str, tuple[AlgoOrder, ...]] = field(default_factory=dict)
    closes: Mapping[str, Sent] = field(default_factory=dict)
    cancels: frozenset[Cancel] = frozenset()
    answered: frozenset[CancelOrder | CancelAlgo] = frozenset()
    cancel_failures: Mapping[str, int] = field(default_factory=dict)
    cancel_not_before: Mapping[str, float] = field(default_factory=dict)
    touched: Mapping[str, float] = field(default_factory=dict)
    quiet_until: float = 0.0
    reading: bool = False
    readings: int = 0
    read_asked_at: float = 0.0
    read_failures: int = 0
    read_not_before: float = 0.0
    wake_at: float | None = None
    sent: int = 0
    cancelled: int = 0
    order_ids: frozenset[int] = frozenset()
    balance: Balance | None = None
    trouble: str = ""
    began_at: float | None = None
    first_sent_at: float | None = None
    acknowledged_at: float | None = None
    flat_since: float | None = None
    verified_at: float | None = None
    verified: bool = False
    outcome: Outcome | None = None
