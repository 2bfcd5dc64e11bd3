"""What a plan puts at stake, in money, for a given equity: the figures an approver must have seen."""

from dataclasses import dataclass
from decimal import Decimal

from canary_cli.core.policy.plan import Phase, Plan


@dataclass(frozen=True, slots=True)
class Stake:
    """One phase. USDT, but for `risk_pct` and `all_stops_pct` in % of equity.

    `full_positions` is how many positions at the phase's full size fit under the cap on open risk; `sleeve_risk_pct`
    and `sleeve_trip_pct` are a trade's risk and the breaker's limit, were the fraction one of capital, not volume.
    """

    phase: int
    risk_pct: Decimal
    risk: Decimal
    all_stops_pct: Decimal
    all_stops: Decimal
    gross: Decimal
    full_positions: int
    probes: int
    probe_cost: Decimal
    sleeve: Decimal
    sleeve_risk_pct: Decimal
    sleeve_trip_pct: Decimal


def stake(plan: Plan, phase: Phase, equity: Decimal) -> Stake:
    risk_pct = plan.risk.per_trade * phase.fraction
    probes = phase.probes.cap if phase.probes else 0
    return Stake(
        phase=phase.number,
        risk_pct=risk_pct,
        risk=equity * risk_pct / 100,
        all_stops_pct=phase.caps.open_risk,
        all_stops=equity * phase.caps.open_risk / 100,
        gross=equity * phase.caps.gross,
        full_positions=int(phase.caps.open_risk / risk_pct),
        probes=probes,
        probe_cost=probes * plan.probe_cost.notional * plan.probe_cost.round_trip_bps / 10_000,
        sleeve=equity * phase.fraction,
        sleeve_risk_pct=risk_pct / phase.fraction,
        sleeve_trip_pct=plan.breaker.trip / phase.fraction,
    )


def stakes(plan: Plan, equity: Decimal) -> tuple[Stake, ...]:
    """Every phase's stake. Equity in USDT, above zero."""
    return tuple(stake(plan, phase, equity) for phase in plan.phases)
