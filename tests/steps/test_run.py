"""A money trigger stops a run: its own closing is one like any other."""

import asyncio
from decimal import Decimal
from pathlib import Path

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import SystemClock
from canary_cli.core.trading.state import Session, Setup
from canary_cli.journal.closing import is_closing
from canary_cli.session.live import Stop, known_account
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run
from tests.core.trading.venue import Venue, position
from tests.docs.commands import ROOT
from tests.session.twin import Twin
from tests.steps.test_deciding import Listener


async def test_while_a_run_closes_its_account_nobody_else_lets_it_trade_again(tmp_path: Path) -> None:
    async with World(paper_account(tmp_path)) as world:
        world.exchange = twin = Twin(Venue().hold(position("BTCUSDT", "2")), SystemClock(), latency=0.02)  # type: ignore[assignment]
        plan = load_plan(ROOT / "runbooks" / "golive.toml", ROOT)
        run = Run(world, plan, Path("golive.toml"), "run-7", world.clock.now(), 1)
        run.session = session = Listener(run)  # type: ignore[assignment]
        session.state = Session(Setup("run-7", "c1-", plan, twin.venue.rules), world.clock.now(), wallet=Decimal(1000))
        run.ask_stop(Stop("breaker", "-3 %", world.clock.monotonic(), known_account(session.state)))
        assert run.closing is not None
        await world.clock.pause(0.05)
        assert not run.closing.done() and is_closing(world.account.state_dir)
        assert (await asyncio.wait_for(run.closing, 10)).is_flat
        assert not is_closing(world.account.state_dir)
