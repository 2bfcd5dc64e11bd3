"""Facts about how far the session may go: its phase, and whatever holds it back."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class PhaseEntered:
    event: ClassVar[str] = "phase_entered"
    time: datetime
    number: int
    name: str
    fraction: Decimal
    pairs: tuple[str, ...]
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConditionSet:
    """A reason not to open anything that clears by itself."""

    event: ClassVar[str] = "condition_set"
    time: datetime
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class ConditionCleared:
    event: ClassVar[str] = "condition_cleared"
    time: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Latched:
    """The kill switch as this session knows it; the latch file is what survives."""

    event: ClassVar[str] = "latch_set"
    time: datetime
    source: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Unlatched:
    """A named human cleared a latch (who and why stands in the line of the verb that did it)."""

    event: ClassVar[str] = "latch_cleared"
    time: datetime
    source: str


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """`by` and `reason` are there when a named person has armed it again."""

    event: ClassVar[str] = "breaker"
    time: datetime
    zone: str
    drawdown_pct: Decimal
    equity: Decimal
    peak: Decimal
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TriggerFired:
    """`name` ends with the pair where the trigger watches one by itself."""

    event: ClassVar[str] = "trigger"
    time: datetime
    name: str
    level: str
    value: str
    limit: str
    n: int
    action: str
    pair: str = ""


@dataclass(frozen=True, slots=True)
class ParityChecked:
    """The batch engine was asked for the last hour's decisions: `differing` of them it has otherwise, or not at all.

    None where the candles could not be read: then nobody knows.
    """

    event: ClassVar[str] = "parity_checked"
    time: datetime
    compared: int
    differing: int | None


@dataclass(frozen=True, slots=True)
class TriggersReleased:
    """A named person let go what these triggers held; what they look back on begins afresh."""

    event: ClassVar[str] = "triggers_released"
    time: datetime
    triggers: tuple[str, ...]
    by: str
    reason: str
