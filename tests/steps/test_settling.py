"""What a person may have a run take over."""

from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import SystemClock
from canary_cli.core.trading.state import Session, Setup
from canary_cli.errors import Refused
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Difference, Run
from canary_cli.steps.settling import settle_difference
from tests.core.trading.venue import Venue, position
from tests.docs.commands import ROOT
from tests.session.twin import Twin
from tests.steps.test_deciding import Listener


async def test_a_position_of_a_pair_that_the_run_does_not_trade_is_not_taken_over(tmp_path: Path) -> None:
    """It would have no mark price, and no filters for its stop."""
    async with World(paper_account(tmp_path)) as world:
        world.exchange = twin = Twin(Venue().hold(position("DOGEUSDT", "2")), SystemClock())  # type: ignore[assignment]
        plan = load_plan(ROOT / "runbooks" / "golive.toml", ROOT)
        run = Run(world, plan, Path("golive.toml"), "run-7", world.clock.now(), 1)
        run.session = session = Listener(run)  # type: ignore[assignment]
        traded = {pair: rules for pair, rules in twin.venue.rules.items() if pair != "DOGEUSDT"}
        session.state = Session(Setup("run-7", "c1-", plan, traded), world.clock.now())
        run.difference = Difference.ADOPT
        with pytest.raises(Refused, match="DOGEUSDT") as refused:
            await settle_difference(run)
    assert refused.value.hint == "canary close DOGEUSDT --account paper, or type --flatten"
    assert session.posted == []
