"""The verdict of a phase, row by row of the design's table."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.policy.gates import Evidence, Gate, GateVerdict, Verdict, judge
from canary_cli.core.policy.plan import Kind, Plan
from tests.core.policy.conftest import ALL_PROVEN, WELL, reading, readings


def verdict(plan: Plan, number: int, evidence: Evidence = ALL_PROVEN, n: int = 30, **changes: object) -> GateVerdict:
    return judge(plan.phase(number).gate, readings(n, **changes), evidence)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_good_phase_passes(plan: Plan, number: int) -> None:
    found = verdict(plan, number)
    assert found.verdict is Verdict.PASS
    assert found.reasons == ()


@pytest.mark.parametrize(
    ("number", "changes", "expected"),
    [
        (1, {"latency_max": 500}, Verdict.WARNING),
        (1, {"latency_max": "499.999"}, Verdict.PASS),
        (1, {"fill_rate": 95}, Verdict.WARNING),
        (1, {"slippage_mean": 10}, Verdict.WARNING),
        (1, {"drawdown": -1}, Verdict.FAIL),
        (1, {"drawdown": "-0.999"}, Verdict.PASS),
        (1, {"errors": 1}, Verdict.FAIL),
        (1, {"liquidations": 1}, Verdict.FAIL),
        (2, {"drawdown": "-1.999"}, Verdict.PASS),
        (2, {"drawdown": "-2"}, Verdict.FAIL),
        (2, {"fill_rate_worst_pair": 94}, Verdict.WARNING),
        (2, {"errors": 1}, Verdict.PASS),
        (3, {"drawdown": "-3"}, Verdict.FAIL),
        (3, {"order_success": 97, "order_error_rate": 3, "errors": 2}, Verdict.FAIL),
        (3, {"order_success": 97, "order_error_rate": 3, "errors": 1}, Verdict.WARNING),
        (3, {"confluence": 3}, Verdict.FAIL),
    ],
)
def test_each_row_means_what_the_table_says(
    plan: Plan, number: int, changes: dict[str, object], expected: Verdict
) -> None:
    assert verdict(plan, number, **changes).verdict is expected


@pytest.mark.parametrize(("told", "expected"), [(0, "PASS"), (1, "WARNING"), (2, "WARNING"), (3, "FAIL")])
def test_one_or_two_warnings_warn_and_more_fail(plan: Plan, told: int, expected: str) -> None:
    found = verdict(plan, 2, warnings=told)
    assert found.verdict == expected
    assert found.warnings == told


def test_soft_rows_outside_count_as_warnings_beside_those_told(plan: Plan) -> None:
    found = verdict(plan, 2, warnings=1, slippage_mean=16, latency_p95=600)
    assert (found.verdict, found.warnings) == (Verdict.FAIL, 3)


def test_fault_48_a_gate_without_trades_or_with_too_few_is_inconclusive(plan: Plan) -> None:
    for orders in (0, 4):
        found = judge(plan.phase(1).gate, readings(orders=orders), ALL_PROVEN)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert any("orders" in reason for reason in found.reasons)
    nothing = {metric: reading(metric, None, 0) for metric in WELL}
    assert judge(plan.phase(1).gate, nothing, Evidence()).verdict is Verdict.INCONCLUSIVE


def test_a_loss_is_not_excused_by_too_little_evidence(plan: Plan) -> None:
    assert verdict(plan, 1, orders=0, drawdown=-2).verdict is Verdict.FAIL


def test_downtime_earns_nothing(plan: Plan) -> None:
    assert verdict(plan, 2, covered="89.9").verdict is Verdict.INCONCLUSIVE
    assert verdict(plan, 2, covered=90).verdict is Verdict.PASS


def test_execution_evidence_alone_is_at_best_a_warning(plan: Plan) -> None:
    found = verdict(plan, 1, strategy_orders=0)
    assert found.verdict is Verdict.WARNING
    assert "execution evidence" in found.reasons[0]


def test_signal_rows_are_shown_without_counting_when_no_signal_came(plan: Plan) -> None:
    found = verdict(plan, 3, confluence=None, confidence=None, alignment=None, strategy_orders=0)
    rows = {row.metric: row for row in found.checks}
    assert found.verdict is Verdict.WARNING
    assert rows["confluence"].verdict is Verdict.INCONCLUSIVE
    assert "by construction" in rows["confluence"].detail


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"parity_mismatches": 1}, Verdict.FAIL),
        ({"parity_mismatches": None}, Verdict.INCONCLUSIVE),
        ({"breaker_self_test": False}, Verdict.FAIL),
        ({"breaker_self_test": None}, Verdict.INCONCLUSIVE),
        ({"pairs_operational": 19}, Verdict.INCONCLUSIVE),
        ({"audit_gaps": 1}, Verdict.FAIL),
        ({"audit_gaps": None}, Verdict.INCONCLUSIVE),
        ({"sign_offs_missing": ("crew briefed",)}, Verdict.INCONCLUSIVE),
        ({"sign_offs_missing": None}, Verdict.INCONCLUSIVE),
        ({"bars_judged": 7}, Verdict.INCONCLUSIVE),
    ],
)
def test_what_windows_cannot_show_is_asked_for_at_gate_3(
    plan: Plan, changes: dict[str, object], expected: Verdict
) -> None:
    assert verdict(plan, 3, replace(ALL_PROVEN, **changes)).verdict is expected


def test_a_gate_without_checks_fails() -> None:
    assert judge(Gate("gate 9", ()), readings(), ALL_PROVEN).verdict is Verdict.FAIL


def test_a_metric_nobody_measures_fails(plan: Plan) -> None:
    known = readings()
    del known["drawdown"]
    assert judge(plan.phase(1).gate, known, ALL_PROVEN).verdict is Verdict.FAIL


@given(metric=st.sampled_from(sorted(WELL)), value=st.sampled_from(["NaN", "Infinity", "-Infinity", None]))
def test_what_is_no_number_never_passes(plan: Plan, metric: str, value: str | None) -> None:
    for phase in plan.phases:
        row = next((row for row in judge(phase.gate, readings(**{metric: value}), ALL_PROVEN).checks
                    if row.metric == metric), None)  # fmt: skip
        if row is not None and metric != "warnings":
            assert row.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)


def test_a_rate_whose_errors_nobody_counted_is_judged_by_itself(plan: Plan) -> None:
    assert verdict(plan, 3, order_error_rate=3, errors="NaN").verdict is Verdict.FAIL


@given(data=st.data())
def test_worse_figures_never_give_a_better_verdict(plan: Plan, data: st.DataObject) -> None:
    """Order: PASS, WARNING, then what does not promote."""
    phase = data.draw(st.sampled_from(plan.phases))
    check = data.draw(st.sampled_from([c for c in phase.gate.checks if c.op != "==" and c.metric in WELL]))
    worse = st.decimals(0, 100, places=3).map(lambda by: check.limit + (by if check.op.startswith("<") else -by))
    first, second = sorted((data.draw(worse), data.draw(worse)), reverse=check.op.startswith(">"))
    rank = {Verdict.PASS: 0, Verdict.WARNING: 1, Verdict.INCONCLUSIVE: 2, Verdict.FAIL: 2}
    ranks = [
        rank[judge(phase.gate, readings(errors=3, **{check.metric: v}), ALL_PROVEN).verdict] for v in (first, second)
    ]
    assert ranks[0] <= ranks[1]


@given(changes=st.dictionaries(st.sampled_from(sorted(WELL)), st.none() | st.integers(-1000, 1000), max_size=6))
def test_pass_means_every_counted_row_was_measured_and_held(plan: Plan, changes: dict[str, int | None]) -> None:
    for phase in plan.phases:
        found = judge(phase.gate, readings(**changes), ALL_PROVEN)
        if found.verdict is Verdict.PASS:
            assert all(row.verdict is Verdict.PASS for row in found.checks if row.counts)
        if found.verdict is Verdict.FAIL:
            assert any(row.verdict is Verdict.FAIL for row in found.checks)
        assert (found.verdict is Verdict.PASS) == (not found.reasons)


@given(n=st.integers(0, 3), kind=st.sampled_from(Kind))
def test_missing_samples_never_fail_a_row_that_holds(plan: Plan, n: int, kind: Kind) -> None:
    check = replace(plan.phase(1).gate.checks[0], min_n=4, kind=kind)
    found = judge(Gate("gate", (check,)), readings(n), ALL_PROVEN)
    assert found.checks[0].verdict is Verdict.INCONCLUSIVE


def test_a_row_that_nobody_has_measured_yet_does_not_say_that_it_has_its_samples(plan: Plan) -> None:
    check = plan.phase(1).gate.checks[0]
    unmeasured = replace(readings()[check.metric], value=None, n=check.min_n)
    found = judge(Gate("gate", (check,)), {**readings(), check.metric: unmeasured}, ALL_PROVEN)
    assert (found.checks[0].verdict, found.checks[0].detail) == (Verdict.INCONCLUSIVE, "not measured yet")


def test_a_reason_names_value_operator_limit_and_count(plan: Plan) -> None:
    (reason,) = verdict(plan, 1, drawdown=Decimal("-1.25")).reasons
    assert reason.startswith("drawdown -1.25 is not > -1")
    assert "n=30" in reason


def test_a_warning_within_its_limit_is_not_said_to_be_outside_it(plan: Plan) -> None:
    (said,) = [reason for reason in verdict(plan, 2, warnings=1).reasons if reason.startswith("warnings")]
    assert "is not" not in said, said
