"""The order of doing: stop, investigate, restore where asked, and the draft of the post-mortem.

Stopping never waits for anything else. What cannot be done is listed as NOT DONE; flat with evidence missing is flat.
Typed again after it was cut short, it does what is left; typed again later, it joins the incident that is open.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from canary_cli.bootstrap import World
from canary_cli.core.policy.rollback import Stage, Step, When
from canary_cli.errors import CanaryError, UsageError
from canary_cli.journal.closing import closing
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.reader import last_run as newest_run
from canary_cli.journal.record import Record
from canary_cli.session.flattening import FlattenReport, Progress, flatten, not_begun
from canary_cli.steps import incidents
from canary_cli.steps.booking import book
from canary_cli.steps.interrupting import Interruption
from canary_cli.steps.latching import latch_entries, note
from canary_cli.steps.looking import NotClosed
from canary_cli.steps.rollback import pieces
from canary_cli.steps.rollback.pieces import PIECES
from canary_cli.steps.rollback.state import POSTMORTEM, STAGES, STOP, Rollback, RollbackRequest, Tell
from canary_cli.steps.sweep import hand_over, look_or_page, page_another_hand, who_closes

A_MOMENT = 30.0
"""Wall seconds for what a single stage is followed by: the decision tree's answer and the manifest."""

FIRST_WAVE = 0.25
"""Wall seconds after which the closing orders are on their way, and the first word to the team may be said."""

FIRST_WORD = 2.0
"""Wall seconds that a closing which has ended waits for that word to be handed over."""

CLOSE_TIMEOUT = 60.0
"""Wall seconds after which closing is handed to a process of its own, and the evidence is gathered meanwhile."""

ONCE = frozenset({Step.ALERT, Step.CAPTURE_LOGS, Step.SNAPSHOT_DB, Step.RESTORE})
"""Steps that a rollback which was cut short does not do again when it is typed again."""


async def roll_back(
    world: World,
    request: RollbackRequest,
    tell: Tell,
    tell_left: Callable[[Progress], None],
    interruption: Interruption,
) -> Rollback:
    """The sequence, typed by hand: latch and flatten from what the exchange says, then everything else.

    The closing waits for none of this machine's disks: incident and first word are a thread's. A later stage alone goes
    on with the incident that is open; raises UsageError where none is. An interruption hands the closing over, and
    leaves the rest to the rollback that is typed next.
    """
    if STOP not in request.stages and incidents.unresolved(incidents.of_account(world.account)) is None:
        on = world.account.name
        raise UsageError(f"{on} has no incident that is unresolved to go on with", f"canary rollback --account {on}")
    opening = Opening(world, request.reason, closing=STOP in request.stages)
    report, closer = None, ""
    if STOP in request.stages:
        report, closer = await _stop(world, request, opening, tell_left, interruption)
    rollback = opening.rollback()
    rollback.report, rollback.closer = report, closer
    rollback.root_cause = request.root_cause or rollback.root_cause
    if report is not None:
        pieces.note_flat(world, rollback)
        await book(world, report)
    if await interruption.cuts(after_flat(world, rollback, tell, request.stages, restore=request.restore)):
        rollback.interrupted = interruption.by
        pieces.note_state(world, rollback)
    return rollback


class Opening:
    """The incident of one closing: opened, or joined where one is open, once, by whoever needs its number first.

    Any thread may ask.
    """

    def __init__(self, world: World, cause: str, run_id: str | None = None, *, closing: bool = True) -> None:
        self._world = world
        self._cause = cause
        self._run_id = run_id
        self._closing = closing
        self._once = threading.Lock()
        self._rollback: Rollback | None = None

    def rollback(self) -> Rollback:
        with self._once:
            if self._rollback is None:
                run_id = last_run(self._world) if self._run_id is None else self._run_id
                self._rollback = _open_incident(self._world, self._cause, run_id, closing=self._closing)
            return self._rollback


async def _stop(
    world: World,
    request: RollbackRequest,
    opening: Opening,
    tell_left: Callable[[Progress], None],
    interruption: Interruption,
) -> tuple[FlattenReport, str]:
    """Latch and close, and call the team meanwhile; whether the latch stands is read back later, with all the rest."""
    latch_entries(world, "rollback", request.reason, request.by)
    calling = asyncio.create_task(call_the_team(world, opening, partial(_say_apart, world)))
    try:
        with closing(world.account.state_dir):
            ended = await _close(world, request, tell_left, interruption)
        await first_word_handed_over(calling)
    finally:
        calling.cancel()
    return ended


Say = Callable[[str, str], Awaitable[None]]
"""Says something of an incident: its number, the words."""


async def call_the_team(world: World, opening: Opening, say: Say) -> None:
    """The first word, in which a disk may hang; not before the first wave is sent."""
    await world.clock.pause(FIRST_WAVE)
    with suppress(CanaryError, OSError):
        rollback = await asyncio.to_thread(opening.rollback)
        words = await asyncio.to_thread(pieces.first_word, world, rollback.incident, rollback.cause)
        await say(rollback.incident, words)


async def _say_apart(world: World, incident: str, words: str) -> None:
    await asyncio.to_thread(pieces.say_first_word, world, incident, words)


async def first_word_handed_over(calling: "asyncio.Task[None]") -> None:
    await asyncio.wait({calling}, timeout=FIRST_WORD)


async def _close(
    world: World, request: RollbackRequest, tell_left: Callable[[Progress], None], interruption: Interruption
) -> tuple[FlattenReport, str]:
    """How the closing ended, and who goes on where it is not flat. A key that is refused ends the closing only."""
    tripped = world.clock.monotonic()
    try:
        known, rules = await look_or_page(world)
    except NotClosed as failure:
        return not_begun(request.reason, world.clock.now(), failure.message), failure.message
    report = await flatten(
        world.exchange, world.clock, known, rules, request.reason, tell_left, CLOSE_TIMEOUT,
        given_up=interruption.came, tripped=tripped,
    )  # fmt: skip
    page_another_hand(world.account, report)
    return report, "" if report.is_flat else who_closes(hand_over(world.account, report))


def _open_incident(world: World, cause: str, run_id: str, *, closing: bool) -> Rollback:
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
    """What follows once the closing has ended: the stages of `runbooks/rollback.toml`, as far as they are asked for."""
    from canary_cli.steps.escalating import clock_of
    from canary_cli.steps.plan import rollback_to_run

    with suppress(OSError):  # each piece says for itself that it could not be written
        EvidenceFolder.create(rollback.folder)
    plan, fault = await asyncio.to_thread(rollback_to_run, world.home)
    if fault:
        rollback.missing["rollback.toml"] = f"{fault}; the built-in sequence ran instead"
    for stage in plan.stages:
        if stage.number in stages and await _is_due(world, rollback, stage, restore):
            await _go_through(world, rollback, stage)
            if stage.number != POSTMORTEM:
                tell(stage.number, rollback)
    for step in (Step.DECISION_TREE, Step.MANIFEST):  # whatever was asked for: gate 0 wants an answer, a file its proof
        await _try(world, rollback, step, world.clock.monotonic() + A_MOMENT)
    pieces.note_state(world, rollback)
    rollback.clock = await asyncio.to_thread(clock_of, world, rollback.incident)
    if POSTMORTEM in stages:
        tell(POSTMORTEM, rollback)


async def _is_due(world: World, rollback: Rollback, stage: Stage, restore: bool) -> bool:
    if stage.when is When.ALWAYS:
        return True
    await _try(world, rollback, Step.VERIFY_DB, world.clock.monotonic() + stage.budget.total_seconds())
    return restore or rollback.is_corrupted is True


async def _go_through(world: World, rollback: Rollback, stage: Stage) -> None:
    """Its steps in order, or beside one another, each within what is left of the stage's budget."""
    ends = world.clock.monotonic() + stage.budget.total_seconds()
    if stage.parallel:
        await asyncio.gather(*(_try(world, rollback, step, ends) for step in stage.steps))
    else:
        for step in stage.steps:
            await _try(world, rollback, step, ends)


async def _try(world: World, rollback: Rollback, step: Step, ends: float) -> None:
    """One piece of work until the monotonic instant `ends`, unless it was done before.

    Its failure, whatever it is, is written down and holds up nothing.
    """
    if step in rollback.done:
        return
    seconds = ends - world.clock.monotonic()
    try:
        async with asyncio.timeout(seconds):
            rollback.done[step.value] = await PIECES[step](world, rollback)
    except Exception as error:
        rollback.missing[step.value] = _why(error, seconds)
    outcome = "DONE" if step in rollback.done else "NOT DONE"
    detail = rollback.done.get(step) or rollback.missing[step]
    data = {"incident": rollback.incident, "step": step.value, "outcome": outcome, "detail": detail}
    note(world, Record("step_finished", run_id=rollback.run_id, actor="rollback", status=outcome, data=data))


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return f"not done within the {seconds:.0f} s that were left of its stage"
    expected = isinstance(error, (CanaryError, OSError, LookupError))
    return str(error) if expected else f"bug in canary: {type(error).__name__}: {error}"
