"""`canary preflight` as typed, against a paper exchange over real sockets."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary_cli.app import run
from canary_cli.journal.latch import Latch, set_latch
from canary_cli.settings import Settings
from tests.conftest import MariaDB
from tests.docs.commands import ROOT

ACCOUNT = "desk"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder with a paper exchange that listens for its account."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "runbooks", home / "runbooks")
    serve = [sys.executable, "-m", "canary_cli", "paper", "serve", "--port", "0", "--account", ACCOUNT, "--json"]
    with subprocess.Popen(
        serve,
        env={**os.environ, "CANARY_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as exchange:
        assert "port" in json.loads(exchange.stdout.readline())
        yield home
        exchange.terminate()
        exchange.wait(30)


@pytest.fixture
def home(served: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("CANARY_HOME", str(served))
    monkeypatch.setenv("CANARY_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("TERM", "dumb")
    yield served
    for left in ("backups", f".canary/{ACCOUNT}"):
        shutil.rmtree(served / left, ignore_errors=True)


def asked(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and what each check found, by name."""
    capsys.readouterr()
    code = run(["preflight", "--json", *flags])
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == code
    return code, {check["name"]: check for check in document["checks"]}


def test_no_backup_is_no_go_and_the_hint_makes_it_go(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preflight"]) == 3
    shown = capsys.readouterr()
    assert "backup: canary snapshot-db --account desk" in shown.out.splitlines()
    assert shown.err == f"ACCOUNT {ACCOUNT} PAPER\nRESULT NO_GO exit=3\n"
    assert run(["snapshot-db"]) == 0
    code, checks = asked(capsys)
    assert code == 0
    assert {name: check["status"] for name, check in checks.items() if check["status"] != "PASS"} == dict.fromkeys(
        ["restore drill", "approval", "branch", "heuristics", "alerts", "monitoring"], "SKIP"
    )


def test_nagios_and_prometheus_see_the_latch(home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    state = home / ".canary" / ACCOUNT
    assert run(["preflight"]) == 3  # makes the ledger that can be backed up
    assert run(["snapshot-db"]) == 0
    set_latch(state, Latch("rollback", "flash crash", "canary", datetime(2026, 2, 22, 11, 15, tzinfo=UTC)))
    capsys.readouterr()
    textfile = tmp_path / "canary.prom"
    assert run(["preflight", "--format", "nagios", "--textfile", str(textfile)]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(
        "CANARY CRITICAL - latch: set by rollback at 2026-02-22 11:15 UTC: flash crash | 'rest latency'="
    )
    assert f'canary_preflight_stops{{account="{ACCOUNT}",check="latch"}} 1.0' in textfile.read_text().splitlines()


def test_a_pair_the_exchange_does_not_list_is_no_go(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text((ROOT / "runbooks" / "golive.toml").read_text().replace('"BNBUSDT"', '"NOPEUSDT"'))
    code, checks = asked(capsys, "--plan", str(plan))
    assert code == 3
    assert checks["symbols"]["evidence"] == "NOPEUSDT is not listed"


def test_a_plan_that_is_wrong_is_said_once(home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[plan]\nname = 3\n")
    code, checks = asked(capsys, "--plan", str(plan))
    assert code == 3
    assert checks["plan"]["status"] == "FAIL"
    assert {checks[name]["status"] for name in ("market stream", "symbols")} == {"ERROR"}


def test_an_exchange_that_is_away_is_its_own_exit_code(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: whoever connects is refused
        (home / "accounts.toml").write_text(f'[gone]\nkind = "paper"\nport = {taken.getsockname()[1]}\n')
        code, checks = asked(capsys, "--account", "gone")
    (home / "accounts.toml").unlink()
    assert code == 7
    assert checks["rest latency"]["hint"].endswith("canary paper serve")
    assert checks["signals"]["status"] == "PASS"


def test_nagios_hears_of_a_wrong_configuration_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preflight", "--format", "nagios", "--account", "nobody"]) == 3
    assert capsys.readouterr().out == "CANARY UNKNOWN - no account named nobody\n"


@pytest.mark.mariadb
def test_the_same_on_mariadb(
    home: Path, mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", mariadb.url("preflight"))
    assert run(["preflight"]) == 3
    assert run(["snapshot-db"]) == 0
    code, checks = asked(capsys)
    assert code == 0
    assert "s3cret-pw" not in checks["database"]["evidence"]
    mariadb.stop()
    code, checks = asked(capsys)
    assert code == 3
    assert checks["database"]["status"] == "FAIL"
