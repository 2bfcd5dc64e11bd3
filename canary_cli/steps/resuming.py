"""Start and recovery are one path: an unfinished run in the journal goes on, anything else begins anew."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from canary_cli import __version__
from canary_cli.bootstrap import World
from canary_cli.core.policy.gates import GateVerdict, Verdict
from canary_cli.core.policy.plan import Plan
from canary_cli.core.trading.state import Session, Setup
from canary_cli.errors import PlanError, Refused
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry
from canary_cli.ledger.projection import cleared_sources
from canary_cli.session.rebuilding import rebuilt
from canary_cli.steps.committing import head_of
from canary_cli.steps.plan import limits
from canary_cli.steps.run import Run


def unfinished(entries: Iterable[Entry]) -> Entry | None:
    """The `run_started` line of the last run, unless it has ended or was rolled back by hand."""
    found: Entry | None = None
    for entry in entries:
        if entry.event == "run_started":
            found = entry
        elif found is not None and entry.run_id == found.run_id and _ends(entry):
            found = None
    return found


def _ends(entry: Entry) -> bool:
    return entry.event == "run_ended" or (entry.event == "incident_updated" and entry.data.get("state") == "STABLE")


@dataclass(frozen=True, slots=True)
class Opening:
    """How a run is to begin: `start` None is now, `phases` empty is all of them, `seed` is a rehearsal's."""

    start: datetime | None
    phases: tuple[int, ...]
    lease_token: int
    seed: int | None


def open_run(world: World, plan: Plan, path: Path, opening: Opening) -> Run:
    """The run to drive. Raises PlanError where another plan began an unfinished one, Refused where none can begin."""
    begun = unfinished(read(world.account.log_dir))
    if begun is None:
        return _begin(world, plan, path, opening)
    if begun.data["plan_sha256"] != plan.sha256:
        raise PlanError(
            f"run {begun.run_id} was begun with another plan (sha256 {begun.data['plan_sha256'][:12]})",
            "put that plan back, or end the run: canary rollback",
        )
    started = datetime.fromisoformat(begun.data["deployment_start"])
    run = Run(world, plan, path, begun.run_id, started, opening.lease_token)
    _take_progress(run, read(world.account.log_dir, run_id=begun.run_id))
    run.scribe.write("run_resumed", data={"lease_token": opening.lease_token})
    return run


def _started(world: World, plan: Plan, opening: Opening) -> datetime:
    """The instant asked for, else the plan's own, else now. Raises PlanError for one that has passed.

    A rehearsal's market has a time of its own, which the plan's instant does not bind.
    """
    if world.account.is_rehearsal or opening.phases:
        return opening.start or _first_instant(world, plan, opening.phases)
    wanted = opening.start or plan.start or world.clock.now()
    if world.clock.now() > wanted + plan.gate_zero.troubleshoot:
        raise PlanError(
            f"the start {wanted:%Y-%m-%dT%H:%MZ} has passed: it is {world.clock.now():%Y-%m-%dT%H:%MZ}",
            'give --start an instant to come, or write start = "now" in the plan',
        )
    return wanted


def _first_instant(world: World, plan: Plan, phases: tuple[int, ...]) -> datetime:
    """Now; where single phases are run, so long before now that the first of them is due at once."""
    now = world.clock.now()
    return now - plan.phase(min(phases)).starts_at if phases else now


def _begin(world: World, plan: Plan, path: Path, opening: Opening) -> Run:
    if not world.clock.speed:
        raise Refused(f"{world.account.name} has ended, and its market stands still", "canary run --rehearse")
    started = _started(world, plan, opening)
    run_id = f"{started:%Y%m%d-%H%M}-{secrets.token_hex(2)}"
    run = Run(world, plan, path, run_id, started, opening.lease_token)
    run.scribe.write(
        "run_started",
        data={
            "plan": plan.name,
            "plan_sha256": plan.sha256,
            "account": world.account.name,
            "kind": world.account.kind,
            "seed": opening.seed,
            "speed": world.clock.speed,
            "version": __version__,
            "commit": head_of(world.home),
            "deployment_start": started.isoformat(),
            "limits": limits(plan),
            "lease_token": opening.lease_token,
        },
    )
    return run


def _take_progress(run: Run, entries: Iterable[Entry]) -> None:
    """What had been entered, extended and decided before."""
    for entry in entries:
        data = entry.data
        if entry.event == "phase_entered":
            run.progress.decisions.clear()
        if entry.event in ("phase_entered", "phase_extended"):
            ends = datetime.fromisoformat(data["ends_at"])
            run.progress.ends[data["number"]] = ends
            run.progress.first_ends.setdefault(data["number"], ends)
        elif entry.event == "step_finished" and data.get("goes_on"):
            run.progress.finished.add(data["step"])
        elif entry.event == "gate" and data["phase"]:
            verdict = GateVerdict(Verdict(data["verdict"]), (), (entry.reason,))
            run.progress.verdicts[data["phase"]] = verdict
        elif entry.event in ("signal", "signal_refused"):
            run.progress.decisions.append(entry)


def rebuild(run: Run, setup: Setup) -> Session:
    """From the run's own lines, less the latches that people lifted while it was not there."""
    state = rebuilt(setup, run.now, read(run.world.account.log_dir, run_id=run.run_id))
    latched = standing(read(run.world.account.log_dir))
    return replace(state, latches={source: why for source, why in state.latches.items() if source in latched})


def standing(entries: Iterable[Entry]) -> set[str]:
    """The latches that stand at the end of these lines."""
    found: set[str] = set()
    for entry in entries:
        if entry.event == "latch_set":
            found.add(entry.data["source"])
        elif entry.event == "latch_cleared":
            found -= set(cleared_sources(entry.data))
    return found
