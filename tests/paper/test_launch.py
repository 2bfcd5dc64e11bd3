"""`canary paper serve` as another process sees it: its line, its registry entry, its end, and what it refuses."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from canary_cli.accounts import running_rehearsals
from canary_cli.errors import ExchangeUnreachable
from canary_cli.paper.notice import Screen, announce, ask, describe

ROOT = Path(__file__).resolve().parents[2]
SERVE = ("paper", "serve", "--pairs", "BTCUSDT")


def canary(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "CANARY_HOME": str(home), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "canary_cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    process = canary(home, *SERVE, "--port", "0", "--json", "--account", "rehearsal:ab12", *arguments)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def test_it_says_one_line_registers_privately_and_leaves_nothing(tmp_path: Path) -> None:
    registry = tmp_path / ".canary" / "exchanges" / "rehearsal-ab12.json"
    with serving(tmp_path, "--speed", "60", "--start", "2026-03-02T10:00Z") as (process, entry):
        assert set(entry) == {"schema_version", "port", "account", "plan_start", "wall_start", "speed", "seed", "pid"}
        assert (entry["plan_start"], entry["pid"]) == ("2026-03-02T10:00:00+00:00", process.pid)
        assert json.loads(registry.read_text()) == entry
        assert stat.S_IMODE(registry.stat().st_mode) == 0o600
        assert list(running_rehearsals(tmp_path)) == ["rehearsal:ab12"]
        status = ask(registry, "GET", "status")
        assert status["account"] == "rehearsal:ab12"
        assert "plan time" in describe(status, as_json=False)
        ask(registry, "POST", "stop")
        assert process.wait(10) == 0
    assert not registry.exists()
    with pytest.raises(ExchangeUnreachable, match="no paper exchange runs"):
        ask(registry, "GET", "status")


def test_detached_it_ignores_the_terminal_and_ends_when_idle(tmp_path: Path) -> None:
    with serving(tmp_path, "--detached", "--idle-after", "1") as (process, _):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate(timeout=15)
        assert process.returncode == 0
        assert "RESULT IDLE exit=0" in said


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--start", "yesterday"), 2, "--start 'yesterday' is no instant"),
        (("--start", "9999-12-31T23:59:59Z"), 2, "a plan cannot start in 9999"),
        (("--scenario", "hope"), 78, "There is no scenario 'hope'"),
        (("--speed", "0"), 2, "--speed 0 is not above 0"),
        (("--speed", "inf"), 2, "--speed inf is not above 0"),
        (("--port", "99999"), 2, "--port 99999 is no port"),
        (("--idle-after", "-1"), 2, "--idle-after -1 is below 0"),
        (("--balance", "NaN"), 2, "--balance 'NaN' is no amount above 0"),
        (("--pairs", "NOPEUSDT"), 2, "NOPEUSDT"),
    ],
)
def test_what_cannot_be_is_one_line_and_an_exit_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    process = canary(tmp_path, *SERVE, *(() if "--port" in arguments else ("--port", "0")), *arguments)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert says in said
    assert "Traceback" not in said


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = canary(tmp_path, *SERVE, "--port", str(port))
        _, said = process.communicate(timeout=30)
    assert process.returncode == 78
    assert f"port {port} on 127.0.0.1 is taken" in said
    assert not list((tmp_path / ".canary").rglob("*.json")) if (tmp_path / ".canary").exists() else True


def test_the_screen_has_the_lines_to_paste() -> None:
    entry = {"account": "rehearsal:ab12", "port": 1, "pid": 2, "plan_start": "x", "speed": 1.0}
    screen = announce(entry, as_json=False)
    assert "canary close-all --account rehearsal:ab12" in screen
    assert max(map(len, screen.splitlines())) <= 80


def test_a_second_exchange_of_the_same_name_is_refused_and_the_first_stays_known(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, entry):
        second = canary(tmp_path, *SERVE, "--port", "0", "--account", "rehearsal:ab12")
        _, said = second.communicate(timeout=30)
        assert second.returncode == 78
        assert "an exchange runs as rehearsal:ab12 already" in said
        registry = tmp_path / ".canary" / "exchanges" / "rehearsal-ab12.json"
        assert ask(registry, "GET", "status")["account"] == "rehearsal:ab12"
        assert json.loads(registry.read_text()) == entry


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_keeps_a_status_of_one_screen(tmp_path: Path, columns: int) -> None:
    """Drawn again in place: from the first line of the status, never wider than the terminal, until Ctrl-C."""
    environment = {
        **os.environ,
        "CANARY_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm",
        "NO_COLOR": "1",
    }
    child = pexpect.spawn(
        sys.executable, ["-m", "canary_cli", *SERVE, "--port", "0"],
        env=environment, dimensions=(24, columns), encoding="utf-8", timeout=30,
    )  # fmt: skip
    child.expect("In a second terminal:")
    child.expect("Now:\r\n")
    child.expect("\x1b\\[9A\x1b\\[J")
    drawn = child.before.split("\r\n")
    assert len(drawn) - 1 == 8
    assert max(map(len, drawn)) <= columns
    assert "positions     none" in child.before
    child.sendintr()
    child.expect("RESULT STOPPED exit=0")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_pipe_gets_the_start_screen_and_no_more(tmp_path: Path) -> None:
    process = canary(tmp_path, *SERVE, "--port", "0", "--idle-after", "2")
    said, _ = process.communicate(timeout=30)
    assert "In a second terminal:" in said
    assert "Now:" not in said
    assert "\x1b" not in said


def test_a_status_that_is_too_wide_is_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    held = {f"PAIR{number}USDT BOTH": "1" for number in range(20)}
    Screen().draw({
        "now": "2026-03-02T10:00:00+00:00", "speed": 1.0, "equity": "1", "positions": held, "open_orders": 0,
        "open_conditionals": 0, "sockets": 0, "weight": 0, "orders": 0, "faults": [], "idle_seconds": 0.0,
    })  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == 40
    assert any(line.endswith("…") for line in lines)
