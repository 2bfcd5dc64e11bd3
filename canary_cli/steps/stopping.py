"""Ends a run before its plan does: by rollback, by Ctrl-C, or because another run took the account."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from canary_cli.core.trading.inputs import RollBack, WindDown
from canary_cli.core.trading.standing import is_quiet
from canary_cli.errors import ExitCode, Result
from canary_cli.journal.beat import end_beat
from canary_cli.session.flattening import FlattenReport
from canary_cli.steps.booking import book
from canary_cli.steps.escalating import CONDITION
from canary_cli.steps.interrupting import Interrupted, hearing
from canary_cli.steps.rollback import pieces, sequence
from canary_cli.steps.rollback.state import Rollback
from canary_cli.steps.run import LOOK_EVERY, Outcome, Run
from canary_cli.steps.screen import Screen
from canary_cli.steps.sweep import page, start_sweeper, who_closes

SETTLE = 3.0
"""Wall seconds to wait for the fills of a closing to arrive on the stream, and for what is under way at the end."""

SEEN_TO = (ExitCode.ROLLED_BACK, ExitCode.LEASE_HELD)
"""Ends of a run after which the account is flat, or another's."""


async def roll_back(run: Run, outcome: Outcome, screen: Screen) -> tuple[Result, str]:
    """Stop the session the way a money trigger does, then go through the sequence."""
    if not run.stop.done():
        run.session.post(RollBack(run.now, outcome.word, outcome.detail))
    stop = await run.stop
    run.progress.step = "rolling back"
    opening = sequence.Opening(run.world, f"{stop.cause}: {stop.detail}", run.run_id)
    calling = asyncio.create_task(sequence.call_the_team(run.world, opening, partial(_say, run)))
    report = await _closed(run)
    await sequence.first_word_handed_over(calling)
    rollback = await asyncio.to_thread(opening.rollback)
    rollback.report = report
    rollback.trip_seconds = run.closing_began - stop.asked_at
    await _settle(run)
    await run.session.stop()
    pieces.note_flat(run.world, rollback)
    await book(run.world, report)
    await sequence.after_flat(run.world, rollback, screen.checkpoint)
    return rollback.result, f"{outcome.detail}; {time_to_safe(rollback)}"


async def _closed(run: Run) -> FlattenReport:
    """The closing's report. Until then the screen shows that it goes on."""
    assert run.closing is not None
    while not run.closing.done():
        run.on_wake()
        await asyncio.wait({run.closing}, timeout=LOOK_EVERY)
    return run.closing.result()


async def _say(run: Run, incident: str, words: str) -> None:
    run.alert("CRITICAL", words, CONDITION, incident)


def time_to_safe(rollback: Rollback) -> str:
    """The three clocks of the closing, counted from the trip, in words."""
    report = rollback.report
    if report is None or not report.is_flat:
        return "NOT FLAT: exposure remains"
    told = (
        ("first byte", report.first_byte),
        ("acknowledged", report.acknowledged),
        ("verified flat", report.verified),
    )
    clocks = [f"{name} {(rollback.trip_seconds + at) * 1000:.1f} ms" for name, at in told if at is not None]
    return f"time to safe: {', '.join(clocks)} after the trip"


async def wind_down(run: Run, reason: str) -> None:
    """Open nothing more, and see through what is under way: no probe stays in, and no entry without its stop."""
    clock, began = run.world.clock, run.world.clock.monotonic()
    run.session.post(WindDown(run.now, reason))
    while clock.monotonic() - began < SETTLE:
        if run.session.state.ending and is_quiet(run.session.state):
            return
        await clock.pause(0.02)


async def _settle(run: Run) -> None:
    """Let the session count the fills of the closing, so that ledger and exchange agree."""
    began = run.world.clock.monotonic()
    while run.session.state.held and run.world.clock.monotonic() - began < SETTLE:
        await run.world.clock.pause(0.05)


@contextmanager
def on_signals(run: Run) -> Iterator[None]:
    """First SIGINT or SIGTERM: stop in order. Second: leave now."""
    task = asyncio.current_task()
    assert task is not None
    try:
        with hearing(partial(_on_signal, run, task)):
            yield
    finally:
        if _is_half_closed(run):
            _hand_over(run)
        elif run.interrupted is not None:
            leave_token(run, run.interrupted.result)


def _is_half_closed(run: Run) -> bool:
    """Whether the run is left by a signal while it closes the account."""
    if not run.leaving or run.closing is None:
        return False
    return not run.closing.done() or run.closing.cancelled() or run.closing.exception() is not None


def _hand_over(run: Run) -> None:
    """The closing goes to a process of its own. No token: should that one end too, the watchdog closes."""
    assert run.closing is not None
    run.closing.cancel()
    run.heir = f"left while it closes: {who_closes(start_sweeper(run.world.account, None, is_flat=False))}"
    page(run.world.account, f"run {run.run_id} was {run.heir}")


def leave_token(run: Run, result: Result) -> None:
    """Tell the watchdog that this silence is meant; where exposure may remain it is not, and the watchdog closes."""
    if result.code is ExitCode.INCOMPLETE or (result.code not in SEEN_TO and under_way(run)):
        return
    with suppress(OSError):
        end_beat(run.world.account.state_dir, f"run {run.run_id} ended: {result.word}")


def under_way(run: Run) -> str:
    """What a run that ends has not seen through, in words: it may fill, and nobody would rest its stop."""
    if not run.has_session:
        return ""
    state = run.session.state
    is_known = state.read_answered is not None or run.interrupted is not None
    if is_quiet(state) and (is_known or not state.held):
        return ""  # else, after a crash and before any reading, what guards it is only believed
    orders = {life.intent.symbol for life in state.orders.values() if life.is_unanswered or life.outstanding > 0}
    return f"not seen through: {', '.join(sorted({*orders, *state.held})) or 'an order'}"


def _on_signal(run: Run, task: "asyncio.Task[object]", number: int) -> None:
    if run.interrupted is None:
        run.interrupted = Interrupted(number)
        run.wake()
    else:
        run.leaving = True
        task.cancel()
