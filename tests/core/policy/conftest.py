"""The shipped plan, and readings of a phase in which everything went well."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings

from canary_cli.core.accounting.reading import Reading
from canary_cli.core.policy.gates import Evidence
from canary_cli.core.policy.plan import Plan
from canary_cli.core.policy.vocabulary import METRICS
from canary_cli.steps.plan import load_plan

settings.register_profile("patient", deadline=None)  # examples may take their time on a slow, shared core
settings.load_profile("patient")

HOME = Path(__file__).parents[3]
NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
NIGHT = datetime(2026, 2, 22, 23, tzinfo=UTC)

WELL = {
    "latency_max": 240, "latency_p95": 200, "latency_last": 180, "latency_3_of_5": 170, "latency_p50": 150,
    "fill_rate": 100, "fill_rate_worst_pair": 100, "fill_rate_recent": 100, "slippage_mean": 2,
    "slippage_worst_pair": 3, "errors": 0, "errors_recent": 0, "order_error_rate": 0, "order_error_rate_recent": 0,
    "order_success": 100, "orders": 30, "strategy_orders": 4, "drawdown": "-0.2", "intraday_drawdown": "-0.2",
    "liquidations": 0, "warnings": 0, "covered": 99, "confluence": "3.5", "confluence_recent": "3.5",
    "confidence": 80, "alignment": 90,
    "evaluations": 8, "signals_per_hour": 1, "parity_recent": 0,
}  # fmt: skip

ALL_PROVEN = Evidence(
    bars_judged=8,
    bars_closed=8,
    parity_mismatches=0,
    breaker_self_test=True,
    pairs_operational=20,
    pairs_wanted=20,
    audit_lines=500,
    audit_gaps=0,
    sign_offs_missing=(),
)

Readings = Callable[..., dict[str, Reading]]


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan(None, HOME)


def reading(metric: str, value: object, n: int = 30) -> Reading:
    exact = None if value is None else Decimal(str(value))
    return Reading(metric, exact, n, METRICS[metric], "phase")


def readings(n: int = 30, **changes: object) -> dict[str, Reading]:
    """A good phase, with these figures changed. `n` is what every figure was measured on.

    `BTCUSDT=51` and the like is the slippage of that pair.
    """
    slipped = {pair: value for pair, value in {"BTCUSDT": 3, **changes}.items() if pair.endswith("USDT")}
    plain = {**WELL, **{metric: value for metric, value in changes.items() if metric not in slipped}}
    known = {metric: reading(metric, value, n) for metric, value in plain.items()}
    return known | {
        f"slippage_last {pair}": replace(reading("slippage_last", value, n), pair=pair)
        for pair, value in slipped.items()
    }
