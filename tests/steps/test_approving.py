"""A person's yes: to what it was said, for how long it stands, and that it cannot have been said too early."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.app import run as typed
from canary_cli.bootstrap import World
from canary_cli.core.clock import ManualClock
from canary_cli.errors import UsageError
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.steps.approving import (
    SignOff,
    approve_phase,
    approve_start,
    is_approved,
    said_yes,
    sign_off,
    sign_offs_missing,
)
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run
from tests.docs.commands import ROOT

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
PLAN = ROOT / "runbooks" / "golive.toml"


@pytest.fixture
async def begun(tmp_path: Path) -> AsyncIterator[Run]:
    """A run of the shipped plan that is under way."""
    world = World(replace(paper_account(tmp_path), name="desk"))
    world.clock = ManualClock(NOON)  # type: ignore[misc]
    run = Run(world, load_plan(PLAN, ROOT), PLAN, "run-7", NOON, 1)
    world.journal.append(Record("run_started", run_id="run-7", data={"plan_sha256": run.plan.sha256}))
    yield run
    world.close()


def gate(run: Run, verdict: str, phase: int = 2) -> None:
    run.world.journal.append(Record("gate", run_id=run.run_id, data={"phase": phase, "verdict": verdict}))


async def test_the_start_of_a_plan_is_approved_for_a_day(begun: Run) -> None:
    told = approve_start(begun.world, PLAN, "ana")
    (line,) = (entry for entry in read(begun.world.account.log_dir) if entry.event == "approval")
    assert told == f"start of plan golive {begun.plan.sha256[:12]}, for 24 h"
    assert (line.data["what"], line.data["plan_sha256"]) == ("start", begun.plan.sha256)
    assert line.data["expires"] == (NOON + timedelta(hours=24)).isoformat()


async def test_a_yes_to_too_little_evidence_counts_from_when_it_was_seen(begun: Run) -> None:
    phase = begun.plan.phase(2)
    approve_phase(begun.world, 2, "ana")
    assert not said_yes(begun, phase)
    gate(begun, "PASS")
    gate(begun, "INCONCLUSIVE")
    assert not said_yes(begun, phase)
    approve_phase(begun.world, 1, "ana")
    assert not said_yes(begun, phase)
    approve_phase(begun.world, 2, "ana")
    assert said_yes(begun, phase)


def earlier(run: Run, name: str, event: str, **data: object) -> None:
    """A run before this one, of the same plan."""
    started = Record("run_started", run_id=name, data={"plan_sha256": run.plan.sha256})
    for record in (started, Record(event, run_id=name, data=data, status="DONE")):
        run.world.journal.append(record)


async def test_only_a_plan_that_was_handed_off_once_grows_to_full_size_without_a_yes(begun: Run) -> None:
    """A live run watches on without end, and is DONE only where it was a single phase, which proves no other."""
    begun.world.account = replace(begun.world.account, kind="live")
    full = begun.plan.phase(2)
    assert not is_approved(begun, full)
    earlier(begun, "run-5", "run_ended", outcome="DONE", exit=0)
    earlier(begun, "run-6", "step_finished", step="hand-off", outcome="UNPROTECTED", goes_on=False)
    assert not is_approved(begun, full)
    earlier(begun, "run-6", "step_finished", step="hand-off", outcome="HANDED OFF", goes_on=True)
    assert is_approved(begun, full)
    changed = Run(begun.world, replace(begun.plan, sha256="another"), PLAN, "run-8", NOON, 1)
    assert not is_approved(changed, full)


async def test_sign_offs_are_given_one_by_one_and_to_this_run(begun: Run) -> None:
    assert sign_offs_missing(begun) == ("crew briefed", "board pinned", "response ready")
    sign_off(begun.world, SignOff.CREW, "ben")
    assert sign_offs_missing(begun) == ("board pinned", "response ready")
    for what in (SignOff.BOARD, SignOff.RESPONSE):
        sign_off(begun.world, what, "ben")
    assert sign_offs_missing(begun) == ()
    assert len(sign_offs_missing(Run(begun.world, begun.plan, PLAN, "run-8", NOON, 1))) == 3


async def test_what_belongs_to_a_run_is_not_approved_without_one(begun: Run) -> None:
    begun.world.journal.append(Record("run_ended", run_id="run-7"))
    with pytest.raises(UsageError, match="no run is under way on desk"):
        sign_off(begun.world, SignOff.CREW, "ben")


@pytest.mark.parametrize(
    "words",
    [[], ["--start", "--phase", "2"], ["--sign-off", "coffee brewed"], ["--start", "--by", " "]],
    ids=["nothing", "two things", "no such sign-off", "no name"],
)
def test_one_thing_is_approved_at_a_time(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    assert typed(["approve", "--by", "ana", "--account", "paper", "--confirm", "paper", *words]) == 2
