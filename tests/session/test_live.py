"""What a person says at another terminal reaches the session that runs, over sockets and files."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.model import Side
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.plan import Plan
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.trading.events import MarksUpdated
from canary_cli.core.trading.facts import Latched
from canary_cli.core.trading.inputs import RollBack
from canary_cli.core.trading.releasing import held_back
from canary_cli.core.trading.standing import session_readings, trading_state
from canary_cli.journal.enabled import Enabled, tell_enabled
from canary_cli.journal.latch import Latch, clear_latches, read_latches, set_latch
from canary_cli.journal.record import Record
from canary_cli.session import live
from canary_cli.session.rebuilding import rebuilt
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.journal import MemoryJournal
from tests.faults.desk import PAIRS, a_desk
from tests.faults.trader import Trader, a_session, a_trader, the_plan

BTC, ETH = "BTCUSDT", "ETHUSDT"


async def test_a_pair_closed_by_hand_is_counted_and_the_others_trade_on(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter(BTC)
        await trader.enter(ETH)
        report = await trader.desk.flatten(only=BTC)
        assert report.is_flat
        await trader.until(lambda: BTC not in trader.ours, "the closing to be counted")
        await trader.agreed()
        assert list(trader.theirs) == [ETH]
        assert trader.state.latches == {}
        await trader.enter("BNBUSDT")


class SlowDisk(MemoryJournal):
    async def durable(self) -> None:
        await asyncio.sleep(0.3)


async def test_an_entry_whose_line_is_on_its_way_to_disk_at_a_rollback_never_goes_out(tmp_path: Path) -> None:
    """It would open what the closing, quicker than the disk, has just called flat."""
    async with a_desk(PAIRS, speed=10.0, home=tmp_path) as desk:
        await desk.exchange.connect()
        async with a_session(desk, SlowDisk(desk.clock.now), tmp_path) as trader:
            trader.signal(BTC)
            trader.session.post(RollBack(desk.clock.now(), "story", "a gate failed"))
            assert (await desk.flatten()).is_flat
            await trader.until(lambda: trader.events("order_denied"), "the entry to be held back")
            assert trader.theirs == {}


def a_stop_at_the_second_error() -> Plan:
    plan = the_plan()
    (stop,) = (replace(t, min_samples=2) for t in plan.triggers if t.name == "order errors")
    return replace(plan, triggers=(stop,), risk=replace(plan.risk, duplicate_window=timedelta()))


async def refuse(trader: Trader, symbol: str) -> None:
    await trader.until(lambda: trader.state.reconciled, "a reading that agrees")
    told = len(trader.events("order_rejected"))
    trader.desk.fault("reject", on="^POST /fapi/v1/order$", code=-2019, first=1)
    trader.signal(symbol)
    await trader.until(lambda: len(trader.events("order_rejected")) > told, "the refusal")


async def test_the_stop_for_order_errors_is_let_go_by_a_persons_word_through_a_restart_too(tmp_path: Path) -> None:
    """held, released, not held again by the old errors, neither at the next order nor by a session that starts anew"""
    async with a_desk(PAIRS, speed=10.0, home=tmp_path) as desk:
        await desk.exchange.connect()
        journal = MemoryJournal(desk.clock.now)
        async with a_session(desk, journal, tmp_path, plan=a_stop_at_the_second_error()) as trader:
            await refuse(trader, BTC)
            await refuse(trader, ETH)
            await trader.until(lambda: held_back(trader.state), "the stop")
            assert trading_state(trader.state)[0] is TradingState.REDUCING
            word = Enabled("ana", "margin moved in", desk.clock.now(), ("order errors",))
            tell_enabled(trader.state_dir, word)
            await trader.until(lambda: not held_back(trader.state), "the word")
            await trader.enter(BTC)
            await trader.agreed()
            assert [entry.data["by"] for entry in trader.events("triggers_released")] == ["ana"]
        async with a_session(desk, journal, tmp_path, plan=a_stop_at_the_second_error()) as trader:
            ticked = trader.state.ticked
            await trader.until(lambda: trader.state.ticked != ticked, "a tick")
            assert held_back(trader.state) == ()
            assert session_readings(trader.state)["errors"].value == 2, "the gate forgets nothing"
            await trader.enter(ETH)


async def test_a_pair_that_slips_is_held_with_its_book_written_down(tmp_path: Path) -> None:
    plan = the_plan()
    (slippage,) = (replace(t, warning=None, critical=Decimal(-1000)) for t in plan.triggers if t.name == "slippage")
    async with a_trader(tmp_path, plan=replace(plan, triggers=(slippage,))) as trader:
        await trader.enter(ETH)
        await trader.until(lambda: trader.events("book_snapshot"), "the book")
        (book,) = trader.events("book_snapshot")
        assert (book.pair, book.reason) == (ETH, "slippage ETHUSDT")
        assert len(book.data["bids"]) == 20
        assert [(entry.pair, entry.data["name"]) for entry in trader.events("trigger")] == [(ETH, "slippage ETHUSDT")]
        await trader.enter(BTC)
        await trader.until(lambda: trader.state.reconciled, "a reading that agrees")
        trader.signal(ETH, Side.BUY)
        await trader.until(lambda: trader.events("risk_refused"), "the refusal")
        assert [(e.pair, e.risk_gate) for e in trader.events("risk_refused")] == [(ETH, "pair-held")]


async def test_a_latch_that_a_crash_kept_from_its_file_stands_there_after_the_restart(tmp_path: Path) -> None:
    """Killed between the journal's line and the file: nobody else would see it, nor could anybody clear it."""
    async with a_desk(PAIRS, speed=10.0, home=tmp_path) as desk:
        await desk.exchange.connect()
        journal = MemoryJournal(desk.clock.now)
        Scribe(journal, "story", "run").write_fact(Latched(desk.clock.now(), "foreign-order", "not ours", "session"))
        async with a_session(desk, journal, tmp_path) as trader:
            latches = read_latches(trader.state_dir)
            assert [(one.source, one.reason) for one in latches] == [("foreign-order", "not ours")]
            assert trading_state(trader.state)[0] is TradingState.HALTED
            clear_latches(trader.state_dir, latches)
            await trader.until(lambda: not trader.state.latches, "a person's word")


class Disk(MemoryJournal):
    """`full` from some moment on, until somebody makes room."""

    full = False

    def append(self, record: Record) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().append(record)


async def test_a_full_disk_stops_entries_and_nothing_else_and_gets_its_lines_when_there_is_room(tmp_path: Path) -> None:
    """The stop of a position is taken away by hand meanwhile: it is closed all the same, and the session latches."""
    async with a_desk(PAIRS, speed=10.0, home=tmp_path) as desk:
        await desk.exchange.connect()
        journal = Disk(desk.clock.now)
        async with a_session(desk, journal, tmp_path) as trader:
            await trader.enter(BTC)
            await trader.enter(ETH)
            journal.full = True
            trader.signal("BNBUSDT")
            await trader.until(lambda: "journal" in trader.state.conditions, "entries to stop")
            for algo in trader.desk.venue.engine.state.conditionals.open(BTC):
                await desk.exchange.cancel_algo(algo.algo_id)
            await trader.until(lambda: list(trader.theirs) == [ETH], "the naked position to be closed")
            await trader.agreed()
            journal.full = False
            await trader.until(lambda: not trader.state.conditions["journal"].holds, "the lines to be written")
            await trader.agreed()
            assert len(trader.events("order_denied")) == 1, "the entry that was decided on before"
            again = rebuilt(trader.state.setup, desk.clock.now(), journal.entries())
            assert (again.held, again.trades) == (trader.state.held, trader.state.trades)


async def test_a_session_that_starts_anew_opens_again_where_the_disk_has_room_again(tmp_path: Path) -> None:
    """Ended within the minute of health that clears the hold: nobody else would say that the lines are written."""
    async with a_desk(PAIRS, speed=10.0, home=tmp_path) as desk:
        await desk.exchange.connect()
        journal = Disk(desk.clock.now)
        async with a_session(desk, journal, tmp_path) as trader:
            journal.full = True
            trader.signal(BTC)
            await trader.until(lambda: "journal" in trader.state.conditions, "entries to stop")
            journal.full = False
            await trader.until(lambda: trader.events("condition_set"), "the lines to be written")
        async with a_session(desk, journal, tmp_path) as trader:
            await trader.until(lambda: not trader.state.conditions["journal"].holds, "the hold to end")


async def test_a_latch_that_cannot_be_written_holds_and_is_written_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with a_trader(tmp_path) as trader:
        with monkeypatch.context() as full:
            full.setattr(live, "set_latch", refuse)
            trader.session.post(RollBack(trader.desk.clock.now(), "story", "a gate failed"))
            await trader.until(lambda: trader.stops, "the rollback")
            set_latch(trader.state_dir, Latch("another", "by hand", "ana", trader.desk.clock.now()))
            await trader.until(lambda: "another" in trader.state.latches, "the other hand's latch")
            assert "rollback" in trader.state.latches, "nobody has cleared it"
        await trader.until(lambda: len(read_latches(trader.state_dir)) == 2, "the latch in its file")
        clear_latches(trader.state_dir, read_latches(trader.state_dir))
        await trader.until(lambda: not trader.state.latches, "a person's word")


async def test_the_word_that_enables_trading_arms_the_breaker_again(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter(BTC)
        held, equity = trader.state.held[BTC], trader.state.equity
        assert equity is not None
        low = held.entry_price - equity * Decimal("0.026") / held.quantity
        trader.session.post(MarksUpdated(trader.desk.clock.now(), {BTC: low}))
        await trader.until(lambda: trader.state.breaker.zone is Zone.PRE_TRIP, "the breaker")
        tell_enabled(trader.state_dir, Enabled("ana", "a bad tick", trader.desk.clock.now()))
        await trader.until(lambda: trader.state.breaker.zone is Zone.ARMED, "the word")
        assert trader.state.breaker.reset_by == "ana"
        assert [entry.data["by"] for entry in trader.events("breaker")] == ["", "ana"]
