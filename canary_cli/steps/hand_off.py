"""The end of a run: baseline and report written, the account as the exchange has it, what to type next."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from canary_cli.core.model import AccountSnapshot
from canary_cli.errors import CanaryError, ExchangeUnreachable, ExitCode, Result
from canary_cli.journal.reader import read
from canary_cli.steps import incidents
from canary_cli.steps.rehearsal import hold_exchange
from canary_cli.steps.run import Outcome, Run
from canary_cli.steps.screen import Screen
from canary_cli.steps.stopping import wind_down

RESUMABLE = ("INTERRUPTED", "TERMINATED", "LEASE_LOST", "MISMATCH")
"""Ends after which the same run goes on when it is typed again."""

GUARDED_WITHIN, ASKED_EVERY = timedelta(seconds=60), timedelta(seconds=5)
"""Plan time: a position whose stop nobody confirms is closed after half of that."""


async def hand_off(run: Run) -> Outcome:
    """The last check before unattended watching: every open position has its stop at the exchange.

    What is not answered is asked again, and a stop may be on its way: neither ends a run that watches what is open.
    """
    run.progress.step = "hand-off"
    if run.world.account.is_paper:
        await wind_down(run, "handing off")
    deadline = run.now + GUARDED_WITHIN
    while True:
        with suppress(ExchangeUnreachable):
            snapshot = await run.world.exchange.snapshot()
            naked = _naked(snapshot)
            if not naked:
                return Outcome("HANDED OFF", f"{len(snapshot.positions)} open positions, each with its stop")
            if run.now >= deadline:
                return Outcome("UNPROTECTED", f"no stop rests for {', '.join(naked)}", Result("FAIL", ExitCode.NO_GO))
        if not await run.until(run.now + ASKED_EVERY):
            return _cut_short(run)


def _naked(snapshot: AccountSnapshot) -> list[str]:
    guarded = {algo.symbol for algo in snapshot.algo_orders if algo.close_position}
    return [position.symbol for position in snapshot.positions if position.symbol not in guarded]


def _cut_short(run: Run) -> Outcome:
    outcome = run.cut_short()
    assert outcome is not None
    return outcome


async def watch_on(run: Run) -> Outcome:
    """A real account trades on at full size, watched by its triggers, until somebody or something stops it.

    On paper the run is over here: its market would go on without anybody to learn from it.
    """
    if run.world.account.is_paper:
        return Outcome("DONE")
    run.progress.step = "watching"
    await asyncio.to_thread(_report, run, Result("HANDED_OFF"))
    while await run.until(run.now + timedelta(days=1)):
        run.progress.decisions.clear()  # no gate will ask for them, and the journal has them
    return _cut_short(run)


async def close_run(run: Run, result: Result, reason: str, screen: Screen) -> Result:
    """Journal the end, write the report, tell where it lies."""
    run.scribe.write(
        "run_paused" if result.word in RESUMABLE else "run_ended",
        data={"outcome": result.word, "exit": int(result.code)},
        status=result.word,
        reason=reason,
    )
    if run.world.account.is_rehearsal and result.word not in RESUMABLE:
        await asyncio.to_thread(hold_exchange, run.world.account)
    report = "" if result.word in RESUMABLE else await asyncio.to_thread(_report, run, result)
    run.progress.ended, run.progress.next_command = result.word, after(run, result)
    screen.end(result, reason, report, run.progress.next_command)
    return result


def _report(run: Run, result: Result) -> str:
    """The path of the report, or why there is none: a report that cannot be written changes no outcome."""
    from canary_cli.render.report import build, write

    try:
        entries = list(read(run.world.account.log_dir, run_id=run.run_id))
        return str(write(build(entries, result.word), run.world.home / "logs" / "runs" / run.run_id))
    except (CanaryError, OSError, ValueError) as error:
        return f"not written: {error}"


def after(run: Run, result: Result) -> str:
    """The next command to paste, by how the run ended."""
    account = run.world.account.name
    held = run.has_session and bool(run.session.state.held)
    if result.code is ExitCode.INCOMPLETE or (result.word == "LATCHED" and held):
        return f"canary close-all --account {account}"
    if result.word == "LATCHED":
        return f"canary why --account {account}"
    incident = incidents.unresolved(incidents.of_account(run.world.account))
    if result.code is ExitCode.ROLLED_BACK and incident is not None:
        return incident.next_command(account)
    if result.word == "POSTPONED":
        return f"canary preflight --account {account}    # then canary run again"
    if result.code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        return f"canary run --account {account}    # goes on; canary close-all --account {account} flattens"
    if result.word == "MISMATCH":
        return f"canary positions --account {account}    # then canary run --account {account} --adopt, or --flatten"
    return f"canary verify-db --account {account}"
