"""Stopping where nobody can be told: stdout or stderr closed or full, a reader that left, a stopped terminal, bytes
that are no text. The account is flat, latched, and the exit code the verb's own."""

import os
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from tests.faults.desk import a_desk
from tests.faults.terminal import a_terminal

VERBS = {"close-all": ("close-all", "--no-recheck"), "rollback": ("rollback",), "stop": ("stop",)}
closing_verbs = pytest.mark.parametrize("verb", ["close-all", "rollback"])

NOWHERE = {
    "closed": '"$@" >&- 2>&-',
    "full": '"$@" >/dev/full 2>/dev/full',
    "left": '"$@" 2>&1 | true',
    "only stderr full": '"$@" 2>/dev/full',
}


@pytest.mark.parametrize(
    ("verb", "where"),
    [
        ("close-all", "closed"),
        ("close-all", "full"),
        ("close-all", "only stderr full"),
        ("rollback", "left"),
        ("rollback", "full"),
        ("stop", "closed"),
    ],
)
async def test_where_no_word_can_be_written(tmp_path: Path, verb: str, where: str) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        terminal.before = ("bash", "-o", "pipefail", "-c", NOWHERE[where], "bash")
        ended = await terminal.type(*VERBS[verb])
        assert (ended.code, bool(desk.held)) == (0, verb == "stop"), ended
        assert read_latches(terminal.account.state_dir)
        assert verb != "rollback" or list((tmp_path / "logs" / "incidents").glob("*/post-mortem.md"))


async def test_an_incident_is_acknowledged_and_its_logs_are_kept_where_no_word_can_be_written(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await terminal.type("rollback")
        terminal.before = ("bash", "-o", "pipefail", "-c", NOWHERE["full"], "bash")
        for words in (("ack", "--by", "ana"), ("capture-logs",)):
            ended = await terminal.type(*words)
            assert ended.code == 0, ended
    assert not list((tmp_path / "logs").glob("crash-*"))


async def test_a_reader_that_left_makes_no_go_of_a_no(tmp_path: Path) -> None:
    """It ended with DONE, which is GO."""
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await terminal.type("stop")
        terminal.before = ("bash", "-o", "pipefail", "-c", '"$@" | true', "bash")
        ended = await terminal.type("preflight")
        assert (ended.code, ended.err.splitlines()[-1]) == (3, "RESULT NO_GO exit=3"), ended


@closing_verbs
async def test_a_reader_that_left_makes_no_success_of_an_account_that_is_still_open(tmp_path: Path, verb: str) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        desk.by_hand(revoke=desk.account.api_key)
        terminal.before = ("bash", "-o", "pipefail", "-c", '"$@" | true', "bash")
        ended = await terminal.type(*VERBS[verb])
        assert ended.code == 6, ended
        assert ended.err.endswith("exit=6\n")


@pytest.fixture
def stopped_terminal() -> Iterator[int]:
    """A terminal on which somebody has typed Ctrl-S."""
    reader, terminal = os.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    yield terminal
    os.close(terminal)
    os.close(reader)


@closing_verbs
async def test_on_a_terminal_that_was_stopped_it_closes_all_the_same(
    tmp_path: Path, verb: str, stopped_terminal: int
) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        desk.fault("reject", on=r"^POST /fapi/v1/order$", code=-1008, status=503, msg="throttled", first=8)
        terminal.before = ("bash", "-c", f'"$@" >{os.ttyname(stopped_terminal)} 2>&1', "bash")
        ended = await terminal.type(*VERBS[verb])
        assert (ended.code, desk.held) == (0, {})
        assert read_latches(terminal.account.state_dir)


@pytest.mark.parametrize("verb", ["rollback", "stop"])
async def test_a_reason_that_is_no_text_stops_it_as_well(tmp_path: Path, verb: str) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        terminal.told["LOGNAME"] = os.fsdecode(b"jo\xe3o")
        ended = await terminal.type(*VERBS[verb], "--reason", os.fsdecode(b"a\xe7\xe3o"))
        assert (ended.code, bool(desk.held)) == (0, verb == "stop"), ended
        (latch,) = read_latches(terminal.account.state_dir)
        assert (latch.by, latch.reason) == ("jo?o", "a??o")
        assert next(entry.event for entry in read(terminal.account.log_dir)) == "latch_set"
