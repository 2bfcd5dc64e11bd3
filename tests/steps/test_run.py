"""A run that is stopped by a money trigger, or by a bug."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.alerts import RecordedAlerts, Severity
from canary_cli.bootstrap import World
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import AlgoStatus, OrderType, Side
from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.order import OrderLife, Stage
from canary_cli.core.trading.state import Algo, Held, Session, Setup
from canary_cli.journal.beat import Beat, read_beat, write_beat
from canary_cli.journal.closing import is_closing
from canary_cli.session.live import Stop, known_account
from canary_cli.steps import stopping
from canary_cli.steps.interrupting import Interrupted
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
    page = alerts.sent[0]
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


def sent(purpose: Purpose) -> Intended:
    return Intended("c1-1-e00001", "BTCUSDT", Side.BUY, Decimal(2), OrderType.MARKET, purpose, START, Decimal(100))


def guarded(state: Session) -> Session:
    """Held, and its stop was confirmed before a crash; nothing has been read since."""
    held = Held("BTCUSDT", Decimal(2), Decimal(100), START, stop="s")
    algo, life = Algo("s", 1, "BTCUSDT", AlgoStatus.NEW, Decimal(90)), OrderLife(sent(Purpose.STOP), Stage.ENDED)
    return replace(state, held={"BTCUSDT": held}, algos={"s": algo}, orders={"s": life})


@pytest.mark.parametrize(
    ("changed", "is_seen_to"),
    [(lambda state: state, True), (lambda state: apply(state, sent(Purpose.ENTRY)), False), (guarded, True)],
)
async def test_a_run_that_is_stopped_with_something_under_way_does_not_send_the_watchdog_home(
    tmp_path: Path, changed: Callable[[Session], Session], is_seen_to: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry may fill a moment later, with nobody to rest its stop."""
    monkeypatch.setattr(stopping, "SETTLE", 0.0)

    async def stopped(run: Run) -> Outcome:
        run.interrupted = Interrupted(2)
        cut = run.cut_short()
        assert cut is not None
        return cut

    async with World(paper_account(tmp_path)) as world:
        world.alerts = alerts = RecordedAlerts()
        world.account.state_dir.mkdir(parents=True, exist_ok=True)
        write_beat(world.account.state_dir, Beat("run-7", 1, world.clock.wall()))
        run = Run(world, load_plan(ROOT / "runbooks" / "golive.toml", ROOT), Path("golive.toml"), "run-7", START, 1)
        run.session = session = Dying(run)  # type: ignore[assignment]
        session.state = changed(session.state)
        await _drive(run, [("phase 1", stopped)], None)  # type: ignore[arg-type]
        beat = read_beat(world.account.state_dir)
    assert beat is not None and bool(beat.ended) is is_seen_to
    told = [one.message for one in alerts.sent if "canary close-all --account paper" in one.message]
    assert bool(told) is not is_seen_to


async def test_a_run_that_could_not_read_the_account_after_a_crash_leaves_the_watchdog_on_guard(tmp_path: Path) -> None:
    """It ends by itself, and what its positions' stops have become nobody knows."""
    async with World(paper_account(tmp_path)) as world:
        run = Run(world, load_plan(ROOT / "runbooks" / "golive.toml", ROOT), Path("golive.toml"), "run-7", START, 1)
        run.session = session = Dying(run)  # type: ignore[assignment]
        session.state = guarded(session.state)
        assert stopping.under_way(run) == "not seen through: BTCUSDT"
        session.state = replace(session.state, read_answered=START)
        assert not stopping.under_way(run)
