"""The incident verbs with their words: list, close, acknowledge, keep, capture logs."""

from canary_cli.bootstrap import World
from canary_cli.core.policy.rollback import Cause
from canary_cli.errors import ExitCode, Refused, Result
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.render import incidents as view
from canary_cli.render import output
from canary_cli.steps import incidents
from canary_cli.steps.capture_logs import capture_logs
from canary_cli.steps.escalating import Clock, clock, tell_closed
from canary_cli.steps.incidents import Incident
from canary_cli.steps.plan import rollback_to_run


def run_list(world: World, *, as_json: bool) -> Result:
    known, plan = incidents.of_account(world.account), rollback_to_run(world.home)[0]
    at = _clock(world, known)
    if as_json:
        output.print_document(view.document(world.account.name, known, plan, at))
    else:
        view.show(world.account.name, known, plan, at, world.clock.now())
    unsettled, _ = incidents.obstacle(known, plan.tree, world.account.name)
    return Result("UNRESOLVED" if at else "UNSETTLED" if unsettled else "NONE_OPEN")


def _clock(world: World, known: tuple[Incident, ...]) -> Clock | None:
    open_one = incidents.unresolved(known)
    return clock(world, open_one) if open_one else None


async def run_close(world: World, name: str, by: str, cause: Cause | None, reviewed_by: str, reason: str) -> None:
    async with world:
        one = incidents.close(world, name, by, cause, reviewed_by, reason)
        tell_closed(world, one)
    reviewed = f", reviewed by {one.reviewed_by}" if one.reviewed_by else ""
    output.notice(f"{one.id} closed by {one.closed_by}{reviewed}: {one.root_cause}")


async def run_ack(world: World, name: str, by: str, *, as_json: bool) -> Result:
    async with world:
        one = incidents.pick(world.account, name)
        if not one.is_unresolved:
            raise Refused(f"{one.id} is CLOSED: nobody is told of it any more", "canary incidents")
        level = clock(world, one).level
        incidents.update(world, one, by, acked=level.level, by=by)
    if as_json:
        output.print_document({"incident": one.id, "level": level.level, "roles": level.roles, "by": by})
    else:
        output.line(f"{one.id}: level {level.level} ({', '.join(level.roles)}) acknowledged by {by}")
    return Result("ACKNOWLEDGED")


async def run_keep(world: World, name: str, by: str, reason: str, *, as_json: bool) -> Result:
    async with world:
        one = incidents.keep(world, name, by, reason)
        tell_closed(world, one)
    if as_json:
        output.print_document({"incident": one.id, "trigger": one.trigger, "by": by, "reason": reason})
    else:
        output.line(f"{one.id}: no rollback for {one.trigger}, decided by {by}: {reason}")
    return Result("KEPT")


def run_capture(world: World, name: str, *, as_json: bool) -> Result:
    """Into the incident's folder; where there is none, into one named for the moment."""
    known = incidents.pick(world.account, name) if name else incidents.unresolved(incidents.of_account(world.account))
    logs = world.home / "logs"
    folder = logs / "incidents" / known.id if known else logs / "evidence" / f"{world.clock.now():%Y-%m-%d_%H%M%S}"
    evidence = EvidenceFolder.create(folder)
    missing = capture_logs(world.account.log_dir, evidence)
    evidence.finish()
    if as_json:
        output.print_document({"folder": folder, "missing": missing})
    else:
        output.line(str(folder))
        for one in missing:
            output.line(f"  {one}: NOT DONE (there is none in {world.account.log_dir})", style="yellow")
    return Result("CAPTURED") if not missing else Result("INCOMPLETE_LOGS", ExitCode.HUMAN_NEEDED)
