"""The drawdown circuit breaker: ARMED, PRE_TRIP at -2.5 %, TRIGGERED at -3 %; only a named human sets it back."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.accounting.equity import drawdown_pct


class Zone(StrEnum):
    ARMED = "ARMED"
    PRE_TRIP = "PRE_TRIP"
    TRIGGERED = "TRIGGERED"

    @property
    def risk_gate(self) -> str:
        """The word of the audit trail."""
        return _RISK_GATE[self]


_RISK_GATE = {Zone.ARMED: "CLEARED", Zone.PRE_TRIP: "RISKY", Zone.TRIGGERED: "BLOCKED"}
_SEVERITY = {Zone.ARMED: 0, Zone.PRE_TRIP: 1, Zone.TRIGGERED: 2}


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Drawdown of account equity in percent, negative; reaching a limit is enough."""

    pre_trip: Decimal = Decimal("-2.5")
    trip: Decimal = Decimal("-3")


@dataclass(frozen=True, slots=True)
class Breaker:
    """`since` is when it entered its zone; `reset_by` and `reset_reason` say who last armed it again, and why."""

    zone: Zone = Zone.ARMED
    since: datetime | None = None
    limits: BreakerLimits = field(default_factory=BreakerLimits)
    reset_by: str = ""
    reset_reason: str = ""


@dataclass(frozen=True, slots=True)
class ZoneChange:
    zone: Zone
    drawdown_pct: Decimal
    time: datetime


def step(
    state: Breaker, equity: Decimal | None, peak: Decimal | None, now: datetime
) -> tuple[Breaker, ZoneChange | None]:
    """One mark. The zone only ever gets worse: a winning trade does not arm the breaker again.

    A missing or senseless reading is no drawdown and no recovery: it changes nothing here and is a condition elsewhere.
    """
    drawdown = drawdown_pct(equity, peak)
    if drawdown is None or equity is None or peak is None:
        return state, None
    reached = _zone(equity, peak, state.limits)
    if _SEVERITY[reached] <= _SEVERITY[state.zone]:
        return state, None
    return replace(state, zone=reached, since=now), ZoneChange(reached, drawdown, now)


def _zone(equity: Decimal, peak: Decimal, limits: BreakerLimits) -> Zone:
    """Compared without dividing, so that exactly -3.00 % is exactly the limit whatever the peak is."""
    lost = (equity - peak) * 100
    if lost <= limits.trip * peak:
        return Zone.TRIGGERED
    return Zone.PRE_TRIP if lost <= limits.pre_trip * peak else Zone.ARMED


def reset(state: Breaker, by: str, reason: str, now: datetime) -> Breaker:
    """Armed again by a named human. Raises ValueError without a name or a reason."""
    if not by.strip() or not reason.strip():
        raise ValueError("resetting the breaker needs a name and a reason")
    return replace(state, zone=Zone.ARMED, since=now, reset_by=by, reset_reason=reason)
