"""The order of doing: stop, investigate, restore where asked, and the draft of the post-mortem.

Stopping never waits for anything else. What cannot be done is listed as NOT DONE; flat with evidence missing is flat.
Typed again after it was cut short, it does what is left; typed again later, it joins the incident that is open.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from canary_cli.bootstrap import World
from canary_cli.errors import CanaryError, UsageError
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.reader import last_run as newest_run
from canary_cli.journal.record import Record
from canary_cli.session.flattening import FlattenReport, Progress, flatten, not_begun
from canary_cli.steps import incidents
from canary_cli.steps.booking import book_fills
from canary_cli.steps.interrupting import Interruption
from canary_cli.steps.latching import latch_entries, note
from canary_cli.steps.looking import NotClosed
from canary_cli.steps.rollback import pieces
from canary_cli.steps.rollback.state import (
    INVESTIGATE,
    POSTMORTEM,
    RESTORE,
    STAGES,
    STOP,
    Rollback,
    RollbackRequest,
    Tell,
)
from canary_cli.steps.sweep import hand_over, look_or_page, page_another_hand, who_closes

STAGE_TIMEOUT = 150.0
"""Wall seconds that stage 2 may take: its budget in the sequence."""

CLOSE_TIMEOUT = 60.0
"""Wall seconds after which closing is handed to a process of its own, and the evidence is gathered meanwhile."""

ONCE = frozenset({"alert", "capture-logs", "snapshot-db", "restore"})
"""Pieces that a rollback which was cut short does not do again when it is typed again."""


async def roll_back(
    world: World,
    request: RollbackRequest,
    tell: Tell,
    tell_left: Callable[[Progress], None],
    interruption: Interruption,
) -> Rollback:
    """The sequence, typed by hand: latch and flatten from what the exchange says, then everything else.

    Nothing is read from this machine's disks before the account is flat. A later stage alone goes on with the incident
    that is open; raises UsageError where none is. An interruption hands the closing over, and leaves the rest to the
    rollback that is typed next.
    """
    if STOP not in request.stages and incidents.unresolved(incidents.of_account(world.account)) is None:
        raise UsageError(f"{world.account.name} has no incident that is unresolved to go on with", "canary rollback")
    report, closer, unlatched = None, "", ""
    if STOP in request.stages:
        unlatched = latch_entries(world, "rollback", request.reason, request.by)
        report, closer = await _close(world, request, tell_left, interruption)
    rollback = open_incident(world, request.reason, last_run(world), closing=report is not None)
    rollback.report, rollback.closer = report, closer
    if unlatched:
        rollback.missing["latch"] = unlatched
    rollback.root_cause = request.root_cause or rollback.root_cause
    if report is not None:
        pieces.note_flat(world, rollback)
        await book_fills(world, report)
    if await interruption.cuts(after_flat(world, rollback, tell, request.stages, restore=request.restore)):
        rollback.interrupted = interruption.by
        pieces.note_state(world, rollback)
    return rollback


async def _close(
    world: World, request: RollbackRequest, tell_left: Callable[[Progress], None], interruption: Interruption
) -> tuple[FlattenReport, str]:
    """How the closing ended, and who goes on where it is not flat. A key that is refused ends the closing only."""
    try:
        known, rules = await look_or_page(world)
    except NotClosed as failure:
        return not_begun(request.reason, world.clock.now(), failure.message), failure.message
    report = await flatten(
        world.exchange, world.clock, known, rules, request.reason, tell_left, CLOSE_TIMEOUT, given_up=interruption.came
    )
    page_another_hand(world.account, report)
    return report, "" if report.is_flat else who_closes(hand_over(world.account, report))


def open_incident(world: World, cause: str, run_id: str, *, closing: bool = True) -> Rollback:
    """Open an incident, or join the one that is open: what a rollback that was cut short has done stays done.

    A disk that refuses holds nothing up; then the incident has no number of its own.
    """
    known = incidents.unresolved(incidents.of_account(world.account))
    now = world.clock.now()
    name = known.id if known else f"CB-{now:%Y-%m%d}-000"
    unnoted = ""
    try:
        if known:
            incidents.update(world, known, "rollback", joined=cause)
        else:
            name = incidents.new_incident(world, cause, run_id, "rollback")
    except OSError as error:
        unnoted = str(error)
    if closing:
        note(world, Record("flatten_started", run_id=run_id, actor="rollback", reason=cause, data={"cause": cause}))
    rollback = Rollback(name, cause, run_id, now, world.home / "logs" / "incidents" / name, opened=now)
    if unnoted:
        rollback.missing["incident"] = unnoted
    if known:
        rollback.cause, rollback.opened, rollback.root_cause = known.cause, known.opened, known.root_cause
        rollback.pnl, rollback.pnl_pct, rollback.is_corrupted = known.pnl, known.pnl_pct, known.is_corrupted
        rollback.done = {piece: detail for piece, detail in known.done.items() if piece in ONCE}
    return rollback


def last_run(world: World) -> str:
    started = newest_run(world.account.log_dir)
    return started.run_id if started else ""


async def after_flat(
    world: World, rollback: Rollback, tell: Tell, stages: tuple[int, ...] = STAGES, *, restore: bool = False
) -> None:
    """What follows once the closing has ended: tell the team, gather evidence in parallel, restore, write it up."""
    evidence = EvidenceFolder(rollback.folder)
    with suppress(OSError):  # each piece says for itself that it could not be written
        EvidenceFolder.create(rollback.folder)
    if STOP in stages:
        await _try(world, rollback, "alert", lambda: asyncio.to_thread(pieces.alert, world, rollback))
        tell("stop", rollback)
    if INVESTIGATE in stages:
        await _investigate(world, rollback, evidence)
        tell("investigate", rollback)
    if RESTORE in stages and (restore or rollback.is_corrupted):
        await _try(world, rollback, "restore", lambda: pieces.restore(world, rollback), pieces.RESTORE_TIMEOUT)
        tell("restore", rollback)
    await _try(world, rollback, "decision tree", lambda: pieces.decide_restart(world, rollback))
    if POSTMORTEM in stages:
        await _try(world, rollback, "postmortem", lambda: asyncio.to_thread(pieces.write_up, world, rollback))
    await _try(world, rollback, "manifest", lambda: asyncio.to_thread(lambda: str(evidence.finish())))
    pieces.note_state(world, rollback)
    if POSTMORTEM in stages and rollback.report is not None:
        tell("postmortem", rollback)


async def _investigate(world: World, rollback: Rollback, evidence: EvidenceFolder) -> None:
    work: dict[str, Callable[[], Awaitable[str]]] = {
        "capture-logs": lambda: asyncio.to_thread(pieces.logs, world, evidence),
        "snapshot-db": lambda: asyncio.to_thread(pieces.snapshot, world),
        "account": lambda: pieces.account(world, evidence),
        "pnl": lambda: pieces.profit_and_loss(world, rollback, evidence),
    }
    await asyncio.gather(*(_try(world, rollback, name, deed) for name, deed in work.items()))
    await _try(world, rollback, "verify-db", lambda: pieces.verify(world, rollback))


async def _try(
    world: World, rollback: Rollback, name: str, deed: Callable[[], Awaitable[str]], seconds: float = STAGE_TIMEOUT
) -> None:
    """One piece of work, unless it was done before; its failure is written down and holds up nothing."""
    if name in rollback.done:
        return
    try:
        async with asyncio.timeout(seconds):
            rollback.done[name] = await deed()
    except (CanaryError, OSError, TimeoutError) as error:
        rollback.missing[name] = str(error) or type(error).__name__
    outcome = "DONE" if name in rollback.done else "NOT DONE"
    detail = rollback.done.get(name) or rollback.missing[name]
    data = {"incident": rollback.incident, "step": name, "outcome": outcome, "detail": detail}
    note(world, Record("step_finished", run_id=rollback.run_id, actor="rollback", status=outcome, data=data))
