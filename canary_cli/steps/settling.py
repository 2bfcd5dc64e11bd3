"""A person's word at the start on what the exchange holds and our fills do not explain: take it over, or close it."""

from canary_cli.core.trading.inputs import Adopt
from canary_cli.errors import Refused
from canary_cli.journal.latch import clear_latches
from canary_cli.session.flattening import flatten
from canary_cli.steps.latching import operator
from canary_cli.steps.run import Difference, Run

CLOSE_WITHIN = 60.0


async def settle_difference(run: Run) -> None:
    """Make ledger and exchange agree as `run.difference` says, once, and lift the latch that the difference set.

    Raises Refused where something could not be closed, ExchangeUnreachable where the account cannot be read.
    """
    world, by, chosen = run.world, operator(), run.difference
    run.difference = Difference.ASK
    if chosen is Difference.FLATTEN:
        rules = run.session.state.setup.rules
        report = await flatten(world.exchange, world.clock, None, rules, "mismatch", lambda _left: None, CLOSE_WITHIN)
        if report.left:
            left = ", ".join(position.symbol for position in report.left)
            raise Refused(f"not closed: {left}", "canary close-all")
    run.session.post(Adopt(run.now, by, await world.exchange.snapshot()))
    clear_latches(world.account.state_dir, ("mismatch",))
    data = {"sources": ["mismatch"], "by": by, "reason": f"--{chosen.value}"}
    run.scribe.write("latch_cleared", data=data, reason=f"--{chosen.value} by {by}")
    while "mismatch" in run.session.state.latches:
        await world.clock.pause(0.05)
