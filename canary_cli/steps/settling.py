"""A person's word at the start on what the exchange holds and our fills do not explain: take it over, or close it."""

import asyncio

from canary_cli.core.model import AccountSnapshot
from canary_cli.core.trading.inputs import Adopt
from canary_cli.core.trading.reconcile import differing
from canary_cli.errors import Refused
from canary_cli.journal.latch import clear_latches, read_latches
from canary_cli.journal.record import Record
from canary_cli.session.flattening import flatten
from canary_cli.steps.latching import note, operator
from canary_cli.steps.run import Difference, Run

CLOSE_WITHIN = 60.0


def choose(run: Run, chosen: Difference) -> None:
    """Remember the person's word, and lift the latch of the run that found the difference: gate 0 refuses over it."""
    run.difference = chosen
    if chosen is not Difference.ASK:
        _lift(run, chosen)


def _lift(run: Run, chosen: Difference) -> None:
    folder = run.world.account.state_dir
    if clear_latches(folder, [one for one in read_latches(folder) if one.source == "mismatch"]):
        by, reason = operator(), f"--{chosen.value}"
        data = {"sources": ["mismatch"], "by": by, "reason": reason}
        note(run.world, Record("latch_cleared", actor=by, reason=reason, data=data))


async def settle_difference(run: Run) -> None:
    """Make ledger and exchange agree as `run.difference` says, once, and lift the latch that the difference set.

    Raises Refused where something could not be closed or taken over, ExchangeUnreachable where nothing can be read.
    """
    world, by, chosen = run.world, operator(), run.difference
    run.difference = Difference.ASK
    if chosen is Difference.FLATTEN:
        found = differing(run.session.state, await world.exchange.snapshot())
        await asyncio.gather(*(_close(run, symbol) for symbol in found))
    told = await world.exchange.snapshot()
    _refuse_untraded(run, told)
    run.session.post(Adopt(run.now, by, told))
    _lift(run, chosen)
    while "mismatch" in run.session.state.latches:
        await world.clock.pause(0.05)


def _refuse_untraded(run: Run, told: AccountSnapshot) -> None:
    """What this run has no filters of, and hears no price of, it could neither guard nor value."""
    state, account = run.session.state, run.world.account.name
    for symbol, (theirs, _) in differing(state, told).items():
        if theirs and symbol not in state.setup.rules:
            raise Refused(f"{symbol} is none of this run's pairs, and is not taken over",
                          f"canary close {symbol} --account {account}, or type --flatten")  # fmt: skip


async def _close(run: Run, symbol: str) -> None:
    """One pair, as `canary close` does: a closing of the whole account would latch the session that asked for it."""
    world, rules = run.world, run.session.state.setup.rules
    report = await flatten(
        world.exchange, world.clock, None, rules, "mismatch", lambda _left: None, CLOSE_WITHIN, only=symbol
    )
    if report.left:
        raise Refused(f"not closed: {symbol}", f"canary close {symbol}")
