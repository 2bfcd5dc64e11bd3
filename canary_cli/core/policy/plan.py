"""A plan as values: what a go-live does when, how much it may risk, and what it must prove. Made by `parse_plan`.

Offsets and durations are timedeltas of plan time from the start; percentages are Decimals in percent (0.1 is 0.1 %);
fractions are of one (0.1 is 10 %); money is USDT.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.core.policy.vocabulary import PER_PAIR


class Kind(StrEnum):
    """What a check that does not hold means."""

    HARD = "hard"  # FAIL
    SOFT = "soft"  # one warning
    EVIDENCE = "evidence"  # INCONCLUSIVE: not proven yet


class Promote(StrEnum):
    AUTO = "auto"
    ASK = "ask"


class Level(StrEnum):
    NORMAL = "normal"
    WARNING = "warning"
    CRITICAL = "critical"


class Action(StrEnum):
    """What a trigger asks for. RELEASE: the metric is well again, so what the trigger held may go on."""

    ALERT = "alert"
    INVESTIGATE = "investigate"  # page, and start the decision clock
    CHECK_MARKET = "check-market"  # hold entries on that pair, attach its book
    SUSPEND_SIGNALS = "suspend-signals"
    STOP = "stop"  # REDUCING and page
    ROLLBACK = "rollback"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Check:
    """One row of a gate: the phase may go on while `metric op limit`.

    `min_n` samples are needed to judge it; `min_errors` errors to fail a rate; `at_once` fails the phase the moment it
    breaks; `by_construction` marks what the entry rule already guarantees: shown, and a fault of ours if it breaks.
    """

    metric: str
    op: str
    limit: Decimal
    kind: Kind = Kind.HARD
    min_n: int = 1
    min_errors: int = 0
    at_once: bool = False
    by_construction: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    name: str
    checks: tuple[Check, ...]
    max_warnings: int = 2


@dataclass(frozen=True, slots=True)
class Probes:
    """Round trips of the smallest size: one `every` so long, at most `cap` in the phase."""

    every: timedelta
    cap: int


@dataclass(frozen=True, slots=True)
class ProbeCost:
    """What a probe is expected to cost: `notional` USDT of the largest smallest order, fees and spread both ways."""

    notional: Decimal
    round_trip_bps: Decimal


@dataclass(frozen=True, slots=True)
class Caps:
    """`open_risk` is what all resting stops may lose, in % of equity; `gross` is exposure over equity."""

    open_risk: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Phase:
    """A slice of the go-live. `pairs` empty means every operational pair; `watch` is how often people look at it."""

    number: int
    name: str
    starts_at: timedelta
    duration: timedelta
    fraction: Decimal
    pairs: tuple[str, ...]
    caps: Caps
    gate: Gate
    extend: timedelta
    max_extend: timedelta
    min_orders: int
    promote: Promote
    watch: timedelta
    probes: Probes | None = None

    @property
    def ends_at(self) -> timedelta:
        return self.starts_at + self.duration


@dataclass(frozen=True, slots=True)
class GateZero:
    """Red is troubleshot for so long, then the start moves to `postpone` after the planned one. `decide` is on time."""

    at: timedelta
    decide: timedelta
    troubleshoot: timedelta
    postpone: timedelta


@dataclass(frozen=True, slots=True)
class Trigger:
    """A threshold watched all the time. `worse` says on which side of its limits the metric is bad.

    It fires once per change of level; it comes back only when the metric is better than the limit by `margin` of it.
    `lasting`: it must have been beyond for so long. `phases` empty means all.
    """

    name: str
    metric: str
    worse: str  # above | below
    action: Action
    warning: Decimal | None = None
    critical: Decimal | None = None
    min_samples: int = 1
    min_errors: int = 0
    margin: Decimal = Decimal("0.1")
    lasting: timedelta = timedelta()
    phases: tuple[int, ...] = ()


def name_of(trigger: Trigger, pair: str) -> str:
    """What a trigger goes by where it watches `pair` by itself; its own name where it watches no single one."""
    return f"{trigger.name} {pair}" if pair else trigger.name


@dataclass(frozen=True, slots=True)
class Crew:
    """When somebody sits there, UTC. Unanswered decisions fall differently inside and outside."""

    opens: time
    closes: time
    rollback_inside: timedelta
    stop_outside: timedelta
    rollback_outside: timedelta

    def is_watching(self, now: datetime) -> bool:
        """Windows over midnight are fine; the closing minute is outside."""
        at = now.astimezone(UTC).time()
        if self.opens <= self.closes:
            return self.opens <= at < self.closes
        return at >= self.opens or at < self.closes

    def changes_at(self, now: datetime) -> datetime:
        """When the window opens or closes next, after `now`."""
        today = [datetime.combine(now.astimezone(UTC), at, UTC) for at in (self.opens, self.closes)]
        return min(one if one > now else one + timedelta(days=1) for one in today)


@dataclass(frozen=True, slots=True)
class Liquidity:
    """A position may take `depth_share` of the worst book of 24 h within `depth_bps`, and `minutes` of thin volume.

    `required`: refuse entries on a pair whose liquidity nobody has measured.
    """

    depth_share: Decimal
    depth_bps: Decimal
    minutes: Decimal
    required: bool


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """`per_trade` is the % of equity lost at the stop at full size. `margin_reserve` stays free, in % of equity.

    `quota_reserve` is the % of the exchange's order rate kept for exits; `collar_bps` how far from the mark we buy.
    """

    per_trade: Decimal
    max_pairs: int
    duplicate_window: timedelta
    collar_bps: Decimal
    margin_reserve: Decimal
    quota_reserve: Decimal
    liquidity: Liquidity


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a stream may be silent before all is closed, and a database away before the rollback."""

    stream: timedelta
    database: timedelta


@dataclass(frozen=True, slots=True)
class SignalLimits:
    """The brief's targets; the entry rule guarantees them, so they are watched, not relied on."""

    min_confluence: Decimal
    min_confidence: Decimal
    min_alignment: Decimal


@dataclass(frozen=True, slots=True)
class Step:
    """One deed of the sequence, due `at` after the start."""

    name: str
    at: timedelta


@dataclass(frozen=True, slots=True)
class Plan:
    """`start` None means now. `drawdown_base` says what drawdown is measured on: `account` equity."""

    name: str
    version: str
    sha256: str
    start: datetime | None
    drawdown_base: str
    probe_cost: ProbeCost
    crew: Crew
    gate_zero: GateZero
    phases: tuple[Phase, ...]
    triggers: tuple[Trigger, ...]
    breaker: BreakerLimits
    risk: RiskLimits
    silence: Silence
    signals: SignalLimits
    sequence: tuple[Step, ...]

    def phase(self, number: int) -> Phase:
        """Raises KeyError for a phase the plan does not have."""
        for phase in self.phases:
            if phase.number == number:
                return phase
        raise KeyError(f"the plan has no phase {number}")

    def watched_by(self, name: str) -> tuple[Trigger, str] | None:
        """The trigger that fired as `name`, and the pair it watches by itself; None where the plan has none such."""
        for trigger in self.triggers:
            pair = name.removeprefix(f"{trigger.name} ") if trigger.metric in PER_PAIR else ""
            if name == name_of(trigger, pair) and (pair or trigger.metric not in PER_PAIR):
                return trigger, pair
        return None

    @property
    def pairs(self) -> tuple[str, ...]:
        """Every pair the plan names, in its order. A phase with all pairs names none."""
        return tuple(dict.fromkeys(pair for phase in self.phases for pair in phase.pairs))


def unknown_pairs(plan: Plan, listed: Iterable[str]) -> tuple[str, ...]:
    """Pairs of the plan that the exchange does not list, each as `phase N: PAIR`."""
    known = frozenset(listed)
    return tuple(f"phase {phase.number}: {pair}" for phase in plan.phases for pair in phase.pairs if pair not in known)
