"""What a session makes of what it did not do: positions found at the start, and the hands of others, by row."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.model import AlgoStatus, OrderType, PositionSide, Side
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.inputs import Adopt, EnterPhase
from canary_cli.core.trading.protection import unprotected
from canary_cli.journal.latch import clear_latches, read_latches
from canary_cli.paper.configuring import set_margin_type
from canary_cli.session.simulate.journal import MemoryJournal
from tests.faults.desk import Desk, a_desk
from tests.faults.trader import a_session, a_trader

BTC = "BTCUSDT"


@pytest.mark.parametrize("has_stop", [False, True], ids=["without a stop", "with its own stop"])
async def test_row_38_a_position_found_at_the_start_latches_and_is_adopted_with_a_stop_when_a_person_says_so(
    tmp_path: Path, has_stop: bool
) -> None:
    async with a_desk(speed=10.0, home=tmp_path) as desk:
        await desk.open(BTC)
        if has_stop:
            await desk.protect(BTC)
        await desk.exchange.connect()
        async with a_session(desk, MemoryJournal(desk.clock.now), tmp_path, reconciles=False) as trader:
            await trader.until(lambda: "mismatch" in trader.state.latches, "the mismatch")
            held = trader.theirs[BTC]
            assert trader.state.latches["mismatch"] == f"{BTC}: the exchange holds {held}, our fills say 0"
            trader.session.post(Adopt(desk.clock.now(), "anna", await desk.exchange.snapshot()))
            clear_latches(trader.state_dir, read_latches(trader.state_dir))
            await trader.until(lambda: trader.state.reconciled and not trader.state.latches, "the adoption")
            await trader.until(lambda: not unprotected(trader.state))
            assert trader.ours == {BTC: held}
            (stop,) = (await desk.exchange.snapshot()).algo_orders
            assert stop.client_id == trader.state.held[BTC].stop
            assert stop.client_id.startswith("stop-") is has_stop
        async with a_session(desk, trader.journal, tmp_path) as again:  # a crash: the adoption is remembered
            assert again.ours == {BTC: held}
            assert again.state.latches == {}


async def test_row_38_what_we_hold_and_the_exchange_does_not_is_let_go_by_adoption(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        journal, desk = trader.journal, trader.desk
        await trader.session.stop()
        desk.by_hand(order={"symbol": BTC, "side": "SELL", "quantity": str(trader.theirs[BTC]), "reduce_only": True})
        async with a_session(desk, journal, tmp_path) as again:
            assert (again.ours, again.theirs) == ({}, {})  # the closing trades explain it: no mismatch
            assert list(again.state.latches) == ["foreign-order"]


async def test_row_38_a_position_taken_by_force_while_nobody_ran_rolls_back_at_the_start(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        journal, desk = trader.journal, trader.desk
        await trader.session.stop()
        desk.by_hand(adl=BTC)
        async with a_session(desk, journal, tmp_path, reconciles=False) as again:
            await again.until(lambda: again.stops, "the rollback")
            assert again.stops[0].cause == "liquidation"
            assert (again.ours, again.theirs) == ({}, {})


@pytest.mark.parametrize("side", list(Side))
async def test_row_38_an_order_by_hand_latches_and_is_counted(tmp_path: Path, side: Side) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        quantity = (trader.theirs[BTC] / 2).quantize(Decimal("0.001"))
        trader.desk.by_hand(order={"symbol": BTC, "side": side.value, "quantity": str(quantity)})
        await trader.until(lambda: "foreign-order" in trader.state.latches, "the latch")
        assert "web_" in trader.state.latches["foreign-order"]
        await trader.agreed()
        assert not trader.stops


async def test_row_38_a_deleveraged_position_is_told_from_a_stranger_s_and_rolls_back(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        trader.desk.by_hand(adl=BTC)
        await trader.until(lambda: trader.stops, "the rollback")
        assert (trader.stops[0].cause, trader.events("liquidation") != []) == ("liquidation", True)
        assert "adl_autoclose" in trader.stops[0].detail
        assert "foreign-order" not in trader.state.latches


async def test_row_38_a_liquidated_position_is_told_by_its_order_counted_once_and_rolls_back(tmp_path: Path) -> None:
    def isolate(desk: Desk) -> None:
        set_margin_type(desk.venue.engine.state, BTC, isolated=True)  # else the breaker is quicker than the exchange

    async with a_trader(tmp_path, before=isolate) as trader:
        trader.signal(BTC, distance="0.2")
        await trader.until(lambda: trader.ours and not unprotected(trader.state), "the entry")
        held = trader.theirs[BTC]
        trader.desk.market(kind="gap", symbols=[BTC], move=-0.08)
        await trader.until(lambda: trader.stops and not trader.ours, "the liquidation")
        await trader.agreed()
        assert trader.stops[0].cause == "liquidation"
        assert "autoclose-" in trader.stops[0].detail
        assert not {"foreign-order", "mismatch"} & set(trader.state.latches)
        forced = [entry.data for entry in trader.events("fill") if entry.data["client_id"].startswith("autoclose-")]
        assert sum(Decimal(one["quantity"]) for one in forced) == held
        assert trader.state.metrics.liquidations == 1
        income = await trader.desk.exchange.income(trader.desk.clock.now() - timedelta(hours=1))
        assert sum(Decimal(one["realized"]) for one in forced) == sum(
            row.amount for row in income if row.type == "REALIZED_PNL"
        )
        assert [row for row in income if row.type == "INSURANCE_CLEAR"]


async def test_row_50_a_larger_phase_sends_no_order_for_what_is_open(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        held, orders = trader.theirs[BTC], len(trader.state.orders)
        phase = trader.state.setup.plan.phase(3)
        trader.session.post(EnterPhase(trader.desk.clock.now(), phase, trader.state.pairs, None))
        await trader.until(lambda: trader.state.phase is not None and trader.state.phase.number == 3)
        trader.signal(BTC)  # the same side again: one position a pair
        await trader.until(lambda: trader.events("risk_refused"))
        assert (trader.theirs[BTC], len(trader.state.orders)) == (held, orders)


async def test_row_24_hedge_mode_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    async with a_desk(home=tmp_path) as desk:
        desk.by_hand(hedge=True)
        mode = (await desk.exchange.snapshot()).mode
        assert mode.hedge
        await desk.send(BTC, Side.BUY, desk.quantity(BTC), position_side=PositionSide.LONG)
        await desk.exchange.connect()
        async with a_session(desk, MemoryJournal(desk.clock.now), tmp_path, reconciles=False) as trader:
            await trader.until(lambda: "mismatch" in trader.state.latches)
            assert not trader.intents(Purpose.ENTRY)
        assert (await desk.exchange.snapshot()).mode.hedge


@pytest.mark.parametrize("dies_again", [False, True], ids=["once", "twice"])
async def test_row_38_a_stop_that_vanishes_unheard_is_placed_anew_and_at_the_second_time_its_position_closed(
    tmp_path: Path, dies_again: bool
) -> None:
    """found by the next reading (one in 60 s), sure after three, 1 s of wall time apart"""
    async with a_trader(tmp_path, speed=15.0) as trader:
        await trader.enter()
        first = trader.state.held[BTC].stop
        lose_stop(trader.desk)
        await trader.until(lambda: trader.state.held[BTC].stop != first, "a second stop", within=15.0)
        await trader.agreed()
        assert trader.state.held[BTC].stop in await resting(trader.desk)
        assert any("rests at the exchange no more" in alert for alert in trader.alerts)
        assert trader.theirs and not trader.intents(Purpose.EXIT)
        if dies_again:
            lose_stop(trader.desk)
            await trader.until(lambda: not trader.ours and not trader.theirs, "the exit", within=15.0)
            assert len(trader.intents(Purpose.EXIT)) == 1
        assert not trader.stops and not trader.state.latches


async def test_row_38_a_stop_that_vanished_while_nobody_ran_is_placed_anew_after_the_start(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        journal, desk, first = trader.journal, trader.desk, trader.state.held[BTC].stop
        await trader.session.stop()
        lose_stop(desk)
        async with a_session(desk, journal, tmp_path, reconciles=False) as again:
            await again.until(lambda: again.state.held[BTC].stop != first, "a second stop")
            await again.agreed()
            assert again.state.held[BTC].stop in await resting(desk)
            await again.until(lambda: again.state.reconciled, "a reading that agrees", within=15.0)


def lose_stop(desk: Desk) -> None:
    """The exchange ends it, and tells nobody."""
    store = desk.venue.engine.state.conditionals
    (stop,) = (one for one in store.open(BTC) if one.type is OrderType.STOP_MARKET)
    store.close(stop, AlgoStatus.CANCELED, desk.venue.now())


async def resting(desk: Desk) -> set[str]:
    return {algo.client_id for algo in (await desk.exchange.snapshot()).algo_orders}
