"""Every endpoint over the wire against what is documented of it: fields and their types, weight, counts, security."""

from datetime import timedelta
from typing import Any

import pytest

from canary_cli.core.model import PositionSide
from canary_cli.paper.liquidation import deleverage
from canary_cli.paper.rest import ENDPOINTS
from canary_cli.paper.server import Server
from tests.paper import documented as d
from tests.paper.conftest import START
from tests.paper.wire import KEY, Reply, Wire

ROWS = [*d.MARKET, *d.ACCOUNT, *d.CONFIGURING, *d.TRADING]
PRICED = ("POST /fapi/v1/order", "POST /fapi/v1/order/test", "PUT /fapi/v1/order", "POST /fapi/v1/algoOrder")


@pytest.fixture
async def lived(wire: Wire, server: Server) -> Wire:
    """An account with a little of everything: positions, orders, a stop that fired, a forced order, income."""
    venue = server.venue
    await wire.call("POST", "/fapi/v1/marginType", symbol="BNBUSDT", marginType="ISOLATED")
    for symbol in ("BTCUSDT", "BNBUSDT"):
        await wire.market("0.1", symbol=symbol)
    await wire.market("0.1", symbol="ETHUSDT")
    deleverage(venue.engine.state, "ETHUSDT", PositionSide.BOTH)
    await wire.limit(wire.near("0.97"), newClientOrderId="resting")
    await wire.limit(wire.near("0.96"))
    await wire.algo(closePosition="true", triggerPrice=wire.near("0.9"), clientAlgoId="guard")
    await wire.algo(quantity="0.1", triggerPrice=wire.near("0.9"))
    stop = wire.near("0.9999", "ETHUSDT")
    await wire.algo(symbol="ETHUSDT", quantity="1", triggerPrice=stop)
    venue.clock = type(venue.clock)(START + timedelta(minutes=3), venue.clock.wall(), 0.0)  # type: ignore[call-arg]
    venue.run()
    return wire


async def asked(wire: Wire, row: d.Row) -> Reply:
    if row.security in ("USER_DATA", "TRADE"):
        return await wire.call(row.method, row.path, **row.params)
    query = "&".join(f"{name}={value}" for name, value in row.params.items())
    return await wire.raw(row.method, f"{row.path}?{query}", {"X-MBX-APIKEY": KEY})


async def found_wrong(wire: Wire, row: d.Row) -> list[str]:
    limits = wire.server.venue.limits
    limits.visitors.clear()
    before = (limits.orders_10s.used, limits.orders_1m.used)
    reply = await asked(wire, row)
    wrong = list(d.differences(reply.body, row.shape))
    if reply.status != 200 or reply.headers["X-MBX-USED-WEIGHT-1M"] != str(row.weight):
        wrong.append(f"status {reply.status}, weight {reply.headers['X-MBX-USED-WEIGHT-1M']} for {row.weight}")
    if (limits.orders_10s.used - before[0], limits.orders_1m.used - before[1]) != row.counts:
        wrong.append("counts other orders")
    return [f"{row.target} {dict(row.params)}: {one}" for one in wrong]


@pytest.mark.parametrize("rows", [d.MARKET, d.ACCOUNT, d.TRADING], ids=["market", "account", "trading"])
async def test_each_reply_has_the_documented_fields_and_weight(lived: Wire, rows: list[d.Row]) -> None:
    assert [one for row in rows for one in await found_wrong(lived, row)] == []


async def test_modes_are_changed_on_an_idle_account(wire: Wire) -> None:
    await wire.call("POST", "/fapi/v1/marginType", symbol="BNBUSDT", marginType="ISOLATED")
    assert [one for row in d.CONFIGURING for one in await found_wrong(wire, row)] == []


@pytest.mark.parametrize(
    ("response", "executed", "status"), [("ACK", "0", "NEW"), ("RESULT", "0.01", "FILLED"), (None, "0", "NEW")]
)
async def test_a_placed_order_answers_as_asked(wire: Wire, response: str | None, executed: str, status: str) -> None:
    more: dict[str, Any] = {"newOrderRespType": response} if response else {}
    reply = await wire.market(**more)
    assert list(d.differences(reply.body, d.PLACED)) == []
    assert (reply.body["executedQty"], reply.body["cumQty"], reply.body["status"]) == (executed, executed, status)
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "0"
    assert (reply.headers["X-MBX-ORDER-COUNT-10S"], reply.headers["X-MBX-ORDER-COUNT-1M"]) == ("1", "1")


async def test_amended_conditional_and_batched_orders_have_their_shapes(wire: Wire) -> None:
    first = (await wire.limit(wire.near("0.97"))).body
    order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.02", "price": first["price"]}
    amended = (await wire.call("PUT", "/fapi/v1/order", orderId=first["orderId"], **order)).body
    stop = (await wire.algo(quantity="0.01", triggerPrice=wire.near("0.9"))).body
    trailing = (await wire.algo(type="TRAILING_STOP_MARKET", quantity="0.01", callbackRate="20")).body
    for body, shape in ((amended, d.AMENDED), (stop, d.ALGO_PLACED), (trailing, d.ALGO_PLACED)):
        assert list(d.differences(body, shape)) == []
    assert (stop["callbackRate"], trailing["callbackRate"], amended["orderId"]) == ("", "20", first["orderId"])


async def test_a_trailing_stop_that_fired_shows_its_rate(wire: Wire, server: Server) -> None:
    venue = server.venue
    await wire.market()
    await wire.algo(type="TRAILING_STOP_MARKET", quantity="0.01", callbackRate="0.1", clientAlgoId="trail")
    venue.clock = type(venue.clock)(START + timedelta(hours=1), venue.clock.wall(), 0.0)  # type: ignore[call-arg]
    venue.run()
    order = (await wire.call("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="trail")).body
    assert list(d.differences(order, d.QUERIED | d.strings("activatePrice", "priceRate"))) == []
    assert (order["origType"], order["type"], order["priceRate"]) == ("TRAILING_STOP_MARKET", "MARKET", "0.1")


@pytest.mark.parametrize("security", ["MARKET_DATA", "USER_STREAM", "USER_DATA", "TRADE"])
async def test_each_security_type_asks_for_what_it_needs(wire: Wire, security: str) -> None:
    signs = security in ("USER_DATA", "TRADE")
    for row in [one for one in ROWS if one.security == security]:
        assert (await wire.raw(row.method, row.path)).code == -2014
        if signs:
            reply = await wire.raw(row.method, row.path, {"X-MBX-APIKEY": KEY})
            assert (reply.code, "'signature'" in reply.body["msg"]) == (-1102, True)


def test_no_endpoint_is_left_out() -> None:
    told = {(row.method, row.path): row.security for row in ROWS}
    for target in PRICED:
        method, _, path = target.partition(" ")
        told[method, path] = "TRADE"
    assert {key: endpoint.security.value for key, endpoint in ENDPOINTS.items()} == told


NASTY = (
    "",
    "0",
    "-1",
    "1e9",
    "NaN",
    "true",
    "9" * 20,
    "0.000000000000000001",
    "[]",
    "[1]",
    "{}",
    "UP",
    "%00",
    "é",
    "a" * 500,
)
NAMES = {name for row in ROWS for name in row.params} | {
    "side", "type", "quantity", "price", "positionSide", "reduceOnly", "timeInForce", "priceMatch", "orderId",
    "origClientOrderId", "goodTillDate", "startTime", "endTime", "fromId", "page", "incomeType", "recvWindow",
    "triggerPrice", "closePosition", "callbackRate", "activatePrice", "algoId", "algoType", "newClientOrderId",
}  # fmt: skip


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
async def test_no_parameter_brings_an_endpoint_down(wire: Wire, value: str) -> None:
    """Each parameter in turn is nonsense, beside those that the endpoint needs."""
    wire.server.venue.limits.enforced = False
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    targets = {row.target: row.params for row in ROWS} | dict.fromkeys(PRICED, order)
    for target, params in targets.items():
        method, _, path = target.partition(" ")
        for name in (NAMES & params.keys()) | {wire.server.venue.rng.choice(sorted(NAMES))}:
            reply = await wire.call(method, path, **{**params, name: value})
            assert reply.status in (200, 400), f"{target} {name}={value}: {reply}"
