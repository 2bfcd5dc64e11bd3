"""`canary rollback` and the incident verbs, as typed."""

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from canary_cli.alerts import RecordedAlerts
from canary_cli.app import run
from canary_cli.bootstrap import World
from canary_cli.core.clock import SystemClock
from canary_cli.core.policy.rollback import Step
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.steps import latching
from canary_cli.steps.rollback import sequence as step
from canary_cli.steps.rollback.pieces import PIECES
from canary_cli.steps.rollback.state import Rollback
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


def evidence(home: Path, capsys: Capture) -> Path:
    return home / "logs" / "incidents" / str(last_incident(capsys)["id"])


def test_the_evidence_holds_all_logs_and_the_configuration_without_its_secrets(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "a-token-that-nobody-may-read")
    (home / ".env").write_text("PAGERDUTY_ROUTING_KEY=r0uting-key-in-a-file\n")
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1"))):
        assert run(["rollback"]) == 0
    out = capsys.readouterr().out
    assert "☑ All error logs captured: captured" in out
    assert "metrics: NOT DONE (no run has left any figures)" in out
    folder = evidence(home, capsys)
    proven = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(proven) == {
        "execution.log", "risk_guard.log", "binance_api.log", "account.json",
        "configuration.json", "golive.toml", "rollback.toml", "contacts.toml", "post-mortem.md",
    }  # fmt: skip
    told = (folder / "configuration.json").read_text()
    assert "a-token" not in told
    assert "r0uting" not in told
    assert json.loads(told)["account"]["name"] == "desk"


def test_the_configuration_of_an_account_without_a_key_is_kept_and_says_what_is_missing(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_API_KEY_FILE", "BINANCE_API_SECRET_FILE"):
        monkeypatch.delenv(name, raising=False)
    (home / "accounts.toml").write_text('default = "desk"\n[desk]\nkind = "live"\nrest_url = "http://127.0.0.1:9"\n')
    assert run(["rollback"]) == 6
    assert "NOBODY IS CLOSING: account desk: no api_key" in capsys.readouterr().out
    told = json.loads((evidence(home, capsys) / "configuration.json").read_text())
    assert told["account"]["key_trouble"] == "account desk: no api_key"


def test_the_runbook_is_the_sequence_with_its_budgets(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(_world: World, _rollback: Rollback) -> str:
        await asyncio.Event().wait()
        return "never"

    monkeypatch.setitem(cast("dict[Step, object]", PIECES), Step.ACCOUNT, endless)
    runbook = (ROOT / "runbooks" / "rollback.toml").read_text()
    (home / "runbooks").unlink()
    (home / "runbooks").mkdir()
    changed = runbook.replace('    "books",', "").replace('"2 min 30 s"', '"1 s"')
    (home / "runbooks" / "rollback.toml").write_text(changed)
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1"))):
        assert run(["rollback", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["result"], document["exit_code"], document["account"]) == ("ROLLED_BACK", 0, "desk")
    assert "books" not in {**document["done"], **document["missing"]}
    assert document["missing"]["account"] == "not done within the 1 s that were left of its stage"


@pytest.mark.parametrize("broken", [None, "[[stage]", "[rollback]\ntarget = 'soon'\n"])
def test_no_rollback_waits_for_a_runbook(home: Path, capsys: Capture, broken: str | None) -> None:
    (home / "runbooks").unlink()
    if broken is not None:
        (home / "runbooks").mkdir()
        (home / "runbooks" / "rollback.toml").write_text(broken)
    venue = Venue().hold(position("BTCUSDT", "1"))
    with an_exchange_on(home, venue):
        assert run(["rollback"]) == 0
    assert not venue.positions
    out = capsys.readouterr().out
    assert "rollback.toml: NOT DONE" in out
    assert "the built-in sequence ran instead" in out
    assert "decision tree: POSTPONE RESTART: find the root cause; postpone" in out


def test_a_first_word_goes_out_while_closing_and_a_second_when_flat(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = RecordedAlerts()
    monkeypatch.setattr(World, "alerts", said)
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1"))):
        assert run(["rollback", "--reason", "odd fills"]) == 0
    first, second = [one.message for one in said.sent]
    called = "Dev @dev, Ops @elo: automatic rollback; tell the internal channel"
    name = last_incident(capsys)["id"]
    assert [one.incident for one in said.sent] == [name, name]
    assert first == f"CANARY ROLLBACK {name} begun, closing everything: odd fills. {called}"
    assert second == f"CANARY ROLLBACK {name}: odd fills. verified flat. {called}"
    assert set(last_incident(capsys)["told"]) == {"1"}  # type: ignore[call-overload]


def test_what_closes_loads_no_alerts_and_no_ledger() -> None:
    needed = (
        "commands.rollback, canary_cli.steps.rollback.sequence, canary_cli.render.rollback, canary_cli.render.screen"
    )
    heavy = "'canary_cli.alerts', 'canary_cli.ledger', 'pydantic', 'sqlalchemy'"
    said = f"import sys, canary_cli.{needed}; print([name for name in ({heavy}) if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_latch_that_is_not_on_the_disk_is_not_done(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(latching, "set_latch", refuse)
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1"))):
        assert run(["rollback"]) == 0
    out = capsys.readouterr().out
    assert "Signal generation: NOT DONE" in out
    assert "System Status: NOT SAFE" in out
    assert "☐ Signal generation stopped: NOT DONE (no latch is on disk" in out


def test_an_exchange_that_is_gone_ends_with_six_and_says_who_closes(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "CLOSE_TIMEOUT", 0.5)
    monkeypatch.setattr(sys, "executable", "/no/such/python")  # no process can be started to go on
    assert run(["rollback", "--reason", "x"]) == 6
    shown = capsys.readouterr()
    assert "NOBODY IS CLOSING" in shown.out
    assert "next:  canary close-all --account desk" in shown.err
    assert shown.err.endswith("RESULT ROLLBACK_INCOMPLETE exit=6\n")
    assert last_incident(capsys)["state"] == "OPEN"


def next_line(capsys: Capture) -> str:
    return next(line for line in capsys.readouterr().err.splitlines() if line.startswith("next:")).removeprefix(
        "next:  "
    )


def test_why_names_the_incident_and_each_next_command_leads_to_the_next(home: Path, capsys: Capture) -> None:
    with an_exchange_on(home, Venue()):
        assert run(["rollback", "--reason", "odd fills"]) == 0
        name = str(last_incident(capsys)["id"])
        run(["why"])
        shown = capsys.readouterr()
        assert f"no run begins: incident {name} is STABLE: odd fills" in shown.out
        assert "latched by rollback" in shown.out
        for person in ("ana", "bob"):  # closed by one, reviewed by another: what was lost is not known
            run(["why"])
            typed = shlex.split(next_line(capsys), comments=True)[1:]
            assert run([person if word == "NAME" else word for word in typed]) == 0
            capsys.readouterr()
        run(["why"])
        assert next_line(capsys) == "canary trading enable --by NAME --reason WHY --account desk"


def test_a_closed_incident_that_nobody_reviewed_says_so_and_what_to_type_where_several_accounts_are(
    home: Path, capsys: Capture
) -> None:
    with an_exchange_on(home, Venue()):
        assert run(["rollback", "--reason", "odd fills"]) == 0
        name = str(last_incident(capsys)["id"])
        assert run(["incidents", "--close", name, "--cause", "code", "--by", "ana"]) == 0
        shown = capsys.readouterr()
    assert f"no run begins: {name} is not reviewed" in shown.out
    assert f"canary incidents --close {name} --by NAME --reviewed-by NAME --account desk" in shown.err
    assert shown.err.endswith("RESULT UNSETTLED exit=0\n")


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
