"""Drives a plan from gate 0 to hand-off: each step when it is due, journalled, then the next, or the rollback."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from canary_cli.accounts import Account, choose_account, find_home
from canary_cli.bootstrap import World
from canary_cli.core.policy.plan import Phase, Plan
from canary_cli.errors import CanaryError, ExitCode, Refused, Result, UsageError
from canary_cli.journal.reader import read
from canary_cli.ledger import LedgerWriter
from canary_cli.steps import gate_zero, hand_off, leasing, opening, phases, resuming, serving, settling, stopping
from canary_cli.steps.comparing import Comparing
from canary_cli.steps.deciding import Deciding
from canary_cli.steps.plan import default_plan, load_plan
from canary_cli.steps.rehearsal import RehearsalRequest, end_exchange, start_exchange
from canary_cli.steps.run import Difference, Outcome, Run
from canary_cli.steps.screen import Screen
from canary_cli.steps.watching import Watch

Step = Callable[[Run], Awaitable[Outcome]]

CATCH_UP = 10.0
"""Wall seconds the ledger gets at the end to hold everything the journal has."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """`rehearsal` asks for a paper exchange of its own. `phases` names the phases to run; empty means all."""

    account: str | None
    plan: Path | None
    rehearsal: RehearsalRequest | None
    start: datetime | None
    phases: tuple[int, ...] = ()
    difference: Difference = Difference.ASK


async def run(request: RunRequest, screen: Screen) -> Result:
    """Open the world, take the lease, go through the plan, and say how it ended."""
    home = find_home()
    path = request.plan or default_plan(home)
    plan = load_plan(path, home)
    _refuse_unknown_phases(plan, request.phases)
    account, seed = await _account(home, request)
    _refuse_ended(account)
    screen.announce(account)
    try:
        return await _run(account, seed, plan, path, request, screen)
    except CanaryError:
        if request.rehearsal is not None and not any(read(account.log_dir)):
            end_exchange(account)
        raise


async def _run(
    account: Account, seed: int | None, plan: Plan, path: Path, request: RunRequest, screen: Screen
) -> Result:
    async with World(account) as world:
        await world.exchange.connect()
        with leasing.hold(world) as lease:
            run = resuming.open_run(
                world, plan, path, resuming.Opening(request.start, request.phases, lease.token, seed)
            )
            settling.choose(run, request.difference)
            keeper = asyncio.create_task(leasing.keep(world, lease, run.lost_lease))
            try:
                return await _recorded(run, request, screen)
            except asyncio.CancelledError:
                if run.interrupted is None:
                    raise
                return _left(run, run.interrupted.result, screen)
            finally:
                keeper.cancel()


def _left(run: Run, result: Result, screen: Screen) -> Result:
    """A second signal: nothing more is waited for, but what is open, and who closes it, is said."""
    if run.heir:
        screen.end(result, run.heir, "", f"canary close-all --account {run.world.account.name}")
    else:
        screen.end(result, run.left_open(), "", hand_off.after(run, result))
    return result


def _refuse_ended(account: Account) -> None:
    """A rehearsal that has ended holds its exchange's time still, in which nothing would ever be due."""
    if account.plan_time is not None and not account.plan_time.speed:
        raise Refused(f"{account.name} has ended, and its exchange stands still", "canary run --rehearse")


def _refuse_unknown_phases(plan: Plan, wanted: tuple[int, ...]) -> None:
    known = [phase.number for phase in plan.phases]
    for number in wanted:
        if number not in known:
            raise UsageError(f"{plan.name} has no phase {number}", f"choose one of {', '.join(map(str, known))}")


async def _account(home: Path, request: RunRequest) -> tuple[Account, int | None]:
    if request.rehearsal is not None:
        return await start_exchange(home, request.rehearsal)
    return choose_account(request.account, home), None


async def _recorded(run: Run, request: RunRequest, screen: Screen) -> Result:
    """Drive the run while ledger, text logs and screen follow its journal."""
    world = run.world
    screen.now = world.clock.now
    watch = Watch(run, screen)
    run.scribe.heard += [world.text_logs.on_record, watch.on_record]
    writer = LedgerWriter(world.settings.database_url, world.account.name, world.account.log_dir, world.clock)
    writer.listen(run.database_changed)
    following = asyncio.create_task(writer.run())
    control = serving.start_beside(run)
    Deciding(run)
    comparing = asyncio.create_task(Comparing(run).forever())
    try:
        result, reason = await _drive(run, steps_of(run.plan, request.phases), screen)
        stopping.leave_token(run, result)
        return await hand_off.close_run(run, result, reason, screen)
    finally:
        await leasing.catch_up(writer, run.scribe.last_seq, 0 if run.leaving else CATCH_UP)
        following.cancel()
        control.cancel()
        comparing.cancel()
        watch.close()


async def _drive(run: Run, steps: list[tuple[str, Step]], screen: Screen) -> tuple[Result, str]:
    """Each step in turn; the first that ends the run decides how. Ctrl-C stops in order, a second one at once.

    A bug ends the run, but not before a closing that is under way.
    """
    with stopping.on_signals(run):
        try:
            for name, step in steps:
                if name in run.progress.finished and name != opening.STEP:
                    continue
                outcome = await _journalled(run, name, step)
                if outcome.ends is not None:
                    return await _ended(run, outcome, screen)
            return Result("DONE"), "handed off"
        except Exception as error:
            _page(run, error)
            if run.closing is not None:
                await asyncio.wait({run.closing})
            raise
        finally:
            if run.has_session:
                await _stop(run)


def _page(run: Run, error: Exception) -> None:
    """Nobody watches any more, and where no watchdog runs nobody else would say so."""
    if run.has_session and run.session.state.held:
        told = f"run {run.run_id} DIED of {type(error).__name__}: {error}; {run.left_open()}"
        run.alert("CRITICAL", f"{told}; canary close-all --account {run.world.account.name}", "run/died")


async def _stop(run: Run) -> None:
    try:
        if not run.stop.done() and not run.leaving:
            await stopping.wind_down(run, "the run ends")
    finally:
        await run.session.stop()
        left = "" if run.stop.done() else stopping.under_way(run)
        if left:
            message = f"run {run.run_id} ended, {left}; canary close-all --account {run.world.account.name}"
            run.alert("CRITICAL", message, "run/under-way")


async def _ended(run: Run, outcome: Outcome, screen: Screen) -> tuple[Result, str]:
    assert outcome.ends is not None
    if outcome.ends.code is ExitCode.ROLLED_BACK:
        return await stopping.roll_back(run, outcome, screen)
    return outcome.ends, outcome.detail


def steps_of(plan: Plan, only: tuple[int, ...]) -> list[tuple[str, Step]]:
    """The plan's sequence: each step a name and a deed. A single phase is run without the hand-off."""
    wanted = [phase for phase in plan.phases if not only or phase.number in only]
    held: list[tuple[str, Step]] = [(f"phase {phase.number}", _holding(phase)) for phase in wanted]
    last: list[tuple[str, Step]] = [] if only else [("hand-off", hand_off.hand_off), ("watching", hand_off.watch_on)]
    return [("gate 0", gate_zero.decide), (opening.STEP, opening.open_session), *held, *last]


def _holding(phase: Phase) -> Step:
    async def hold(run: Run) -> Outcome:
        return await phases.hold_phase(run, phase)

    return hold


async def _journalled(run: Run, name: str, step: Step) -> Outcome:
    run.scribe.write("step_started", data={"step": name})
    outcome = await step(run)
    run.scribe.write(
        "step_finished",
        data={"step": name, "outcome": outcome.word, "detail": outcome.detail, "goes_on": outcome.ends is None},
        status=outcome.word,
        reason=outcome.detail,
    )
    return outcome
