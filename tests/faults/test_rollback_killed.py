"""`rollback` killed with -9 after each of its steps, then typed again: flat, one incident, nothing done twice."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from canary_cli.accounts import PlanTime, paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import SystemClock
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry
from canary_cli.steps.incidents import State, of_account
from canary_cli.steps.rollback.sequence import ONCE
from canary_cli.steps.snapshot_db import snapshot_db
from tests.faults.desk import PAIRS, Desk, a_desk
from tests.faults.terminal import Terminal, a_terminal, until

AN_HOUR = timedelta(hours=1)
STEPS = (
    "latch_set", "first position closed", "all positions closed",  # stage 1
    "incident_opened", "flatten_started", "fill", "flat", "alert",
    "capture-logs", "account", "snapshot-db", "pnl", "verify-db",  # stage 2
    "restore",  # stage 3
    "decision tree", "postmortem", "manifest", "incident_updated",  # stage 4
)  # fmt: skip
"""What is closed at the exchange, a line of the journal, or a piece of work, after which it is killed: in order."""

FEW = ("first position closed", "flat", "capture-logs", "verify-db", "restore", "postmortem")

SEEN: dict[str, Callable[[Desk], bool]] = {
    "first position closed": lambda desk: len(desk.held) < 2,
    "all positions closed": lambda desk: not desk.held,
}


@asynccontextmanager
async def an_account(home: Path, slack: HTTPServer) -> AsyncIterator[tuple[Desk, Terminal]]:
    """Two positions with their stops, and a ledger of which there is a backup from an hour ago."""
    slack.expect_request("/api/chat.postMessage").respond_with_json({"ok": True, "ts": "1.1"})
    told = {"SLACK_BOT_TOKEN": "xoxb-test", "SLACK_API_URL": slack.url_for("/api/")}
    async with a_desk() as desk, a_terminal(desk, home, **told) as terminal:
        now = SystemClock().wall()
        then = paper_account(home, desk.server.port, "desk", PlanTime(now - AN_HOUR, now, 1.0))
        async with World(then) as world:
            world.ledger.caught_up_to()  # there is something to take a snapshot of
            snapshot_db(world)
        await desk.open(*PAIRS[:2])
        for pair in PAIRS[:2]:
            await desk.protect(pair)
        desk.fault("latency", on="orders", milliseconds=1, to_milliseconds=80)
        desk.by_hand(limits=False)  # nobody types twenty rollbacks within a minute
        yield desk, terminal


async def rolled_back_and_killed_after(step: str, desk: Desk, terminal: Terminal) -> None:
    before = len(entries(terminal))
    typed = await terminal.begin("rollback", "--reason", "story", "--restore")

    def is_seen() -> bool:
        new = entries(terminal)[before:]
        return any(step in (one.event, one.data.get("step")) for one in new) or SEEN.get(step, lambda _: False)(desk)

    await until(lambda: is_seen() or not typed.is_running, step)
    typed.kill()
    await typed.ended()


def entries(terminal: Terminal) -> list[Entry]:
    return list(read(terminal.account.log_dir))


async def ends_flat_when_typed_again(desk: Desk, terminal: Terminal, slack: HTTPServer) -> None:
    again = await terminal.type("rollback", "--reason", "story", "--restore")
    assert again.code == 0, again
    assert (desk.held, desk.resting) == ({}, 0)
    assert {"rollback", "restore-db"} == {one.source for one in read_latches(terminal.account.state_dir)}
    (incident,) = of_account(terminal.account)
    assert (incident.state, incident.rolled_back) == (State.STABLE, True)
    told = entries(terminal)
    done = Counter(one.data["step"] for one in told if one.event == "step_finished" and one.status == "DONE")
    ends = sum("missing" in one.data for one in told)  # more than one where a kill came too late: then a new one began
    always = ONCE - {"restore"}  # which is refused while nobody can read what is open: looking has used up the minute
    assert {name: done[name] for name in always} == dict.fromkeys(always, ends), told
    refused = sum("restore" in one.data.get("missing", {}) for one in told)
    assert done["restore"] >= 1 and done["restore"] + refused == ends, told
    fills = [one.data["trade_id"] for one in told if one.event == "fill"]
    assert len(fills) == len(set(fills))
    folder = terminal.home / "logs" / "incidents" / incident.id
    assert {"manifest.json", "post-mortem.md", "account.json"} <= {path.name for path in folder.iterdir()}
    proven = json.loads((folder / "manifest.json").read_text())["files"]
    assert {"snapshot.json", "books.json", "configuration.json"} <= set(proven)
    kept = json.loads((folder / "snapshot.json").read_text())
    assert sha256(Path(kept["path"]).read_bytes()).hexdigest() == kept["sha256"]
    said = [str(request.get_json() or request.form) for request, _ in slack.log]
    flat = [one for one in said if "verified flat" in one]
    assert ends <= len(flat) <= ends + 1, said  # one that was said and not yet written down is said again


@pytest.mark.parametrize("steps", [FEW, pytest.param(STEPS, marks=pytest.mark.soak)], ids=["a few", "every"])
async def test_killed_after_one_step_after_the_other(
    steps: tuple[str, ...], tmp_path: Path, httpserver: HTTPServer
) -> None:
    async with an_account(tmp_path, httpserver) as (desk, terminal):
        for step in steps:
            await rolled_back_and_killed_after(step, desk, terminal)
        await ends_flat_when_typed_again(desk, terminal, httpserver)


@pytest.mark.soak
@pytest.mark.parametrize("step", STEPS)
async def test_killed_after_a_step_and_typed_again(step: str, tmp_path: Path, httpserver: HTTPServer) -> None:
    async with an_account(tmp_path, httpserver) as (desk, terminal):
        await rolled_back_and_killed_after(step, desk, terminal)
        await ends_flat_when_typed_again(desk, terminal, httpserver)
