"""A person's yes to a promotion: bound to the plan and the run, so that another plan needs another yes."""

from canary_cli.bootstrap import World
from canary_cli.core.policy.decisions import needs_approval
from canary_cli.core.policy.plan import Phase
from canary_cli.errors import UsageError
from canary_cli.journal.reader import last_run, read
from canary_cli.journal.record import Entry, Record
from canary_cli.steps.run import Run


def approve(world: World, phase: int, by: str) -> str:
    """Write down that `by` approves leaving `phase` for the next; returns the run it is for.

    Raises UsageError where no run is there to be approved.
    """
    begun = last_run(world.account.log_dir)
    if begun is None or _has_ended(world, begun):
        raise UsageError(f"no run is under way on {world.account.name}", f"canary run --account {world.account.name}")
    data = {"what": f"gate {phase}", "by": by, "plan_sha256": begun.data["plan_sha256"]}
    world.journal.append(Record("approval", run_id=begun.run_id, actor=by, phase=phase, data=data))
    return begun.run_id


def _has_ended(world: World, begun: Entry) -> bool:
    return any(entry.event == "run_ended" for entry in read(world.account.log_dir, run_id=begun.run_id))


def is_approved(run: Run, phase: Phase) -> bool:
    """Whether nobody needs to be asked, or somebody has said yes to this gate of this plan."""
    entries = list(read(run.world.account.log_dir))
    finished = any(
        e.event == "run_ended" and e.status == "DONE" and e.run_id in _runs_of(run, entries) for e in entries
    )
    if not needs_approval(phase, is_live=run.world.account.kind == "live", has_finished_once=finished):
        return True
    wanted = (f"gate {phase.number}", run.plan.sha256)
    given = (e.data for e in entries if e.event == "approval" and e.run_id == run.run_id)
    return any((data.get("what"), data.get("plan_sha256")) == wanted for data in given)


def _runs_of(run: Run, entries: list[Entry]) -> set[str]:
    """Runs of the very same plan."""
    begun = (e for e in entries if e.event == "run_started")
    return {e.run_id for e in begun if e.data.get("plan_sha256") == run.plan.sha256}
