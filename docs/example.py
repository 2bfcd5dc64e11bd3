"""A moment of a rehearsal, invented, for the first page to show."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.core.policy.gates import CheckResult, Verdict
from canary_cli.session.view import EventLine, PhaseLine, PositionLine, RunView

START = datetime(2026, 2, 22, 10, tzinfo=UTC)
BALANCE = Decimal(10_000)


def example() -> RunView:
    return RunView(
        account="ACCOUNT rehearsal:7f3a PAPER",
        run_id="20260222-1000-7f3a",
        plan_name="golive",
        plan_sha256="3f2a1c9e77aa0b",
        headline="RUNNING",
        why="",
        now=_at(102),
        started_at=START,
        speed=120.0,
        step="phase 2",
        phases=(
            PhaseLine(1, "canary 10 %", "passed", _at(30), _at(60), Decimal("0.1")),
            PhaseLine(2, "canary 50 %", "running", _at(60), _at(180), Decimal("0.5")),
            PhaseLine(3, "full 100 %", "waiting", _at(180), _at(240), Decimal(1)),
        ),
        size_intended=Decimal("0.5"),
        size_actual=Decimal("0.42"),
        equity=BALANCE - 58,
        peak=BALANCE,
        drawdown_pct=Decimal("-0.58"),
        breaker="ARMED",
        limits=BreakerLimits(),
        equity_series=tuple((_at(30 + step), BALANCE - step * step // 90) for step in range(73)),
        checks=(
            _check("orders", 14, ">=", 20, Verdict.INCONCLUSIVE, "14 of 20 samples"),
            _check("slippage_mean", "16.2", "<", 15, Verdict.WARNING, "outside its limit"),
            _check("latency_p95", "212.4", "<", 500, Verdict.PASS),
            _check("fill_rate", 100, ">", 95, Verdict.PASS),
            _check("drawdown", "-0.58", ">", -2, Verdict.PASS),
            _check("parity", 0, "<=", 0, Verdict.PASS),
        ),
        positions=(
            _position("BTCUSDT", "0.015", "65012.1", "65100.0", "1.32", 63800),
            _position("SOLUSDT", -4, "151.23", "150.90", "1.32", 156),
        ),
        events=(
            EventLine(_at(60), "good", "gate 1: PASS, 12 checks"),
            EventLine(_at(60), "info", "phase 2 canary 50 %: 6 pairs, until 13:00 UTC"),
            EventLine(_at(75), "info", "signal: SELL SOLUSDT, confluence 3.5, confidence 81"),
            EventLine(_at(75), "good", "filled: SELL 4 SOLUSDT at 151.23, stop rests at 156"),
            EventLine(_at(98), "warning", "slippage_mean 16.2 bps, limit 15"),
        ),
        next_command="canary close-all --account rehearsal:7f3a",
    )


def _at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def _check(metric: str, value: str | int, op: str, limit: int, verdict: Verdict, detail: str = "") -> CheckResult:
    return CheckResult(metric, Decimal(value), op, Decimal(limit), 14, "phase", "orders", verdict, detail)


def _position(symbol: str, quantity: str | int, entry: str, mark: str, unrealized: str, stop: int) -> PositionLine:
    return PositionLine(symbol, Decimal(quantity), Decimal(entry), Decimal(mark), Decimal(unrealized), Decimal(stop))
