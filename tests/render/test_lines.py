"""One line per event: what happened, with its figures, whoever wrote it."""

from datetime import UTC, datetime

import pytest

from canary_cli.journal.record import Record
from canary_cli.render.lines import Lines, event_document, event_line, print_line, result_document

NOW = datetime(2026, 2, 22, 10, 30, 15, tzinfo=UTC)
CHECK = {"metric": "errors", "value": "3", "op": "==", "limit": "0", "n": 12, "verdict": "FAIL"}


@pytest.mark.parametrize(
    ("record", "level", "text"),
    [
        (
            Record("gate", data={"phase": 1, "verdict": "FAIL", "checks": [CHECK]}),
            "bad",
            "gate 1: FAIL, 1 checks; errors 3, limit == 0 (n=12)",
        ),
        (
            Record("phase_entered", data={"number": 2, "name": "half", "fraction": "0.5", "pairs": ["A", "B"],
                                          "ends_at": "2026-02-22T13:00:00+00:00"}),
            "info",
            "phase 2 half: 50% of volume, 2 pairs, until 13:00 UTC",
        ),
        (
            Record("fill", data={"symbol": "BTCUSDT", "purpose": "entry", "side": "BUY", "quantity": "0.01",
                                 "price": "65000.1", "slippage_bps": "1.44"}),
            "info",
            "BTCUSDT entry BUY 0.01 filled at 65000.1, 1.4 bps",
        ),
        (
            Record("fill", data={"symbol": "BTCUSDT", "purpose": "probe_exit", "side": "SELL", "quantity": "0.002",
                                 "price": "1", "slippage_bps": "0.61"}),
            "info",
            "BTCUSDT probe of 0.002 in and out, 0.6 bps",
        ),
        (
            Record("signal", pair="BTCUSDT", side="BUY", signal_confidence=96.519919997, confluence_score=3.5),
            "info",
            "BTCUSDT signal BUY: confidence 96.52, confluence 3.5 of 4",
        ),
        (
            Record("breaker", data={"zone": "TRIGGERED", "drawdown_pct": "-3.04", "equity": "9690"}),
            "bad",
            "breaker TRIGGERED: drawdown -3.04%, equity 9690",
        ),
        (
            Record("risk_refused", data={"symbol": "BTCUSDT", "side": "BUY", "code": "gross",
                                         "detail": "gross exposure leaves nothing"}),
            "info",
            "BTCUSDT BUY refused by the risk gate: gross exposure leaves nothing",
        ),
        (Record("reconcile", data={"differences": []}), "good", "reconciled with the exchange: no difference"),
        (
            Record("reconcile", data={"differences": ["BTCUSDT 1 against 2"]}),
            "bad",
            "differs from the exchange: BTCUSDT 1 against 2",
        ),
        (
            Record("step_finished", data={"step": "verify-db", "outcome": "DONE", "detail": "FAIL"}),
            "warning",
            "verify-db: DONE: FAIL",
        ),
        (Record("latch_set", data={"source": "breaker", "reason": "-3 %"}), "bad", "latched by breaker: -3 %"),
    ],
)  # fmt: skip
def test_what_people_are_told(record: Record, level: str, text: str) -> None:
    line = event_line(record, NOW)
    assert line is not None
    assert (line.level, line.text) == (level, text)


def test_what_only_the_file_needs_has_no_line() -> None:
    assert event_line(Record("equity", data={}), NOW) is None
    assert event_line(Record("order_confirmed", data={}), NOW) is None
    assert event_line(Record("fill", data={"purpose": "probe"}), NOW) is None


def test_a_record_of_another_version_still_gets_a_line() -> None:
    line = event_line(
        Record("gate", reason="strange", data={"verdict": "FAIL", "checks": [{"metric": "x", "verdict": "FAIL"}]}), NOW
    )
    assert line is not None
    assert line.text == "gate: strange"


def test_a_long_line_is_never_folded_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    line = event_line(Record("error", data={"where": "feed", "message": "x" * 500}), NOW)
    assert line is not None
    print_line(line)
    out = capsys.readouterr().out
    assert out.startswith("2026-02-22T10:30:15Z ")
    assert len(out.splitlines()) == 1


def test_the_stream_of_json_ends_in_one_result() -> None:
    event = event_document(Record("fill", phase=2, run_id="r", data={"price": "1"}), NOW)
    assert (event["type"], event["event"], event["phase"]) == ("event", "fill", 2)
    assert result_document("DONE", 0, report="x") == {
        "type": "result", "result": "DONE", "exit_code": 0, "reason": "", "report": "x"
    }  # fmt: skip


def test_what_the_line_before_has_said_is_not_said_again() -> None:
    agreed, fill = Record("reconcile", data={"differences": []}), Record("breaker", data={"zone": "ARMED",
        "drawdown_pct": "0", "equity": "1"})  # fmt: skip
    gate = Record("gate", data={"phase": 0, "verdict": "GO", "checks": []})
    done = Record("step_finished", data={"step": "gate 0", "outcome": "GO", "detail": "22 checks"})
    lines = Lines()
    told = [
        line.text for record in (gate, done, agreed, agreed, fill, fill, agreed) if (line := lines.line(record, NOW))
    ]
    assert [text.split(",")[0].split(":")[0] for text in told] == [
        "gate 0", "reconciled with the exchange", "breaker ARMED", "breaker ARMED", "reconciled with the exchange",
    ]  # fmt: skip
