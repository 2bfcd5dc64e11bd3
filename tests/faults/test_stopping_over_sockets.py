"""What a strategy still wants while its account is closed, each against the paper exchange over sockets, by row."""

import asyncio
from pathlib import Path

from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.flatten import Outcome
from canary_cli.core.trading.inputs import RollBack
from canary_cli.session.aftermath import confirm_flat
from tests.faults.trader import Trader, a_trader

BTC, ETH, BNB = "BTCUSDT", "ETHUSDT", "BNBUSDT"
ORDERS = r"^POST /fapi/v1/order$"


async def roll_back(trader: Trader) -> None:
    trader.session.post(RollBack(trader.desk.clock.now(), "by-hand", "story"))
    await trader.until(lambda: trader.stops, "the rollback")


async def test_row_26_an_entry_during_a_closing_is_refused_and_written_down(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter(BTC)
        await trader.enter(ETH)
        trader.desk.fault("latency", on=ORDERS, milliseconds=300)
        await roll_back(trader)
        closing = asyncio.create_task(trader.desk.flatten(trader.stops[0].known))
        for symbol in (BNB, BTC):
            trader.signal(symbol)
        await trader.until(lambda: len(trader.events("risk_refused")) == 2, "the refusals")
        assert trader.theirs, "the closing was still under way"
        assert {entry.data["code"] for entry in trader.events("risk_refused")} == {"latched"}
        assert {entry.reason for entry in trader.events("risk_refused")}
        assert (await closing).outcome is Outcome.FLAT
        await trader.until(lambda: not trader.ours, "our own books")
        await trader.agreed()
        assert len(trader.intents(Purpose.ENTRY)) == 2
        assert (trader.theirs, trader.desk.resting) == ({}, 0)


async def test_row_26_an_entry_on_its_way_when_the_closing_begins_is_closed_again(tmp_path: Path) -> None:
    async with a_trader(tmp_path, speed=30.0) as trader:
        trader.desk.fault("latency", on=ORDERS, milliseconds=800, first=1)
        trader.signal(BTC)
        await trader.until(lambda: trader.intents(Purpose.ENTRY), "the entry")
        await roll_back(trader)
        desk = trader.desk
        assert (await desk.flatten(trader.stops[0].known)).is_flat  # and then it fills
        assert await confirm_flat(desk.exchange, desk.clock, desk.rules, lambda _report: None)
        await trader.until(lambda: trader.events("fill") and not trader.ours, "our own books")
        await trader.agreed()
        assert (trader.theirs, desk.resting, len(trader.intents(Purpose.ENTRY))) == ({}, 0, 1)
