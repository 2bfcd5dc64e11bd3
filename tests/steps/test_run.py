"""A run that is stopped by a money trigger, or by a bug."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.alerts import RecordedAlerts, Severity
from canary_cli.bootstrap import World
from canary_cli.core.clock import SystemClock
from canary_cli.core.trading.state import Held, Session, Setup
from canary_cli.journal.closing import is_closing
from canary_cli.session.live import Stop, known_account
from canary_cli.steps import stopping
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Outcome, Run
from canary_cli.steps.runner import _drive
from tests.core.trading.venue import Venue, position
from tests.docs.commands import ROOT
from tests.session.twin import Twin
from tests.steps.test_deciding import Listener

START = datetime(2026, 2, 22, 10, tzinfo=UTC)


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


class Dying(Listener):
    async def stop(self) -> None:
        await asyncio.sleep(0)

    def failure(self) -> None:
        return None


async def test_a_run_that_dies_of_a_bug_with_something_open_pages_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a watchdog nobody else would say so, and only the stops are left."""

    async def dies(_run: Run) -> Outcome:
        raise RuntimeError("a part of the session ended: decider")

    monkeypatch.setattr(stopping, "SETTLE", 0.0)
    async with World(paper_account(tmp_path)) as world:
        world.alerts = alerts = RecordedAlerts()
        run = Run(world, load_plan(ROOT / "runbooks" / "golive.toml", ROOT), Path("golive.toml"), "run-7", START, 1)
        run.session = session = Dying(run)  # type: ignore[assignment]
        held = Held("BTCUSDT", Decimal(2), Decimal(100), START, stop_price=Decimal(90))
        session.state = replace(session.state, held={"BTCUSDT": held})
        with pytest.raises(RuntimeError):
            await _drive(run, [("phase 1", dies)], None)  # type: ignore[arg-type]
    (page,) = alerts.sent
    assert page.severity is Severity.CRITICAL
    assert "a part of the session ended: decider" in page.message and "BTCUSDT 2, stop 90" in page.message
    assert "canary close-all --account paper" in page.message


async def test_a_run_that_dies_while_it_closes_ends_its_closing_first(tmp_path: Path) -> None:
    async def dies(_run: Run) -> Outcome:
        raise RuntimeError("a bug in a gate")

    async with World(paper_account(tmp_path)) as world:
        world.alerts = RecordedAlerts()
        world.exchange = twin = Twin(Venue().hold(position("BTCUSDT", "2")), SystemClock(), latency=0.02)  # type: ignore[assignment]
        run = Run(world, load_plan(ROOT / "runbooks" / "golive.toml", ROOT), Path("golive.toml"), "run-7", START, 1)
        run.session = session = Dying(run)  # type: ignore[assignment]
        session.state = Session(Setup("run-7", "c1-", run.plan, twin.venue.rules), START, wallet=Decimal(1000))
        run.ask_stop(Stop("breaker", "-3 %", world.clock.monotonic(), known_account(session.state)))
        with pytest.raises(RuntimeError):
            await _drive(run, [("gate 1", dies)], None)  # type: ignore[arg-type]
        assert run.closing is not None and run.closing.done() and run.closing.result().is_flat
