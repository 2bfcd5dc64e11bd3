"""A run in the middle of its second phase, as a view, for every test that draws one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.core.policy.gates import CheckResult, Verdict
from canary_cli.session.view import EventLine, PhaseLine, PositionLine, RunView

START = datetime(2026, 2, 22, 10, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def check(metric: str, value: str | None, op: str, limit: str, verdict: Verdict, detail: str = "") -> CheckResult:
    return CheckResult(metric, None if value is None else Decimal(value), op, Decimal(limit), 42, "phase", "orders",
                       verdict, detail)  # fmt: skip


CHECKS = (
    check("latency_p95", "212.4", "<", "500", Verdict.PASS),
    check("slippage_mean", "16.2", "<", "15", Verdict.WARNING, "outside its limit"),
    check("orders", "12", ">=", "20", Verdict.INCONCLUSIVE, "12 of 20 samples"),
    *(check(f"metric_{number}", "1", "<", "2", Verdict.PASS) for number in range(20)),
)
POSITIONS = (
    PositionLine("BTCUSDT", Decimal("0.015"), Decimal("65012.1"), Decimal(65100), Decimal("1.32"), Decimal(63800)),
    PositionLine("SOLUSDT", Decimal(-4), Decimal("151.23"), Decimal("150.9"), Decimal("-1.32"), None),
)


def view(**changed: Any) -> RunView:
    made = RunView(
        account="ACCOUNT rehearsal:7f3a PAPER",
        run_id="20260222-1000-7f3a",
        plan_name="golive",
        plan_sha256="3f2a1c9e77aa0b",
        headline="RUNNING",
        why="",
        now=at(102),
        started_at=START,
        speed=120.0,
        step="phase 2",
        phases=(
            PhaseLine(1, "canary", "passed", at(30), at(60), Decimal("0.1")),
            PhaseLine(2, "half", "running", at(60), at(180), Decimal("0.5")),
            PhaseLine(3, "full", "waiting", at(180), None, Decimal(1)),
        ),
        size_intended=Decimal("0.5"),
        size_actual=Decimal("0.42"),
        equity=Decimal("9955.50"),
        peak=Decimal(10000),
        drawdown_pct=Decimal("-0.445"),
        breaker="ARMED",
        limits=BreakerLimits(),
        equity_series=tuple((at(60 + minute), Decimal(10000) - minute) for minute in range(42)),
        checks=CHECKS,
        positions=POSITIONS,
        events=tuple(EventLine(at(90 + number), "info", f"event number {number}") for number in range(30)),
        next_command="canary close-all --account rehearsal:7f3a",
    )
    return replace(made, **changed)
