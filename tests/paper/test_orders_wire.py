"""Orders over the wire: dates, dead man's switches, how long an order is remembered, and what a liquidation leaves."""

from datetime import timedelta
from typing import Any

import pytest

from tests.paper.conftest import START
from tests.paper.wire import Wire

BTC = {"symbol": "BTCUSDT"}


def later(wire: Wire, **elapsed: int) -> None:
    """Let plan time stand so long after the start, and the market run on to it."""
    venue = wire.server.venue
    venue.clock = type(venue.clock)(START + timedelta(**elapsed), venue.clock.wall(), 0.0)  # type: ignore[call-arg]
    venue.run()


async def order(wire: Wire, client_id: str) -> Any:
    reply = await wire.call("GET", "/fapi/v1/order", **BTC, origClientOrderId=client_id)
    return reply.body.get("status", reply.body.get("code"))


async def test_a_good_till_date_is_kept_in_whole_seconds_and_ends_the_order(wire: Wire) -> None:
    until = int((START + timedelta(minutes=11)).timestamp() * 1000)
    dated: dict[str, Any] = {"timeInForce": "GTD", "goodTillDate": until + 789, "newClientOrderId": "dated"}
    placed = (await wire.limit(wire.near("0.96"), **dated)).body
    assert (placed["goodTillDate"], placed["timeInForce"]) == (until, "GTD")
    missing = await wire.limit(wire.near("0.96"), timeInForce="GTD")
    assert (missing.code, "'goodTillDate'" in missing.body["msg"]) == (-1102, True)
    later(wire, minutes=10, seconds=59)
    assert await order(wire, "dated") == "NEW"
    later(wire, minutes=11)
    assert await order(wire, "dated") == "EXPIRED"


async def test_the_dead_mans_switch_cancels_one_symbol_unless_it_is_refreshed(wire: Wire) -> None:
    await wire.limit(wire.near("0.96"), newClientOrderId="guarded")
    eth = {"symbol": "ETHUSDT", "quantity": "0.1"}
    await wire.limit(wire.near("0.96", "ETHUSDT"), **eth, newClientOrderId="other")
    reply = await wire.call("POST", "/fapi/v1/countdownCancelAll", **BTC, countdownTime=120_000)
    assert reply.body == {"symbol": "BTCUSDT", "countdownTime": "120000"}
    later(wire, seconds=100)
    await wire.call("POST", "/fapi/v1/countdownCancelAll", **BTC, countdownTime=120_000)
    later(wire, seconds=219)
    assert await order(wire, "guarded") == "NEW"
    later(wire, seconds=221)
    assert await order(wire, "guarded") == "CANCELED"
    assert [row["symbol"] for row in (await wire.call("GET", "/fapi/v1/openOrders")).body] == ["ETHUSDT"]


async def test_zero_stops_the_dead_mans_switch(wire: Wire) -> None:
    await wire.limit(wire.near("0.96"), newClientOrderId="safe")
    for milliseconds in (5_000, 0):
        await wire.call("POST", "/fapi/v1/countdownCancelAll", **BTC, countdownTime=milliseconds)
    later(wire, seconds=10)
    assert await order(wire, "safe") == "NEW"


@pytest.mark.parametrize(("filled", "days", "remembered"), [(False, 2, True), (False, 4, False), (True, 4, True)])
async def test_orders_without_a_fill_are_forgotten_three_days_after_they_end(
    wire: Wire, filled: bool, days: int, remembered: bool
) -> None:
    if filled:
        await wire.market(newClientOrderId="mine")
    else:
        await wire.limit(wire.near("0.96"), newClientOrderId="mine")
        await wire.call("DELETE", "/fapi/v1/order", **BTC, origClientOrderId="mine")
    state = wire.server.venue.engine.state
    state.now += timedelta(days=days)
    assert await order(wire, "mine") == (("FILLED" if filled else "CANCELED") if remembered else -2013)
    assert len((await wire.call("GET", "/fapi/v1/allOrders", **BTC)).body) == int(remembered)


async def test_a_liquidation_shows_in_every_list(wire: Wire) -> None:
    await wire.call("POST", "/fapi/v1/leverage", **BTC, leverage=50)
    await wire.market("4")
    await wire.limit(wire.near("0.96"), quantity="0.01", newClientOrderId="swept")
    await wire.admin("POST", "market", kind="crash", move=-0.04, **{"for": 60})
    later(wire, seconds=70)
    forced = (await wire.call("GET", "/fapi/v1/forceOrders", autoCloseType="LIQUIDATION")).body
    assert {(row["type"], row["timeInForce"], row["side"]) for row in forced} == {("LIMIT", "IOC", "SELL")}
    assert all(row["clientOrderId"].startswith("autoclose-") for row in forced)
    assert (await wire.call("GET", "/fapi/v1/forceOrders", autoCloseType="ADL")).body == []
    assert await order(wire, "swept") == "EXPIRED"
    listed = {row["orderId"] for row in (await wire.call("GET", "/fapi/v1/allOrders", **BTC)).body}
    assert {row["orderId"] for row in forced} <= listed
    pages = [(await wire.call("GET", "/fapi/v1/income", limit=1000, page=page)).body for page in (1, 2, 3)]
    income = [row for page in pages for row in page]
    assert {"INSURANCE_CLEAR", "REALIZED_PNL", "COMMISSION"} <= {row["incomeType"] for row in income}
    wallet = (await wire.call("GET", "/fapi/v3/account")).body["totalWalletBalance"]
    assert float(wallet) == pytest.approx(10_000 + sum(float(row["income"]) for row in income), abs=1e-6)
