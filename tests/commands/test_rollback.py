"""`canary rollback` and the incident verbs, as typed."""

import json
import sys
from pathlib import Path

import pytest

from canary_cli.app import run
from canary_cli.core.clock import SystemClock
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.steps.rollback import sequence as step
from tests.commands.exchange import an_exchange_on
from tests.core.trading.venue import Venue, position, stop
from tests.docs.commands import ROOT

Capture = pytest.CaptureFixture[str]
TODAY = f"CB-{SystemClock().now():%Y-%m%d}-"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    for name in ("CANARY_ACCOUNT", "SLACK_BOT_TOKEN", "DATABASE_URL", "API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "runbooks").symlink_to(ROOT / "runbooks")
    (tmp_path / "accounts.toml").write_text('default = "desk"\n[desk]\nkind = "paper"\nport = 9\n')
    return tmp_path


def last_incident(capsys: Capture) -> dict[str, object]:
    capsys.readouterr()
    assert run(["incidents", "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)["incidents"][-1]
    return found


def test_from_open_positions_to_a_closed_incident(home: Path, capsys: Capture) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "-2")).rest(stop("BTCUSDT"))
    with an_exchange_on(home, venue):
        assert run(["rollback", "--reason", "odd fills", "--cause", "code"]) == 0
        out = capsys.readouterr().out
        assert "Signal generation: DISABLED" in out and "Open positions: 0" in out
        assert "Root cause: IDENTIFIED" in out
        assert "Dev @dev, Ops @elo" in out  # the escalation clock
        assert run(["rollback"]) == 0  # a second one joins
    assert not venue.positions and not venue.algos
    assert [one.source for one in read_latches(home / ".canary" / "desk")] == ["rollback"]
    incident = last_incident(capsys)
    name = incident["id"]
    assert str(name).startswith(TODAY)
    assert (incident["state"], incident["root_cause"]) == ("STABLE", "CODE")
    assert run(["ack", "--by", "bob"]) == 0
    assert run(["incidents", "--close", str(name), "--by", "ana"]) == 0
    assert last_incident(capsys)["closed_by"] == "ana"
    assert run(["ack", "--by", "bob", "--incident", str(name)]) == 10  # nobody is told of it any more
    opened = [entry for entry in read(home / "logs" / "desk") if entry.event == "incident_opened"]
    assert len(opened) == 1


def test_a_later_stage_closes_nothing_and_joins_the_incident(home: Path, capsys: Capture) -> None:
    with an_exchange_on(home, Venue()):
        assert run(["rollback", "--reason", "odd fills"]) == 0
    venue = Venue().hold(position("BTCUSDT", "1"))
    with an_exchange_on(home, venue):
        assert run(["rollback", "--stage", "2"]) == 4  # no run, so no P&L, says so
    assert venue.positions
    shown = capsys.readouterr()
    assert "RESULT NOT_DONE exit=4" in shown.err
    assert f"NOT_DONE {last_incident(capsys)['id']}: odd fills" in shown.out


@pytest.mark.parametrize("stage", ["2", "3", "4"])
def test_a_later_stage_without_an_incident_is_refused_and_opens_none(home: Path, capsys: Capture, stage: str) -> None:
    assert run(["rollback", "--stage", stage, "--cause", "infra"]) == 2
    shown = capsys.readouterr()
    assert "has no incident that is unresolved" in shown.err
    assert "next:  canary rollback" in shown.err
    assert not list(read(home / "logs" / "desk"))


def test_an_exchange_that_is_gone_ends_with_six_and_says_who_closes(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "CLOSE_TIMEOUT", 0.5)
    monkeypatch.setattr(sys, "executable", "/no/such/python")  # no process can be started to go on
    assert run(["rollback", "--reason", "x"]) == 6
    shown = capsys.readouterr()
    assert "NOBODY IS CLOSING" in shown.out
    assert shown.err.endswith("RESULT ROLLBACK_INCOMPLETE exit=6\n")
    assert last_incident(capsys)["state"] == "OPEN"


def test_keep_and_ack_say_that_there_is_nothing_to_decide(capsys: Capture) -> None:
    assert run(["keep", "--by", "ana", "--reason", "x"]) == 2
    assert run(["ack", "--by", "ana"]) == 2
    assert run(["incidents", "--by", "ana"]) == 2
    assert run(["incidents"]) == 0
    assert "no incident on desk" in capsys.readouterr().out


def test_captured_logs_are_the_last_lines_with_secrets_masked(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_API_SECRET", "s3cret-value-of-a-key")
    folder = home / "logs" / "desk"
    folder.mkdir(parents=True)
    for name in ("execution.log", "risk_guard.log", "binance_api.log"):
        (folder / name).write_text("".join(f"line {n}\n" for n in range(700)) + "secret=s3cret-value-of-a-key\n")
    assert run(["capture-logs"]) == 0
    evidence = Path(capsys.readouterr().out.strip())
    lines = (evidence / "execution.log").read_text().splitlines()
    assert (len(lines), lines[0]) == (500, "line 201")
    assert "s3cret-value-of-a-key" not in "".join(lines)
    assert (evidence / "manifest.json").exists()
