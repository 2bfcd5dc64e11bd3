"""From a run to what a screen shows of it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from canary_cli.core.policy.gates import CheckResult, Verdict
from canary_cli.core.policy.plan import Phase
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.trading.releasing import held_back
from canary_cli.core.trading.standing import trading_state
from canary_cli.core.trading.state import Held, Session
from canary_cli.session.view import HoldLine, PhaseLine, PositionLine, RunView
from canary_cli.steps.run import Run

_STATUS = {
    Verdict.PASS: "passed",
    Verdict.WARNING: "warned",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "inconclusive",
}


_HEADLINE = {
    TradingState.ACTIVE: "RUNNING",
    TradingState.REDUCING: "REDUCE-ONLY",
    TradingState.HALTED: "STOPPED",
}


def view(run: Run, checks: Sequence[CheckResult], next_command: str) -> RunView:
    state = run.session.state if run.has_session else None
    headline, why = _ended(run, state) if run.progress.ended else headline_of(state)
    return RunView(
        account=run.world.account.banner,
        run_id=run.run_id,
        plan_name=run.plan.name,
        plan_sha256=run.plan.sha256,
        headline=headline,
        why=why,
        now=run.now,
        started_at=run.started_at,
        speed=run.world.clock.speed,
        step=run.progress.step,
        phases=tuple(_phase_line(run, phase, state) for phase in run.plan.phases),
        size_intended=state.phase.fraction if state and state.phase else Decimal(0),
        size_actual=_gross(state) / state.equity if state and state.equity else Decimal(0),
        equity=state.equity if state else None,
        peak=state.peak if state else None,
        drawdown_pct=state.drawdown_pct if state else None,
        breaker=state.breaker.zone.value if state else "ARMED",
        limits=run.plan.breaker,
        equity_series=tuple(run.progress.equity),
        checks=tuple(checks),
        positions=tuple(_position_line(state, held) for held in state.held.values()) if state else (),
        events=tuple(run.progress.events),
        next_command=next_command,
        holds=tuple(HoldLine(h.trigger, h.what, h.detail, h.waits) for h in held_back(state)) if state else (),
    )


def headline_of(state: Session | None) -> tuple[str, str]:
    """RUNNING, REDUCE-ONLY or STOPPED, and the first reason for it."""
    if state is None:
        return "STOPPED", "the session has not started"
    allowed, why = trading_state(state)
    return _HEADLINE[allowed], why


def _ended(run: Run, state: Session | None) -> tuple[str, str]:
    """Nobody trades any more, and nobody watches what is left. That nothing is, only the exchange can say."""
    held = len(state.held) if state else 0
    left = f"; {held} open positions have only their resting stops" if held else ""
    return "STOPPED", f"run ended: {run.progress.ended}{left}"


def _phase_line(run: Run, phase: Phase, state: Session | None) -> PhaseLine:
    verdict = run.progress.verdicts.get(phase.number)
    running = state is not None and state.phase is not None and state.phase.number == phase.number
    going_on = "stopped" if run.progress.ended else "running"
    status = _STATUS[verdict.verdict] if verdict else going_on if running else "waiting"
    ends: datetime | None = run.progress.ends.get(phase.number)
    starts = ends - phase.duration if ends else run.phase_start(phase)
    return PhaseLine(phase.number, phase.name, status, starts, ends or starts + phase.duration, phase.fraction)


def _position_line(state: Session, held: Held) -> PositionLine:
    mark = state.marks.get(held.symbol, held.entry_price)
    unrealized = held.quantity * (mark - held.entry_price)
    return PositionLine(held.symbol, held.quantity, held.entry_price, mark, unrealized, held.stop_price)


def _gross(state: Session) -> Decimal:
    """Gross exposure at mark prices, USDT."""
    return sum(
        (abs(held.quantity) * state.marks.get(held.symbol, held.entry_price) for held in state.held.values()),
        Decimal(0),
    )
