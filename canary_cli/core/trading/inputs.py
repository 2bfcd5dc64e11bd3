"""Everything a session decides on: what the exchange tells, and what the shell around the session knows.

Times are plan time (aware UTC); latencies are wall milliseconds, measured by the shell with a monotonic clock.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from canary_cli.core.model import ZERO, AccountSnapshot, AlgoOrder, Order
from canary_cli.core.policy.plan import Phase
from canary_cli.core.policy.sizing import Depth
from canary_cli.core.signals import Evaluation, Signal
from canary_cli.core.trading.events import AccountRead, LeverageRead, MarketEvent, ReadFailed, UserEvent
from canary_cli.core.trading.replies import Reply


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer to a `Place`. `latency_ms` is decision to answer, `send_ms` request to answer (wall)."""

    time: datetime
    client_id: str
    reply: Reply[Order] | Reply[AlgoOrder]
    latency_ms: float
    send_ms: float


@dataclass(frozen=True, slots=True)
class QueryAnswered:
    """The answer to a `QueryOrder`: `order` None with `answered` means the exchange does not know it."""

    time: datetime
    client_id: str
    answered: bool
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The signal engine judged one closed decision bar of one pair; `signal` is present when it wants to trade."""

    time: datetime
    evaluation: Evaluation
    signal: Signal | None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed. The only way a decision learns the hour, and how much of the order rate is used by now, in %."""

    time: datetime
    quota_used: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class DepthRead:
    """A pair's book near the mid, and its thin minute, as they are now."""

    time: datetime
    symbol: str
    depth: Depth


@dataclass(frozen=True, slots=True)
class EnterPhase:
    time: datetime
    phase: Phase
    pairs: tuple[str, ...]
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class RollBack:
    """A gate failed, or a person asked: the session stops itself as it does at a money trigger."""

    time: datetime
    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class Keep:
    """A named person decided against the rollback that `trigger`'s decision clock was running to."""

    time: datetime
    trigger: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    """The shell saw something outside the exchange go bad or well again: database, quota, clock skew."""

    time: datetime
    name: str
    holds: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The last hour's decisions were put to the batch engine; `differing` is None where it could not be asked."""

    time: datetime
    compared: int
    differing: int | None


@dataclass(frozen=True, slots=True)
class LatchChanged:
    """The latch file, read again: the sources set in it now, and those that stood in it before and no longer do."""

    time: datetime
    latches: tuple[tuple[str, str, str], ...]  # (source, reason, by)
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArmAgain:
    """A named person has enabled trading: the breaker, which never recovers by itself, is set back.

    `releases` names the triggers that were seen to hold something, which is let go.
    """

    time: datetime
    by: str
    reason: str
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopt:
    """A named person takes what the exchange holds for ours, as it was read just now."""

    time: datetime
    by: str
    snapshot: AccountSnapshot


@dataclass(frozen=True, slots=True)
class WindDown:
    """The run ends: nothing new is opened, and what is under way is seen through."""

    time: datetime
    reason: str


Input = (
    MarketEvent
    | UserEvent
    | AccountRead
    | LeverageRead
    | DepthRead
    | ReadFailed
    | Replied
    | QueryAnswered
    | Decided
    | Tick
    | EnterPhase
    | RollBack
    | Keep
    | ConditionChanged
    | Compared
    | LatchChanged
    | ArmAgain
    | WindDown
    | Adopt
)
