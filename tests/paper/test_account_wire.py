"""Account and settings over the wire: fields, modes, and what refuses to change."""

from datetime import timedelta

import pytest

from tests.paper.wire import SECRET, Wire

READINGS = [
    ("/fapi/v2/account", {"feeTier", "canTrade", "totalWalletBalance", "assets", "positions"}),
    ("/fapi/v3/account", {"totalMarginBalance", "availableBalance", "assets", "positions"}),
    ("/fapi/v1/accountConfig", {"dualSidePosition", "multiAssetsMargin", "tradeGroupId"}),
    ("/fapi/v1/positionSide/dual", {"dualSidePosition"}),
    ("/fapi/v1/multiAssetsMargin", {"multiAssetsMargin"}),
    ("/fapi/v1/feeBurn", {"feeBurn"}),
    ("/fapi/v1/apiTradingStatus", {"indicators", "updateTime"}),
    ("/sapi/v1/account/apiRestrictions", {"enableFutures", "enableWithdrawals", "ipRestrict", "createTime"}),
]


@pytest.mark.parametrize(("path", "fields"), READINGS, ids=[path for path, _ in READINGS])
async def test_each_reading_has_its_fields(wire: Wire, path: str, fields: set[str]) -> None:
    assert fields <= set((await wire.call("GET", path)).body)


async def test_positions_old_and_new(wire: Wire) -> None:
    assert (await wire.call("GET", "/fapi/v3/positionRisk")).body == []
    assert {row["positionSide"] for row in (await wire.call("GET", "/fapi/v2/positionRisk")).body} == {"BOTH"}
    await wire.market(side="SELL")
    new = (await wire.call("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")).body[0]
    old = (await wire.call("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")).body[0]
    assert (new["positionAmt"], new["notional"][0]) == ("-0.01", "-")
    assert "leverage" not in new
    assert (old["leverage"], old["marginType"], old["isAutoAddMargin"]) == ("20", "cross", "false")
    assert float(new["liquidationPrice"]) > float(new["markPrice"])


async def test_isolated_margin_moves_in_and_out(wire: Wire) -> None:
    kind = {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
    assert (await wire.call("POST", "/fapi/v1/marginType", **kind)).body == {"code": 200, "msg": "success"}
    assert (await wire.call("POST", "/fapi/v1/marginType", **kind)).code == -4046
    await wire.market()
    before = (await wire.call("GET", "/fapi/v3/positionRisk")).body[0]
    added = await wire.call("POST", "/fapi/v1/positionMargin", symbol="BTCUSDT", amount="100", type=1)
    assert added.body["msg"] == "Successfully modify position margin."
    after = (await wire.call("GET", "/fapi/v3/positionRisk")).body[0]
    assert float(after["isolatedWallet"]) == pytest.approx(float(before["isolatedWallet"]) + 100)
    assert float(after["liquidationPrice"]) < float(before["liquidationPrice"])
    too_much = await wire.call("POST", "/fapi/v1/positionMargin", symbol="BTCUSDT", amount="5000", type=2)
    assert too_much.code == -4051
    assert (await wire.call("POST", "/fapi/v1/marginType", **(kind | {"marginType": "CROSSED"}))).code == -4048


async def test_modes_refuse_to_change_over_open_things(wire: Wire) -> None:
    dual = "/fapi/v1/positionSide/dual"
    assert (await wire.call("POST", dual, dualSidePosition="false")).code == -4059
    await wire.limit(wire.near("0.97"))
    assert (await wire.call("POST", dual, dualSidePosition="true")).code == -4067
    assert (await wire.call("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")).code == -4047
    await wire.call("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    await wire.market()
    assert (await wire.call("POST", dual, dualSidePosition="true")).code == -4068
    assert (await wire.call("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="false")).code == -4171


async def test_trades_income_and_orders_are_paged(wire: Wire) -> None:
    for _ in range(3):
        await wire.market()
    symbol = {"symbol": "BTCUSDT"}
    trades = (await wire.call("GET", "/fapi/v1/userTrades", **symbol)).body
    newest = (await wire.call("GET", "/fapi/v1/userTrades", **symbol, limit=1)).body
    after = (await wire.call("GET", "/fapi/v1/userTrades", **symbol, fromId=trades[1]["id"])).body
    assert newest == trades[-1:]
    assert after == trades[1:]
    oldest = await wire.call("GET", "/fapi/v1/userTrades", **symbol, startTime=trades[0]["time"], limit=1)
    assert oldest.body == trades[:1]
    income = (await wire.call("GET", "/fapi/v1/income", incomeType="COMMISSION", limit=2)).body
    second = (await wire.call("GET", "/fapi/v1/income", incomeType="COMMISSION", limit=2, page=2)).body
    assert (len(income), len(second)) == (2, 1)
    assert len({row["tranId"] for row in income + second}) == 3
    week = {"startTime": 1, "endTime": 10**12}
    assert (await wire.call("GET", "/fapi/v1/allOrders", **symbol, **week)).code == -4165


async def test_a_key_that_may_not_trade_may_read(wire: Wire) -> None:

    await wire.admin("POST", "account", key={"name": "q" * 64, "secret": SECRET, "can_trade": False})
    headers = {"X-MBX-APIKEY": "q" * 64}
    assert (await wire.raw("GET", f"/fapi/v2/account?{wire.query()}", headers)).status == 200
    text = wire.query(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    assert (await wire.raw("POST", f"/fapi/v1/order?{text}", headers)).code == -2015


async def test_order_test_judges_and_places_nothing(wire: Wire) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    judged = (await wire.call("POST", "/fapi/v1/order/test", **order, quantity="0.01")).body
    assert (judged["orderId"], judged["status"], judged["origQty"]) == (0, "NEW", "0.01")
    assert (await wire.call("POST", "/fapi/v1/order/test", **order, quantity="0")).code == -4003
    assert (await wire.call("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")).body == []


async def test_price_match_takes_its_price_from_the_book(wire: Wire) -> None:
    order = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    queued = (await wire.order(**order, priceMatch="QUEUE_5", newOrderRespType="RESULT")).body
    assert (queued["priceMatch"], queued["status"]) == ("QUEUE_5", "NEW")
    assert float(queued["price"]) > 0
    assert (await wire.order(**order, priceMatch="OPPONENT_20")).code == -5037
    assert (await wire.order(**order, priceMatch="QUEUE", price=queued["price"])).code == -5038


async def test_income_goes_back_seven_days_unasked_and_three_months_at_most(wire: Wire) -> None:
    await wire.market()
    state = wire.server.venue.engine.state
    paid = state.income[-1].time
    beginning, then = {"startTime": 1}, {"endTime": int((paid + timedelta(days=6)).timestamp() * 1000)}
    counts = []
    for days in (6, 8, 91, 93):
        state.now = paid + timedelta(days=days)
        replies = [await wire.call("GET", "/fapi/v1/income", **window) for window in ({}, then, beginning)]
        counts.append([len(reply.body) for reply in replies])
    assert counts == [[1, 1, 1], [0, 1, 1], [0, 1, 1], [0, 0, 0]]
