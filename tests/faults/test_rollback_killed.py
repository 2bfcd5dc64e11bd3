"""`rollback` killed with -9 after each of its steps, then typed again: flat, one incident, nothing done twice."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry
from canary_cli.steps.incidents import State, of_account
from canary_cli.steps.rollback.sequence import ONCE
from tests.docs.commands import ROOT
from tests.faults.desk import PAIRS, a_desk

STEPS = ("latch_set", "incident_opened", "alert", "snapshot-db", "verify-db", "postmortem")
"""A line of the journal, or a piece of work, after which it is killed."""


def is_told(entries: list[Entry], step: str) -> bool:
    return any(step in (entry.event, entry.data.get("step")) for entry in entries)


async def roll_back(home: Path, slack: HTTPServer) -> asyncio.subprocess.Process:
    told = {"CANARY_HOME": str(home), "CANARY_ACCOUNT": "desk", "SLACK_BOT_TOKEN": "xoxb-test"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "canary_cli", "rollback", "--reason", "story", stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **told, "SLACK_API_URL": slack.url_for("/api/")}, cwd=home,
    )  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
async def test_killed_after_a_step_and_typed_again(step: str, tmp_path: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/chat.postMessage").respond_with_json({"ok": True, "ts": "1.1"})
    (tmp_path / "runbooks").symlink_to(ROOT / "runbooks")
    async with a_desk() as desk:
        (tmp_path / "accounts.toml").write_text(f'[desk]\nkind = "paper"\nport = {desk.server.port}\n')
        account = paper_account(tmp_path, desk.server.port, "desk")
        async with World(account) as world:
            world.ledger.caught_up_to()  # there is something to take a snapshot of
        await desk.open(*PAIRS[:2])
        for pair in PAIRS[:2]:
            await desk.protect(pair)
        process = await roll_back(tmp_path, httpserver)
        async with asyncio.timeout(60):
            while not is_told(list(read(account.log_dir)), step) and process.returncode is None:
                await desk.clock.pause(0.005)
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        await process.communicate()
        again = await roll_back(tmp_path, httpserver)
        out, err = await asyncio.wait_for(again.communicate(), 60)
        assert again.returncode == 0, (out, err)
        assert (desk.held, desk.resting) == ({}, 0)
    (incident,) = of_account(account)
    assert (incident.state, incident.rolled_back) == (State.STABLE, True)
    entries = list(read(account.log_dir))
    done = Counter(entry.data["step"] for entry in entries if entry.event == "step_finished" and entry.status == "DONE")
    passes = sum("missing" in entry.data for entry in entries)  # 2 where the kill came too late: then it was a new one
    assert {name: done[name] for name in ONCE - {"restore"}} == dict.fromkeys(ONCE - {"restore"}, passes)
    folder = tmp_path / "logs" / "incidents" / incident.id
    assert {"manifest.json", "post-mortem.md", "account.json"} <= {path.name for path in folder.iterdir()}
    assert len(list((tmp_path / "backups").glob("*.db.gz"))) == passes
    said = [request.get_json() or request.form for request, _ in httpserver.log]
    assert len(said) == passes, said
