"""What the engine says: components and their votes, the evaluation of a bar, and the signal it may become."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.model import Frame, Side


class Vote(StrEnum):
    AGREE = "agree"
    ABSTAIN = "abstain"
    OPPOSE = "oppose"

    @property
    def half_points(self) -> int:
        """Two for agreeing, one for abstaining, none for opposing: the confluence score counts in halves."""
        return _HALF_POINTS[self]


_HALF_POINTS = {Vote.AGREE: 2, Vote.ABSTAIN: 1, Vote.OPPOSE: 0}


class Reason(StrEnum):
    """Why a bar gave no signal; the first that applies, in this order."""

    NONE = ""
    GAP = "gap"
    WARMUP = "warmup"
    NEUTRAL = "neutral"
    OPPOSED = "opposed"
    CONFLUENCE = "confluence"
    CONFIDENCE = "confidence"
    ALIGNMENT = "alignment"
    DISTANCE = "distance"
    POSITION_OPEN = "position-open"
    COOLDOWN = "cooldown"


class Break(StrEnum):
    BOS = "BOS"
    CHOCH = "CHoCH"


class BlockState(StrEnum):
    FRESH = "fresh"
    TESTED = "tested"


@dataclass(frozen=True, slots=True)
class Swing:
    """A fractal high (`direction` +1) or low (-1). Times are opens: of its bar, and of the bar that confirmed it."""

    direction: int
    level: float
    time: datetime
    confirmed: datetime


@dataclass(frozen=True, slots=True)
class StructureBreak:
    """A close beyond the swing level, at the bar that opened at `time`."""

    kind: Break
    direction: int
    level: float
    time: datetime
    bar: int


@dataclass(frozen=True, slots=True)
class OrderBlock:
    """The high-volume candle at `time` from which the break at bar number `bar` came."""

    direction: int
    low: float
    high: float
    time: datetime
    bar: int
    state: BlockState = BlockState.FRESH


@dataclass(frozen=True, slots=True)
class FairValueGap:
    """The prices that the three candles ending at `time` left untraded."""

    direction: int
    low: float
    high: float
    time: datetime
    bar: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """A wick through a swing level closed back. `direction` +1: lows swept; -1: highs; 0: both in one bar."""

    direction: int
    level: float
    time: datetime
    bar: int


Votes = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Structure:
    """What the state machine knew at the close of a bar. `votes`: structure, break, block, gap, sweep; each -1, 0, +1.

    `swings` are the last four after alternation, oldest first; the other four are what cast the votes (None: nothing).
    """

    votes: Votes = (0, 0, 0, 0, 0)
    swings: tuple[Swing, ...] = ()
    last_break: StructureBreak | None = None
    block: OrderBlock | None = None
    gap: FairValueGap | None = None
    sweep: Sweep | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """`strength` 0...1 for the evaluation's direction, 0.5 = no opinion.

    `values` are the figures that made it (none while cold), in the order of `components.value_names`.
    """

    name: str  # smc | ema | rsi | adx
    vote: Vote
    strength: float
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """What the session holds of the pair: `side` while open; when flat, the side held `last` and `flat_since` when."""

    side: Side | None = None
    last: Side | None = None
    flat_since: datetime | None = None


FLAT = Holding()


@dataclass(frozen=True, slots=True)
class Evidence:
    """`origins`: open time of the first bar fed in each frame, from which anybody can compute the same figures."""

    structure: Structure = Structure()
    origins: tuple[tuple[Frame, datetime], ...] = ()
    holding: Holding = FLAT


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One closed decision bar of one pair. `time` is its close time; `reason` is empty when it is a signal.

    `direction` is the side with the higher confidence (None when they are equal; the components then speak of BUY).
    `alignment_agree` and `alignment_oppose` count structure votes; `alignment` is their share in percent.
    `atr` is 0.0 while the decision frame is cold.
    """

    symbol: str
    time: datetime
    close: float
    direction: Side | None
    components: tuple[Component, ...]
    confluence: float
    confidence: float
    alignment_agree: int
    alignment_oppose: int
    alignment: float
    atr: float
    reason: Reason
    evidence: Evidence

    @property
    def is_signal(self) -> bool:
        return self.reason is Reason.NONE


@dataclass(frozen=True, slots=True)
class Signal:
    """An entry worth asking the risk gate for. Prices lie on the tick."""

    symbol: str
    side: Side
    time: datetime
    entry: Decimal
    stop: Decimal
    target: Decimal
    atr: float
    evaluation: Evaluation
