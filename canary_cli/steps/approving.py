"""What people have said yes to: a plan's start, the next size, the sign-offs before the hand-off."""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from canary_cli.bootstrap import World
from canary_cli.core.policy.decisions import needs_approval
from canary_cli.core.policy.gates import Verdict
from canary_cli.core.policy.plan import Phase
from canary_cli.errors import UsageError
from canary_cli.journal.reader import last_run, read
from canary_cli.journal.record import Entry, Record
from canary_cli.steps.committing import head_of
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run

STANDS_FOR = timedelta(hours=24)
"""How long the approval of a plan's start is good for."""


class SignOff(StrEnum):
    """What the last gate wants of people on a live account."""

    CREW = "crew briefed"
    BOARD = "board pinned"
    RESPONSE = "response ready"


def approve_start(world: World, path: Path | None, by: str) -> str:
    """Write down that `by` approves going live with this plan; returns what was approved. Raises PlanError."""
    plan, now = load_plan(path, world.home), world.clock.now()
    expires = (now + STANDS_FOR).isoformat()
    data = {"what": "start", "by": by, "plan_sha256": plan.sha256, "commit": head_of(world.home), "expires": expires}
    world.journal.append(Record("approval", actor=by, data=data))
    return f"start of plan {plan.name} {plan.sha256[:12]}, for {STANDS_FOR / timedelta(hours=1):.0f} h"


def approve_phase(world: World, phase: int, by: str) -> str:
    """Write down that `by` approves leaving `phase` for the next. Raises UsageError where no run is under way."""
    return _approve_in_run(world, f"gate {phase}", by, phase)


def sign_off(world: World, what: SignOff, by: str) -> str:
    """Write down that `by` answers for `what`. Raises UsageError where no run is under way."""
    return _approve_in_run(world, what.value, by, None)


def _approve_in_run(world: World, what: str, by: str, phase: int | None) -> str:
    begun = last_run(world.account.log_dir)
    if begun is None or _has_ended(world, begun):
        raise UsageError(f"no run is under way on {world.account.name}", f"canary run --account {world.account.name}")
    data = {"what": what, "by": by, "plan_sha256": begun.data["plan_sha256"]}
    world.journal.append(Record("approval", run_id=begun.run_id, actor=by, phase=phase, data=data))
    return f"{what} of run {begun.run_id}"


def _has_ended(world: World, begun: Entry) -> bool:
    return any(entry.event == "run_ended" for entry in read(world.account.log_dir, run_id=begun.run_id))


def is_approved(run: Run, phase: Phase) -> bool:
    """Whether nobody needs to be asked, or somebody has said yes to this gate of this plan."""
    is_live = run.world.account.kind == "live"
    if not needs_approval(phase, is_live=is_live, has_finished_once=is_live and _has_finished_once(run)):
        return True
    return any(True for _ in _given(run, f"gate {phase.number}"))


def said_yes(run: Run, phase: Phase) -> bool:
    """Whether somebody approved this gate after it had been found INCONCLUSIVE: a yes from before had not seen that."""
    unproven = Verdict.INCONCLUSIVE.value
    told = (e for e in read(run.world.account.log_dir, run_id=run.run_id) if e.event == "gate")
    first = next((e.seq for e in told if e.data["phase"] == phase.number and e.data["verdict"] == unproven), None)
    return first is not None and any(entry.seq > first for entry in _given(run, f"gate {phase.number}"))


def sign_offs_missing(run: Run) -> tuple[str, ...]:
    return tuple(what.value for what in SignOff if not any(True for _ in _given(run, what.value)))


def _given(run: Run, what: str) -> Iterator[Entry]:
    """Approvals of `what` in this run of this plan."""
    wanted: dict[str, Any] = {"what": what, "plan_sha256": run.plan.sha256}
    for entry in read(run.world.account.log_dir, run_id=run.run_id):
        if entry.event == "approval" and wanted.items() <= entry.data.items():
            yield entry


def _has_finished_once(run: Run) -> bool:
    """Whether a run of the very same plan came to its hand-off: a single phase is none, and a whole run has no end."""
    ours: set[str] = set()
    for entry in read(run.world.account.log_dir, events=("run_started", "step_finished")):
        if entry.event == "run_started" and entry.data.get("plan_sha256") == run.plan.sha256:
            ours.add(entry.run_id)
        elif entry.data.get("step") == "hand-off" and entry.data.get("goes_on") and entry.run_id in ours:
            return True
    return False
