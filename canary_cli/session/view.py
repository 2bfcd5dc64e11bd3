"""What a screen shows of a run: one frozen value, made by the run, drawn by `render`, sent as JSON by `monitor`."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.core.policy.gates import CheckResult


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """One row of the schedule. `status`: waiting | running | passed | warned | failed | inconclusive."""

    number: int
    name: str
    status: str
    starts_at: datetime
    ends_at: datetime | None
    fraction: Decimal


@dataclass(frozen=True, slots=True)
class PositionLine:
    """`stop` is the trigger price of the protective stop at the exchange; None means unprotected."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealized: Decimal
    stop: Decimal | None


@dataclass(frozen=True, slots=True)
class EventLine:
    """`level`: info | good | warning | bad."""

    time: datetime
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class HoldLine:
    """`what` a trigger holds. `waits` for the answer to a question (`canary keep`), else for `trading enable`."""

    trigger: str
    what: str
    detail: str
    waits: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """`headline` is RUNNING, REDUCE-ONLY or STOPPED; `size_actual` is gross exposure over equity."""

    account: str
    run_id: str
    plan_name: str
    plan_sha256: str
    headline: str
    why: str
    now: datetime
    started_at: datetime
    speed: float
    step: str
    phases: tuple[PhaseLine, ...]
    size_intended: Decimal
    size_actual: Decimal
    equity: Decimal | None
    peak: Decimal | None
    drawdown_pct: Decimal | None
    breaker: str
    limits: BreakerLimits
    equity_series: tuple[tuple[datetime, Decimal], ...]
    checks: tuple[CheckResult, ...]
    positions: tuple[PositionLine, ...]
    events: tuple[EventLine, ...]
    next_command: str
    holds: tuple[HoldLine, ...] = ()
