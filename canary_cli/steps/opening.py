"""Open the session: filters, history, streams, and the first reconcile, before anything may trade."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

from canary_cli.core.model import SymbolRules
from canary_cli.core.signals import SignalSettings
from canary_cli.core.trading.inputs import DepthRead, RollBack
from canary_cli.core.trading.state import Session, Setup
from canary_cli.errors import ExitCode, Result
from canary_cli.session.executor import measure_depth
from canary_cli.session.live import LiveSession
from canary_cli.steps.resuming import rebuild
from canary_cli.steps.run import Difference, Outcome, Run
from canary_cli.steps.settling import settle_difference

STEP = "session"
"""This step's name: it is done anew at every start."""

SILENCE_FLOOR = 2.0
"""Wall seconds that a silence limit means at least, however fast plan time runs."""

RECHECK, RECHECK_FLOOR = 60.0, 10.0
"""Plan seconds between two looks at the account unasked (a reading weighs 95), and the wall seconds at least."""

DEPTH_EVERY, DEPTH_FLOOR = 300.0, 60.0
"""Plan seconds between two measurements of a pair (one weighs 20 of 2400 a minute), and the wall seconds at least."""

STALE, STALE_FLOOR = 10.0, 1.5
"""Plan seconds that prices may be old, and the wall seconds this means at least."""

RECONCILE_WITHIN = timedelta(seconds=30)
MISMATCH = Result("MISMATCH", ExitCode.HUMAN_NEEDED)


async def open_session(run: Run) -> Outcome:
    """Load history, listen, and wait until ledger and exchange agree."""
    run.progress.step = "opening the session"
    setup = await _setup(run)
    state = rebuild(run, setup)
    session = LiveSession(
        run.world.exchange,
        run.scribe,
        run.world.clock,
        state,
        state_dir=run.world.account.state_dir,
        signals=SignalSettings(),
        alert=run.alert,
        on_stop=run.ask_stop,
    )
    await session.feed.warm(_judged(run, state))
    for measured in await _measured(run, setup):
        session.post(measured)
    run.session = session
    session.start()
    run.database_changed(run.database_is_up)  # a session before this one may have ended while it was away
    return await _reconciled(run)


async def _setup(run: Run) -> Setup:
    rules = await run.world.exchange.rules()
    traded = {s: rules[s] for s in _wanted(run, rules) if rules[s].status == "TRADING"}
    speed = run.world.clock.speed
    return Setup(
        run_id=run.run_id,
        prefix=f"c{run.run_id[-4:]}-{run.lease_token}-",
        plan=run.plan,
        rules=traded,
        silence=max(run.plan.silence.stream.total_seconds(), SILENCE_FLOOR * speed),
        stale=max(STALE, STALE_FLOOR * speed),
        health=max(60.0, SILENCE_FLOOR * speed),
        recheck=max(RECHECK, RECHECK_FLOOR * speed),
        depth_every=max(DEPTH_EVERY, DEPTH_FLOOR * speed),
    )


def _wanted(run: Run, rules: dict[str, SymbolRules]) -> tuple[str, ...]:
    """The plan's pairs; everything the exchange lists, up to the plan's limit, where a phase takes all of them."""
    named = tuple(symbol for symbol in run.plan.pairs if symbol in rules)
    if all(phase.pairs for phase in run.plan.phases):
        return named
    return tuple(dict.fromkeys((*named, *rules)))[: run.plan.risk.max_pairs]


async def _measured(run: Run, setup: Setup) -> tuple[DepthRead, ...]:
    """What each pair's market can take now: its book near the mid, and a thin minute of the last day."""
    measure = partial(measure_depth, run.world.exchange, bps=run.plan.risk.liquidity.depth_bps)
    found = await asyncio.gather(*map(measure, setup.symbols))
    return tuple(DepthRead(run.now, symbol, depth) for symbol, depth in zip(setup.symbols, found, strict=True))


def _judged(run: Run, state: Session) -> dict[str, datetime]:
    """The last bar of each pair that was judged before a restart; of pairs without one, when their phase began."""
    last = {} if state.phase_entered is None else dict.fromkeys(state.pairs, state.phase_entered)
    for record in run.progress.decisions:
        if record.pair in last:
            last[record.pair] = max(last[record.pair], datetime.fromisoformat(record.data["time"]))
    return last


def _goes_on_rolling_back(run: Run) -> bool:
    """A rollback that was cut short goes on: its latch is the proof that it began.

    It waits for no reading and asks nobody: a closing reads for itself, and closes what differs too.
    """
    latched = run.session.state.latches.get("rollback")
    if latched is not None:
        run.session.post(RollBack(run.now, "rollback", latched))
    return latched is not None


async def _reconciled(run: Run) -> Outcome:
    """Wait for the first full reading to agree; a mismatch needs a human before anything trades."""
    started = run.world.clock.monotonic()
    while run.world.clock.monotonic() - started < RECONCILE_WITHIN.total_seconds():
        state = run.session.state
        ended = run.cut_short()
        if ended is not None:
            return ended
        if _goes_on_rolling_back(run) or state.reconciled:
            return Outcome("OPEN")
        if "mismatch" in state.latches:
            if run.difference is Difference.ASK:
                detail = f"{state.latches['mismatch']}; look, then type run again with --adopt or --flatten"
                return Outcome("MISMATCH", detail, MISMATCH)
            await settle_difference(run)
        await run.world.clock.pause(0.05)
    return Outcome("NOT RECONCILED", "the account could not be read in time", MISMATCH)
