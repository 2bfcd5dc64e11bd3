"""The same cases through every client: what it gets has the documented shape, and a refusal its code."""

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.conftest import Desk
from tests.contract.desks import Refused
from tests.paper import documented as d


def wrong(reply: object, shape: d.Shape) -> list[str]:
    return list(d.differences(reply, shape))


async def near(desk: Desk, share: str) -> str:
    """A price on the tick, as a share of the mark."""
    mark = Decimal((await desk.mark())["markPrice"])
    return f"{(mark * Decimal(share)).quantize(Decimal('0.1')):f}"


async def limit(desk: Desk, share: str = "0.97", **more: Any) -> Any:
    price = await near(desk, share)
    order = {"type": "LIMIT", "side": "BUY", "timeInForce": "GTC", "quantity": "0.01", "price": price}
    return await desk.place(**(order | more))


async def stop(desk: Desk, share: str = "0.9", **more: Any) -> Any:
    size = {} if "closePosition" in more else {"quantity": "0.01"}
    return await desk.stop(type="STOP_MARKET", side="SELL", stopPrice=await near(desk, share), **size, **more)


async def test_a_market_order_opens_and_a_reduce_only_one_closes(desk: Desk) -> None:
    bought = await desk.place(type="MARKET", side="BUY", quantity="0.01")
    assert wrong(bought, d.PLACED) == []
    assert (bought["status"], bought["cumQty"], bought["executedQty"]) == ("FILLED", "0.01", "0.01")
    (held,) = await desk.positions()
    assert wrong(held, d.RISK_V3) == []
    assert Decimal(held["positionAmt"]) == Decimal("0.01")
    sold = await desk.place(type="MARKET", side="SELL", quantity="0.01", reduceOnly="true")
    assert (sold["status"], sold["reduceOnly"]) == ("FILLED", True)
    assert [row for row in await desk.positions() if Decimal(row["positionAmt"])] == []


async def test_a_limit_order_rests_is_found_amended_and_cancelled(desk: Desk) -> None:
    order = await limit(desk)
    assert wrong(order, d.PLACED) == []
    assert [row["orderId"] for row in await desk.open_orders()] == [order["orderId"]]
    assert wrong(await desk.order(order["orderId"]), d.QUERIED) == []
    amended = await desk.amend(order, "0.02", order["price"])
    assert wrong(amended, d.AMENDED) == []
    assert (Decimal(amended["origQty"]), amended["orderId"]) == (Decimal("0.02"), order["orderId"])
    gone = await desk.cancel(order["orderId"])
    assert wrong(gone, d.PLACED) == []
    assert gone["status"] == "CANCELED"
    assert await desk.open_orders() == []
    assert (await desk.order(order["orderId"]))["status"] == "CANCELED"
    assert wrong(await desk.orders(), [d.LISTED]) == []


async def test_an_order_that_takes_nothing_now_expires_as_asked(desk: Desk) -> None:
    expired = await limit(desk, "0.99", timeInForce="IOC")
    assert (expired["status"], Decimal(expired["executedQty"])) == ("EXPIRED", 0)


async def test_a_batch_answers_row_by_row(desk: Desk) -> None:
    price = await near(desk, "0.97")
    good = {"type": "LIMIT", "side": "BUY", "timeInForce": "GTC", "quantity": "0.01", "price": price}
    closing = {"type": "MARKET", "side": "SELL", "quantity": "0.01", "reduceOnly": "true"}
    refused, taken = sorted(await desk.batch(good, closing), key=lambda row: "status" in row)
    assert (wrong(taken, d.PLACED), wrong(refused, d.PROBLEM)) == ([], [])
    assert (taken["status"], refused["code"]) == ("NEW", -2022)
    await desk.cancel_every()
    assert await desk.open_orders() == []


async def test_a_stop_lives_in_its_own_store(desk: Desk) -> None:
    placed = await stop(desk)
    assert wrong(placed, d.ALGO_PLACED) == []
    assert await desk.open_orders() == []
    (resting,) = await desk.open_stops()
    assert wrong(resting, d.ALGO_QUERIED) == []
    assert (resting["algoId"], resting["actualOrderId"], resting["algoStatus"]) == (placed["algoId"], "", "NEW")
    await desk.cancel_every()
    assert len(await desk.open_stops()) == 1
    gone = await desk.cancel_stop(placed["algoId"])
    assert wrong(gone, d.ALGO_CANCELLED) == []
    assert await desk.open_stops() == []
    assert (await desk.stops())[-1]["algoStatus"] == "CANCELED"


async def test_a_stop_of_the_whole_position_needs_no_quantity(desk: Desk) -> None:
    placed = await stop(desk, closePosition=True)
    assert (placed["closePosition"], Decimal(placed["quantity"])) == (True, 0)


async def test_every_other_conditional_type_is_taken_too(desk: Desk) -> None:
    """Below the market a sell stops a loss, above it takes a profit; the limit ones name the price they become."""
    below, above = await near(desk, "0.95"), await near(desk, "1.04")
    wanted = [
        {"type": "STOP", "stopPrice": below, "price": below, "timeInForce": "GTC"},
        {"type": "TAKE_PROFIT", "stopPrice": above, "price": above, "timeInForce": "GTC"},
        {"type": "TAKE_PROFIT_MARKET", "stopPrice": above, "workingType": "MARK_PRICE", "priceProtect": "TRUE"},
    ]
    for order in wanted:
        placed = await desk.stop(side="SELL", quantity="0.01", **order)
        assert wrong(placed, d.ALGO_PLACED) == []
        assert (placed["orderType"], Decimal(placed["triggerPrice"])) == (order["type"], Decimal(order["stopPrice"]))
    assert {row["orderType"] for row in await desk.open_stops()} == {order["type"] for order in wanted}
    await desk.cancel_every_stop()
    assert await desk.open_stops() == []


async def test_account_trades_fees_and_income_have_their_shapes(desk: Desk) -> None:
    await desk.place(type="MARKET", side="BUY", quantity="0.01")
    assert wrong(await desk.account(), d.ACCOUNT_V3) == []
    assert wrong(await desk.trades(), [d.TRADE]) == []
    assert wrong(await desk.income(), [d.INCOME]) == []
    assert (
        wrong(await desk.fees(), d.strings("symbol", "makerCommissionRate", "takerCommissionRate", "rpiCommissionRate"))
        == []
    )


async def test_leverage_margin_type_and_position_mode_change_and_change_back(desk: Desk) -> None:
    assert (await desk.set_leverage(7))["leverage"] == 7
    for kind in ("ISOLATED", "CROSSED"):
        assert (await desk.set_margin_type(kind))["code"] == 200
    assert (await desk.set_hedge(True))["code"] == 200
    opened = await desk.place(type="MARKET", side="SELL", quantity="0.01", positionSide="SHORT")
    assert opened["positionSide"] == "SHORT"
    (short,) = [row for row in await desk.positions() if Decimal(row["positionAmt"])]
    assert (short["positionSide"], Decimal(short["positionAmt"])) == ("SHORT", Decimal("-0.01"))


async def test_the_market_has_its_shapes(desk: Desk) -> None:
    assert wrong(await desk.klines(), [d.KLINE]) == []
    assert wrong(await desk.exchange_info(), d.EXCHANGE_INFO) == []
    book = await desk.book()
    assert wrong(book, d.DEPTH) == []
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])


REFUSALS = {
    -2011: lambda desk: desk.cancel(1),
    -2013: lambda desk: desk.order(1),
    -2019: lambda desk: desk.place(type="MARKET", side="BUY", quantity="50"),
    -2021: lambda desk: stop(desk, "1.02"),
    -2022: lambda desk: desk.place(type="MARKET", side="SELL", quantity="0.01", reduceOnly="true"),
    -4016: lambda desk: limit(desk, "1.06"),
    -4024: lambda desk: limit(desk, "0.94", side="SELL"),
    -4061: lambda desk: desk.place(type="MARKET", side="BUY", quantity="0.01", positionSide="LONG"),
    -4164: lambda desk: limit(desk, "0.5", quantity="0.001"),
    -5021: lambda desk: limit(desk, "0.99", timeInForce="FOK"),
    -5022: lambda desk: limit(desk, "1.01", timeInForce="GTX"),
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refusal_reaches_the_caller_with_its_code(desk: Desk, code: int) -> None:
    with pytest.raises(Refused) as refused:
        await REFUSALS[code](desk)
    assert refused.value.code == code
