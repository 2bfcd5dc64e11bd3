"""The completion report says the verdict first, and nothing it cannot prove."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from canary_cli.render import report
from canary_cli.render.acceptance import criteria
from canary_cli.steps.story import tell
from tests.steps.runs import (
    BROKEN,
    GOOD,
    Line,
    broken_run,
    check,
    equity,
    gate,
    good_run,
    line,
    phase,
    started,
    write_run,
)


def test_a_good_run_opens_with_its_verdict_and_shows_every_check(tmp_path: Path) -> None:
    made = report.build(write_run(tmp_path, good_run(), GOOD))
    text = report.markdown(made)
    assert text.startswith("# DONE: run 20260222-1000-aaaa")
    assert "**gate 0 GO, gate 1 PASS, gate 2 WARNING, gate 3 PASS**" in text
    assert "| latency_max | 222 | < | 500 | 24 | phase | orders | PASS |  |" in text
    assert "Total trades: 2\nProfitable: 1 (+$20.00)\nLoss-making: 1 (-$5.10)\nNet P&L: $14.78\n" in text
    assert "in it are 1 probes (-$0.12)" in text
    assert "Equity went from $9,990.00 to $10,005.00" in text
    assert "sha256 3f2a1c9e" in text


def test_a_failed_gate_is_named_with_value_operator_limit_and_count(tmp_path: Path) -> None:
    failed = check("errors", "3", "==", "0", "FAIL", n=12)
    lines = [started(), phase(1, 30), gate(1, 60, "FAIL", failed), line(61, "run_ended", outcome="ROLLED_BACK")]
    made = report.build(write_run(tmp_path, iter(lines), GOOD))
    assert made.sentence == "Gate 1 FAIL: errors 3 is not == 0 (n=12, phase)"


def test_a_rollback_shows_its_three_clocks(tmp_path: Path) -> None:
    text = report.markdown(report.build(write_run(tmp_path, broken_run(), BROKEN)))
    assert text.startswith("# ROLLED_BACK")
    for row in ("first byte on the wire (wall) | 4 ms", "acknowledged (wall) | 61 ms", "flat (wall) | 420 ms"):
        assert row in text


def test_a_run_without_flat_says_not_verified_and_lists_it_as_unproven(tmp_path: Path) -> None:
    lines = [one for one in broken_run() if one[1].event not in ("flat", "run_ended")]
    made = report.build(write_run(tmp_path, iter(lines), BROKEN))
    assert "NOT VERIFIED FLAT" in report.markdown(made)
    assert any("account is flat" in one for one in made.unproven)
    assert any("no end" in one for one in made.unproven)


def test_an_unmeasured_check_is_never_evidence(tmp_path: Path) -> None:
    unmeasured = check("latency_max", None, "<", "500", "INCONCLUSIVE", n=0)
    lines = [started(), phase(1, 30), gate(1, 60, "INCONCLUSIVE", unmeasured)]
    made = report.build(write_run(tmp_path, iter(lines), GOOD))
    latency = next(one for one in made.criteria if one.text.startswith("Latency"))
    assert not latency.done
    assert "unmeasured" in latency.evidence


def test_a_soft_row_outside_its_limit_meets_no_criterion(tmp_path: Path) -> None:
    slow = check("latency_p95", "612", "<", "500", "WARNING")
    lines = [started(), phase(1, 30), gate(1, 60, "WARNING", slow)]
    latency = next(
        one for one in report.build(write_run(tmp_path, iter(lines), GOOD)).criteria if "Latency" in one.text
    )
    assert not latency.done
    assert latency.evidence == "latency_p95 612 is not < 500 (n=24, phase)"


def test_every_criterion_of_an_empty_run_but_this_report_is_not_done(tmp_path: Path) -> None:
    found = criteria(tell(write_run(tmp_path, iter([started()]), GOOD)))
    assert len(found) == 16
    assert [one.text for one in found if one.done] == ["Completion report generated"]


def test_the_folder_holds_report_charts_baseline_and_manifest(tmp_path: Path) -> None:
    entries = write_run(tmp_path / "logs", good_run(), GOOD)
    path = report.write(report.build(entries), tmp_path / "run")
    names = {file.name for file in path.parent.iterdir()}
    assert names >= {"report.md", "equity.svg", "drawdown.svg", "latency.svg", "timeline.svg", "manifest.json"}
    assert json.loads((path.parent / "baseline.json").read_text())["latency_p95_ms"] == "260.0"


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    entries = write_run(tmp_path / "logs", good_run(), GOOD)
    first, second = (report.write(report.build(entries), tmp_path / name / "run").parent for name in ("one", "two"))
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


def test_charts_hold_their_curves_against_the_limits_of_the_runs_own_plan(tmp_path: Path) -> None:
    folder = report.write(report.build(write_run(tmp_path / "logs", good_run(), GOOD)), tmp_path / "run").parent
    drawdown, latency = ((folder / f"{name}.svg").read_text() for name in ("drawdown", "latency"))
    assert "pre-trip -2.5 %" in drawdown
    assert "breaker -4 %" in drawdown
    assert "gate 500 ms" in latency
    assert "warning 750 ms" not in latency  # no order came near it


def test_one_reading_of_a_run_whose_journal_names_no_limits_is_drawn(tmp_path: Path) -> None:
    """As a run that was begun by an earlier version."""

    def told() -> Iterator[Line]:
        minutes, begun = started()
        yield minutes, replace(begun, data={key: value for key, value in begun.data.items() if key != "limits"})
        yield equity(5, "9990")

    path = report.write(report.build(write_run(tmp_path / "logs", told(), GOOD)), tmp_path / "run")
    assert (path.parent / "drawdown.svg").is_file()


def test_charts_without_readings_are_left_out_and_not_linked(tmp_path: Path) -> None:
    path = report.write(report.build(write_run(tmp_path / "logs", iter([started()]), GOOD)), tmp_path / "run")
    assert not list(path.parent.glob("*.svg"))
    assert ".svg" not in path.read_text()


def test_words_from_outside_cannot_break_a_table_or_start_a_tag(tmp_path: Path) -> None:
    lines = [started(), gate(1, 5, "FAIL", check("a|b<script>", "1", "<", "0", "FAIL"))]
    text = report.markdown(report.build(write_run(tmp_path, iter(lines), GOOD)))
    assert "a\\|b&lt;script>" in text


def test_a_run_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such run"):
        report.build(write_run(tmp_path, good_run(), GOOD), run_id="other")


def test_the_baseline_counts_orders_as_the_gates_do(tmp_path: Path) -> None:
    """One order filled in four trades is one; one whose reply was lost, and that was found, is no error."""

    def fills() -> Iterator[Line]:
        yield started()
        for number in range(2):
            yield line(1, "order_confirmed", client_id=f"c{number}", order_id=number, latency_ms=100, send_ms=90)
        for trade in range(5):
            yield line(2, "fill", client_id="c1" if trade else "c0", symbol="BTCUSDT", side="BUY", quantity="1",
                       price="100", trade_id=trade, slippage_bps="1" if trade else "9", purpose="entry")  # fmt: skip
        for name, outcome in (("found", "found"), ("absent", "absent")):
            yield line(3, "order_unknown", client_id=name, reason="no reply")
            yield line(3, "order_resolved", client_id=name, outcome=outcome)

    found = report.build(write_run(tmp_path, fills(), GOOD)).baseline
    assert (found["slippage_mean_bps"], found["order_error_rate_pct"]) == (5, 25)
