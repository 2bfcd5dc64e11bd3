"""What was won and lost, as a session over sockets counts it and as the exchange books it, by its row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from canary_cli.accounts import PlanTime, paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import ScaledClock
from canary_cli.core.model import Frame, Side, floor_to
from canary_cli.paper.orders import IncomeRow
from canary_cli.steps import pnl
from tests.faults.desk import Desk, a_desk
from tests.faults.trader import DiskJournal, Trader, a_session

BTC, ETH = "BTCUSDT", "ETHUSDT"


@asynccontextmanager
async def a_desk_that_pays_in_bnb(home: Path) -> AsyncIterator[Desk]:
    async with a_desk(speed=10.0, home=home) as desk:
        desk.by_hand(deposit="100", asset="BNB")
        desk.venue.engine.state.account.fee_burn = True
        await desk.exchange.connect()
        yield desk


@asynccontextmanager
async def a_recorded_session(desk: Desk) -> AsyncIterator[Trader]:
    """Its journal lies where the verbs of the account look for it."""
    desk.account.log_dir.mkdir(parents=True)
    journal = DiskJournal(desk.account.log_dir, desk.clock.now)
    async with a_session(desk, journal, desk.account.home) as trader:
        yield trader
    journal.close()


def fund_soon(desk: Desk, rate: str) -> None:
    """The next funding of every pair falls a moment from now."""
    fundings, soon = desk.venue.engine.state.fundings, desk.venue.now() + timedelta(seconds=2)
    for symbol, due in fundings.items():
        fundings[symbol] = replace(due, rate=Decimal(rate), next_time=soon)


def reduce_by_hand(desk: Desk, parts: int) -> None:
    """One of so many equal parts of every position."""
    for (symbol, _side), held in desk.held.items():
        side = Side.SELL if held > 0 else Side.BUY
        quantity = floor_to(abs(held) / parts, desk.rules[symbol].market_step)
        desk.by_hand(order={"symbol": symbol, "side": side, "quantity": str(quantity), "reduce_only": True})


@asynccontextmanager
async def a_world(desk: Desk) -> AsyncIterator[World]:
    """The desk's account as a verb finds it, on the exchange's clock."""
    clock = desk.clock
    assert isinstance(clock, ScaledClock)
    time = PlanTime(clock.plan_start, clock.wall_start, clock.speed)
    async with World(paper_account(desk.account.home, desk.server.port, plan_time=time)) as world:
        yield world


async def worth(world: World, row: IncomeRow) -> Decimal:
    """USDT; an amount in BNB at the close of the minute it was booked in."""
    if row.asset == "USDT":
        return row.amount
    end = Frame.M1.floor(row.time) + timedelta(minutes=1)
    (candle,) = await world.exchange.candles("BNBUSDT", Frame.M1, 1, end)
    return row.amount * Decimal(str(candle.close))


async def test_row_39_funding_fees_in_bnb_and_partial_exits_come_to_what_the_exchange_booked(tmp_path: Path) -> None:
    """to the cent"""
    async with a_desk_that_pays_in_bnb(tmp_path) as desk:
        began, ledger = desk.clock.now(), desk.venue.engine.state.income
        async with a_recorded_session(desk) as trader:
            await trader.enter(BTC)
            fund_soon(desk, "0.0003")
            await trader.until(lambda: [row for row in ledger if row.type == "FUNDING_FEE"], "the funding")
            await trader.enter(ETH, Side.SELL)
            for parts in (3, 2, 1):
                reduce_by_hand(desk, parts)
            await trader.agreed()
            assert trader.theirs == {}
        desk.let_pass(60)  # the minute's price of BNB stands
        async with a_world(desk) as world:
            found = (await pnl.report(world, pnl.request(world, began.isoformat(), pnl.NOW))).pnl
            booked = sum([await worth(world, row) for row in ledger if row.type != "TRANSFER"])
    assert {row.asset for row in ledger if row.type == "COMMISSION"} == {"BNB"}
    (paid,) = [row for row in ledger if row.type == "FUNDING_FEE"]
    assert (paid.symbol, found.funding) == (BTC, paid.amount)  # what was opened after the boundary pays none
    assert (found.trades, found.unconverted) == (2, {})
    assert abs(found.net - booked) < Decimal("0.01")
    assert found.agrees, found.comparisons


async def test_row_39_funding_is_counted_from_what_was_written_down_where_the_exchange_is_away(tmp_path: Path) -> None:
    async with a_desk(speed=10.0, home=tmp_path) as desk:
        await desk.exchange.connect()
        began, ledger = desk.clock.now(), desk.venue.engine.state.income
        async with a_recorded_session(desk) as trader:
            await trader.enter(BTC)
            fund_soon(desk, "0.0003")
            await trader.until(
                lambda: "FUNDING_FEE" in {one.data["reason"] for one in trader.events("wallet")}, "funding"
            )
        (paid,) = [row.amount for row in ledger if row.type == "FUNDING_FEE"]
        async with a_world(desk) as world:
            desk.fault("outage")
            asked = pnl.request(world, began.isoformat(), pnl.NOW)
            from_journal = (await pnl.report(world, asked)).pnl
            world.ledger.catch_up(world.account.log_dir)
            from_ledger = (await pnl.report(world, asked)).pnl
    assert (from_journal.funding, from_journal.agrees) == (paid, None)
    assert from_ledger.funding == paid
