"""The three logs: no secret in any of them, whoever tells it, and no more of them than is kept, however many write."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary_cli.journal.record import Record
from canary_cli.journal.rotating import RotatingFile
from canary_cli.journal.text_logs import NAMES, TextLogs
from canary_cli.steps.capture_logs import LAST_LINES, _tail

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
KEY, SECRET, SIGNATURE, LISTEN_KEY = (
    "K1" * 32,
    "s3" * 32,
    "0f" * 32,
    "pqia91ma" * 8,
)
SHORT = "rot-key-0123"  # of a kind that no shape gives away
PLANTED = {
    "API key": f"X-MBX-APIKEY: {KEY}",
    "secret": f"secret {SECRET}",
    "own key": f"key={SHORT}",
    "signature": f"GET /fapi/v2/account?timestamp=1&signature={SIGNATURE}",
    "short signature": "timestamp=1&signature=abc123",
    "listen key": f"wss://fstream.binance.com/private/ws?listenKey={LISTEN_KEY}",
    "short listen key": "ws?listenKey=abc123 refused",
    "database": "OperationalError: mysql+pymysql://canary:hunter2@db:3306/canary went away",
    "database, odd password": "mysql+pymysql://canary:p@ss/w:rd!@db/canary",
    "database, no user": "redis://:hunter2@db/0",
    "bearer": "Authorization: Bearer tok-en.123",
    "Slack": "xoxb-123456-abcdef",
    "webhook": "https://hooks.slack.com/services/T00/B00/XXXXabcd",
    "from .env": "Access denied with dot-env-pass",
    "from the environment": "login with env-routing-1",
}
SECRETS = (KEY, SECRET, SHORT, SIGNATURE, LISTEN_KEY, "abc123", "hunter2", "p@ss", "w:rd", "tok-en", "xoxb-123456",
           "T00/B00", "XXXXabcd", "dot-env-pass", "env-routing-1")  # fmt: skip


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TextLogs:
    (tmp_path / ".env").write_text('export DB_PASS="dot-env-pass"\nPLAIN=words\n')
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "env-routing-1")
    return TextLogs(tmp_path / "logs", lambda: NOON, (SHORT, ""))


def written(tmp_path: Path) -> str:
    return "".join(path.read_text() for path in sorted((tmp_path / "logs").glob("*.log*")))


@pytest.mark.parametrize("what", PLANTED)
def test_no_secret_is_written_whoever_tells_it(logs: TextLogs, tmp_path: Path, what: str) -> None:
    """A reason typed by a person, an error's own words, the answer of an exchange."""
    text = PLANTED[what]
    logs.on_record(Record("alert", reason=f"before {text} after"))
    logs.on_record(Record("risk_refused", reason=text, status=text))
    logs.on_request("request", {"method": "GET", "path": text, "outcome": text})
    logs.close()
    found = written(tmp_path)
    assert not [secret for secret in SECRETS if secret in found]
    assert "********" in found and "before" in found and "after" in found


def test_a_traceback_in_a_reason_is_masked_and_stays_one_line(logs: TextLogs, tmp_path: Path) -> None:
    logs.on_record(
        Record("alert", reason=f"Traceback:\n  url = 'https://x/?signature={SIGNATURE}'\nValueError: {SECRET}")
    )
    logs.close()
    (line,) = (tmp_path / "logs" / "execution.log").read_text().splitlines()
    assert SIGNATURE not in line and SECRET not in line and "ValueError" in line


def test_each_log_is_its_owner_s_alone_also_where_it_was_not(logs: TextLogs, tmp_path: Path) -> None:
    old = tmp_path / "logs" / "execution.log"
    old.touch(0o644)
    logs.on_record(Record("alert"))
    logs.on_record(Record("breaker"))
    logs.on_request("request", {})
    logs.close()
    modes = {name: stat.S_IMODE((tmp_path / "logs" / name).stat().st_mode) for name in NAMES}
    assert modes == dict.fromkeys(NAMES, 0o600)


def test_a_file_is_put_aside_at_its_bound_and_only_so_many_are_kept(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a.log", max_bytes=100, kept=3)
    for number in range(100):
        file.write(f"{number:09d}")
    file.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes == {"a.log.1": 100, "a.log.2": 100, "a.log.3": 100}
    assert (tmp_path / "a.log.1").read_text().splitlines()[-1] == "000000099"
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


WRITER = """
import sys
from pathlib import Path
from canary_cli.journal.rotating import RotatingFile
name, lines = sys.argv[2], int(sys.argv[3])
file = RotatingFile(Path(sys.argv[1]), max_bytes=4000, kept=500)
for number in range(lines):
    file.write(f"{name} {number:06d}")
"""


def test_several_processes_append_and_rotate_and_no_line_is_lost_or_torn(tmp_path: Path) -> None:
    """The run, the watchdog and a verb typed in between."""
    path, lines = tmp_path / "a.log", 2000
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(lines)]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    told = [line for one in tmp_path.iterdir() for line in one.read_text().splitlines()]
    assert sorted(told) == [f"{name} {number:06d}" for name in "abc" for number in range(lines)]


def test_a_crash_between_two_renames_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, replace = RotatingFile(tmp_path / "a.log", max_bytes=30, kept=3), Path.replace

    def crash(self: Path, target: Path) -> Path:
        if self.name == "a.log":
            raise OSError("the machine stops here")
        return replace(self, target)

    for number in range(7):
        file.write(f"{number:09d}")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="stops here"):
        patched.setattr(Path, "replace", crash)
        for number in range(7, 9):
            file.write(f"{number:09d}")
    again = RotatingFile(tmp_path / "a.log", max_bytes=30, kept=3)
    again.write("000000009")
    told = sorted(line for one in tmp_path.iterdir() for line in one.read_text().splitlines())
    assert told == [f"{number:09d}" for number in range(10)]


def test_a_disk_that_takes_nothing_loses_that_line_only(
    logs: TextLogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        logs.on_record(Record("alert", reason="lost"))
    logs.on_record(Record("alert", reason="kept"))
    logs.close()
    (line,) = (tmp_path / "logs" / "execution.log").read_text().splitlines()
    assert line.endswith("reason=kept")


def test_what_is_captured_reaches_back_over_a_file_that_was_just_begun(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a.log", max_bytes=7000, kept=3)
    for number in range(1001):
        file.write(f"{number:06d}")
    tail = _tail(tmp_path / "a.log.1", tmp_path / "a.log")
    assert [int(line) for line in tail] == list(range(1001 - LAST_LINES, 1001))
