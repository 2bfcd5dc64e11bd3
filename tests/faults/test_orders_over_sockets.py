"""What can go wrong with a session's own orders, each against the paper exchange over sockets, by its row's number."""

from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.model import AlgoStatus, OrderRequest, OrderType, Side, TimeInForce
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.replies import Confirmed
from tests.faults.trader import a_trader

ORDERS = r"^POST /fapi/v1/order$"


async def test_row_06_an_exit_whose_reply_is_lost_is_found_and_sent_once(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        trader.desk.fault("lost_reply", on=ORDERS, first=1)
        held = trader.state.held["BTCUSDT"]
        (stop,) = [algo for algo in trader.state.algos.values() if algo.client_id == held.stop]
        await trader.desk.exchange.cancel_algo(stop.algo_id)  # its stop dies, so it is closed at once
        await trader.until(lambda: not trader.theirs and not trader.ours, "the exit")
        await trader.agreed()
        assert len(trader.intents(Purpose.EXIT)) == 1


async def test_row_07_a_filled_entry_whose_reply_is_lost_is_not_sent_again(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        trader.desk.fault("lost_reply", on=ORDERS, first=1)
        await trader.enter()
        await trader.agreed()
        (entry,) = trader.intents(Purpose.ENTRY)
        assert trader.theirs == {"BTCUSDT": entry.quantity}
        assert trader.state.orders[entry.client_id].executed == entry.quantity


async def test_row_08_what_the_stream_accepts_after_a_time_out_needs_no_retry(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        trader.desk.fault("unknown", on=ORDERS, code=-1007, first=1)
        trader.signal()
        await trader.until(lambda: trader.events("order_unknown"), "the time-out")
        await trader.until(lambda: trader.events("order_resolved") or trader.ours, "an answer")
        await trader.agreed()
        assert len(trader.intents(Purpose.ENTRY)) == 1
        assert sum(trader.theirs.values(), Decimal(0)) in (Decimal(0), trader.intents(Purpose.ENTRY)[0].quantity)


@pytest.mark.parametrize("wording", ["unknown", "unavailable", "internal", "throttled", "timeout"])
async def test_row_10_an_entry_is_never_sent_twice_whatever_a_503_says(tmp_path: Path, wording: str) -> None:
    async with a_trader(tmp_path) as trader:
        trader.desk.fault("error", on=ORDERS, wording=wording, first=1)
        trader.signal()
        await trader.until(lambda: trader.events("order_rejected") or trader.events("order_resolved") or trader.ours)
        await trader.agreed()
        assert len(trader.intents(Purpose.ENTRY)) == 1


async def test_an_entry_whose_stop_is_refused_is_closed_again(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        trader.desk.fault("reject", on=r"^POST /fapi/v1/algoOrder$", code=-2021, first=1, msg="Order would trigger.")
        trader.signal()
        await trader.until(lambda: trader.intents(Purpose.EXIT) and not trader.ours and not trader.theirs, "the exit")
        await trader.until(lambda: trader.desk.resting == 0, "no leftover")
        await trader.until(lambda: all(one.status is not AlgoStatus.NEW for one in trader.state.algos.values()))


async def test_row_09_a_duplicate_order_id_adopts_the_order_that_exists(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        desk = trader.desk
        price = desk.rules["BTCUSDT"].round_price(desk.marks["BTCUSDT"] * Decimal("0.97"), up=False)
        request = OrderRequest("twice", "BTCUSDT", Side.BUY, desk.quantity("BTCUSDT"), OrderType.LIMIT, price=price,
                               time_in_force=TimeInForce.GTC)  # fmt: skip
        first, second = await desk.exchange.place(request), await desk.exchange.place(request)
        assert isinstance(first, Confirmed)
        assert isinstance(second, Confirmed)
        assert (first.value.order_id, desk.resting) == (second.value.order_id, 1)
