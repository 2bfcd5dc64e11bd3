"""Closing on a machine where something else is broken: ledger gone, its server stopped, disk full, Slack deaf."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from tests.conftest import MariaDB
from tests.docs.commands import ROOT
from tests.e2e.house import Ended
from tests.faults.desk import PAIRS, Desk, a_desk
from tests.faults.terminal import Terminal, a_terminal

VERBS = {"close-all": ("close-all", "--no-recheck"), "rollback": ("rollback", "--reason", "story")}
each_verb = pytest.mark.parametrize("verb", VERBS)


@asynccontextmanager
async def two_positions(home: Path, **told: str) -> AsyncIterator[tuple[Desk, Terminal]]:
    async with a_desk() as desk, a_terminal(desk, home, **told) as terminal:
        await desk.open(*PAIRS[:2])
        for pair in PAIRS[:2]:
            await desk.protect(pair)
        yield desk, terminal


async def closes(desk: Desk, terminal: Terminal, verb: str) -> Ended:
    ended = await terminal.type(*VERBS[verb])
    assert (ended.code, desk.held, desk.resting) == (0, {}, 0), ended
    assert "Traceback" not in ended.err
    return ended


@each_verb
async def test_with_the_ledgers_file_deleted(tmp_path: Path, verb: str) -> None:
    async with two_positions(tmp_path) as (desk, terminal):
        async with World(paper_account(tmp_path, desk.server.port, "desk")) as world:
            world.ledger.caught_up_to()
        for path in terminal.account.state_dir.glob("ledger.db*"):
            path.unlink()
        ended = await closes(desk, terminal, verb)
        assert read_latches(terminal.account.state_dir)
        remade = "verify-db: PASS" in ended.out and "snapshot-db: NOT DONE (there is no ledger" in ended.out
        assert verb == "close-all" or remade, ended


@each_verb
@pytest.mark.mariadb
async def test_row_29_with_mariadb_stopped(tmp_path: Path, mariadb: MariaDB, verb: str) -> None:
    url = mariadb.url("canary_stopped")
    mariadb.stop()
    async with two_positions(tmp_path, DATABASE_URL=url) as (desk, terminal):
        ended = await closes(desk, terminal, verb)
        assert read_latches(terminal.account.state_dir)
        assert verb == "close-all" or "snapshot-db: NOT DONE" in ended.out, ended
        assert "s3cret-pw" not in ended.out + ended.err


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A home on a small disk of its own, which takes not one byte more once `fill` has been called."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    home = tmp_path / "small"
    home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", home], check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield home
    subprocess.run(["umount", "--lazy", home], check=True)


def fill(home: Path) -> None:
    with (home / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


@each_verb
async def test_row_29_with_a_full_disk_what_could_not_be_written_is_said(full_disk: Path, verb: str) -> None:
    async with two_positions(full_disk) as (desk, terminal):
        fill(full_disk)
        ended = await closes(desk, terminal, verb)
        assert not read_latches(terminal.account.state_dir)
        said = {
            "close-all": ("LATCH NOT WRITTEN: ", "JOURNAL NOT WRITTEN: ", "FLAT on desk"),
            "rollback": ("Signal generation: NOT DONE", "latch: NOT DONE", "incident: NOT DONE", "ROLLED_BACK CB-"),
        }
        assert all(words in ended.out + ended.err for words in said[verb]), ended
        assert "No space left on device" in ended.out + ended.err


def no_evidence(home: Path) -> None:
    (home / "logs").mkdir()
    (home / "logs" / "incidents").write_text("in the way")


def no_backups(home: Path) -> None:
    (home / "backups").write_text("in the way")


def a_runbook(content: bytes) -> Callable[[Path], None]:
    def write(home: Path) -> None:
        shutil.copytree(ROOT / "runbooks", home / "runbooks")
        (home / "runbooks" / "rollback.toml").write_bytes(content)

    return write


SHIPPED = (ROOT / "runbooks" / "rollback.toml").read_bytes()
FAILING = {
    "evidence": (no_evidence, ("capture-logs", "account", "books", "configuration", "postmortem", "manifest")),
    "snapshot": (no_backups, ("snapshot-db",)),
    "unknown step": (a_runbook(SHIPPED.replace(b'"books"', b'"bookz"')), ("rollback.toml",)),
    "no text": (a_runbook(b"\xff\x00"), ("rollback.toml",)),
}


@pytest.mark.parametrize("failing", FAILING)
async def test_row_46_a_rollback_that_fails_in_a_step_has_stopped_and_is_flat_before(
    tmp_path: Path, failing: str
) -> None:
    """what could not be done is listed, exit 0"""
    breaks, not_done = FAILING[failing]
    breaks(tmp_path)
    async with two_positions(tmp_path) as (desk, terminal):
        async with World(paper_account(tmp_path, desk.server.port, "desk")) as world:
            world.ledger.caught_up_to()
        ended = await closes(desk, terminal, "rollback")
        assert [one.source for one in read_latches(terminal.account.state_dir)] == ["rollback"]
        assert ended.err.endswith("RESULT ROLLED_BACK exit=0\n")
        assert "bug in canary" not in ended.out
        missing = [line.strip() for line in ended.out.splitlines() if ": NOT DONE (" in line]
        assert all(any(line.startswith(f"{piece}: NOT DONE") for line in missing) for piece in not_done), ended
        told = [one.data["state"] for one in read(terminal.account.log_dir) if "state" in one.data]
        assert told[-1] == "STABLE"


@each_verb
async def test_row_47_with_slack_that_takes_every_call_and_never_answers(tmp_path: Path, verb: str) -> None:
    calls: list[Any] = []
    deaf = await asyncio.start_server(lambda *line: calls.append(line), "127.0.0.1", 0)
    port = deaf.sockets[0].getsockname()[1]
    told = {"SLACK_BOT_TOKEN": "xoxb-test", "SLACK_API_URL": f"http://127.0.0.1:{port}/api/"}
    async with two_positions(tmp_path, **told) as (desk, terminal):
        ended = await closes(desk, terminal, verb)
        assert verb == "close-all" or calls, ended
        assert verb == "close-all" or "alert: NOT DONE (slack waiting" in ended.out, ended
        assert verb == "close-all" or "Team: NOT DONE" in ended.out, ended
    deaf.close()
    for _, writer in calls:
        writer.close()
