"""`canary plan check` and `canary plan show` as typed."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from canary_cli.app import run

Capture = pytest.CaptureFixture[str]
RUNBOOKS = Path(__file__).parents[2] / "runbooks"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(RUNBOOKS, tmp_path / "runbooks")
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def mistaken(home: Path, old: str, new: str, file: str = "golive.toml") -> Path:
    path = home / "runbooks" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_shipped_files_are_proved(capsys: Capture) -> None:
    assert run(["plan", "check"]) == 0
    shown = capsys.readouterr()
    assert [line.split(": ")[1][:2] for line in shown.out.splitlines()] == ["OK", "OK", "OK"]
    assert "RESULT PLAN_OK exit=0" in shown.err


def test_a_wrong_plan_ends_with_78_and_a_line_for_each_problem(home: Path, capsys: Capture) -> None:
    mistaken(home, "pre_trip = -2.5", "pre_trip = nan")
    path = mistaken(home, 'at = "1 h"\nlasts', 'at = "45 min"\nlasts')
    assert run(["plan", "check"]) == 78
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"error: {path}: 2 problems"
    assert lines[1].strip().startswith("breaker.pre_trip: is NaN")
    assert lines[2].strip().startswith("phase 2.at: starts 0:45:00")
    assert lines[-1] == "RESULT PLAN exit=78"


def test_the_names_of_metrics_stay_whole_at_80_columns(capsys: Capture) -> None:
    assert run(["plan", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    words = " ".join(lines).split()
    assert {"latency_3_of_5", "order_error_rate_recent", "signals_per_hour"} <= set(words)


def test_a_home_without_runbooks_is_told_the_command_that_brings_them(home: Path, capsys: Capture) -> None:
    folder, plan = home / "runbooks", home / "runbooks" / "golive.toml"
    for gone, command in ((folder, f"cp -r {RUNBOOKS} {folder}"), (plan, f"cp {RUNBOOKS / plan.name} {plan}")):
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        assert run(["plan", "check"]) == 78
        assert f"next:  {command}\n" in capsys.readouterr().err
        subprocess.run(shlex.split(command), check=True)
        assert run(["plan", "check"]) == 0
        capsys.readouterr()


def test_a_rehearsal_brings_runbooks_to_a_home_that_has_none_and_touches_no_others(home: Path, capsys: Capture) -> None:
    rehearse = ["run", "--rehearse", "--in-process", "--marks", "7"]  # refused before anything runs
    assert run(rehearse) == 2
    assert "had no runbooks" not in capsys.readouterr().err
    shutil.rmtree(home / "runbooks")
    assert run(rehearse) == 2
    assert f"those shipped are in {home / 'runbooks'} now" in capsys.readouterr().err
    assert run(["plan", "check"]) == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("rollback.toml", "review_below = -2.0", "review_below = 2", "decision_tree.review_below"),
        ("rollback.toml", 'after = "2 min"', 'after = "20 min"', "escalation: does not begin at 0 and rise"),
        ("rollback.toml", '"pnl"', '"profits"', 'stage 2.steps: has "profits", which is no step'),
        ("rollback.toml", '    "latch", ', '    "alert", ', "stage 1: does not stop first"),
        ("rollback.toml", '"capture-logs"', '"flatten"', "stage: stops again later"),
        ("rollback.toml", '"account"', '"restore"', "stage: restores whatever was found"),
        ("rollback.toml", '[[stage]]\nname = "post', '[[escalation]]\nname = "post', "stage: is there 3 times"),
        ("rollback.toml", 'when = "corruption"', 'when = "often"', "stage 3.when"),
        ("rollback.toml", "MARKET =", "WEATHER =", "decision_tree.cause.MARKET: is missing"),
        ("contacts.toml", 'slack = "@dev"', "", "contact 1.slack: is missing"),
    ],
)
def test_the_files_beside_it_are_proved_too(
    home: Path, capsys: Capture, file: str, old: str, new: str, said: str
) -> None:
    mistaken(home, old, new, file)
    assert run(["plan", "check"]) == 78
    assert said in capsys.readouterr().err


def test_what_is_watched_pair_by_pair_and_for_how_long_is_shown(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert run(["plan", "show"]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("slippage (each pair)", "> 0 for 3 h", "< 0.2 for 3 h", "parity_recent"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "/nonexistent.toml"], 78, "No such file"),
        (["show", "--start", "tomorrow"], 2, "no instant with a zone"),
        (["show", "--start", "2026-02-22T10:00"], 2, "no instant with a zone"),
        (["show", "--equity", "lots"], 2, "no amount above zero"),
        (["show", "--equity", "NaN"], 2, "no amount above zero"),
        (["show", "--equity", "-5"], 2, "no amount above zero"),
    ],
)
def test_wrong_input_is_one_clear_line(capsys: Capture, arguments: list[str], code: int, said: str) -> None:
    assert run(["plan", *arguments]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_what_is_no_toml_is_said_with_its_line(home: Path, capsys: Capture) -> None:
    mistaken(home, "[plan]", "[plan")
    assert run(["plan", "check"]) == 78
    assert "line" in capsys.readouterr().err


def test_the_screen_has_clock_times_stakes_and_both_readings_of_ten_percent(capsys: Capture) -> None:
    assert run(["plan", "show", "--start", "2026-02-22T10:00Z", "--equity", "20,000"]) == 0
    out = capsys.readouterr().out
    for said in (
        "10:30",
        "13:00",
        "14:00",
        "starting 2026-02-22 10:00:00 UTC",
        "suspend-signals",
        "$20.00 (0.1%)",
        "$500.00",
        "20, $2.52",
        "12 checks; unproven",  # as many as the gate will count
    ):
        assert said in out
    assert "10% of volume (this plan)" in out
    assert "10% of capital (the other reading): a stake of $2,000.00" in out
    assert "-30 % of that stake" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_pipe_gets_one_line_for_each_row(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.delenv("COLUMNS")
    assert run(["plan", "show", "--start", "2026-02-22T10:00Z"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "gate 0" in line]
    assert len(rows) == 1
    assert "troubleshoot 15 min, else postpone by 6 h" in rows[0]


def test_json_is_one_document_with_money_as_strings(capsys: Capture) -> None:
    assert run(["plan", "show", "--json", "--start", "2026-02-22T10:00Z"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["schedule"][2]["at"] == "2026-02-22T10:30:00.000Z"
    assert document["stakes"][2]["all_stops"] == "250.0"
    assert document["plan"]["crew"]["opens"] == "09:00"
    assert document["plan"]["breaker"]["trip"] == "-3.0"
    assert run(["plan", "check", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 3
