"""Whatever is sent to whatever endpoint, an answer in the exchange's shape comes back, and none says that we broke."""

import asyncio
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_cli.paper.rest import ENDPOINTS
from canary_cli.paper.server import start
from tests.paper.conftest import new_engine, new_venue
from tests.paper.wire import KEY, Reply, Wire, signed

NAMES = [
    "symbol",
    "side",
    "type",
    "quantity",
    "price",
    "triggerPrice",
    "timeInForce",
    "positionSide",
    "reduceOnly",
    "closePosition",
    "newClientOrderId",
    "orderId",
    "origClientOrderId",
    "algoId",
    "clientAlgoId",
    "algoType",
    "callbackRate",
    "activatePrice",
    "workingType",
    "priceMatch",
    "goodTillDate",
    "selfTradePreventionMode",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "interval",
    "pair",
    "contractType",
    "leverage",
    "marginType",
    "amount",
    "countdownTime",
    "batchOrders",
    "orderIdList",
    "origClientOrderIdList",
    "listenKey",
    "recvWindow",
    "dualSidePosition",
    "multiAssetsMargin",
    "feeBurn",
    "incomeType",
    "page",
    "newOrderRespType",
    "priceProtect",
]
VALUES = st.one_of(
    st.sampled_from([
        "BTCUSDT", "ETHUSDT", "NOPEUSDT", "BUY", "SELL", "LIMIT", "MARKET", "STOP_MARKET", "TRAILING_STOP_MARKET",
        "CONDITIONAL", "GTC", "GTD", "LONG", "BOTH", "true", "false", "1m", "1M", "PERPETUAL", "CROSSED", "QUEUE_5",
        "0", "1", "-1", "0.01", "100000", "1e5", "1e999999", "-0", "NaN", "Infinity", "99999999999999999999", "1_000",
        "１２", "[]", "{}", "[1]", '[{"symbol":1}]', '[[]]', "null", "", " ", "%", "\x00", "ß", "'; DROP", "../..",
    ]),
    st.text(max_size=12),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)  # fmt: skip
CHANGES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "90000",
}
STOP = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01"}
SOUND = st.sampled_from([
    (("POST", "/fapi/v1/order"), LIMIT),
    (("POST", "/fapi/v1/order"), {**LIMIT, "timeInForce": "GTD", "goodTillDate": "1900000000000"}),
    (("POST", "/fapi/v1/algoOrder"), {**STOP, "triggerPrice": "90000"}),
    (("POST", "/fapi/v1/algoOrder"), {**STOP, "type": "TRAILING_STOP_MARKET", "callbackRate": "1"}),
    (("PUT", "/fapi/v1/order"), {**LIMIT, "origClientOrderId": "x"}),
    (("GET", "/fapi/v1/klines"), {"symbol": "BTCUSDT", "interval": "1m", "limit": "5"}),
    (("GET", "/fapi/v1/userTrades"), {"symbol": "BTCUSDT"}),
    (("GET", "/fapi/v1/income"), {"limit": "5"}),
])  # fmt: skip
FEW = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2)
# anything to any endpoint, or a sound request with one or two parameters of another kind
REQUESTS = st.one_of(
    st.tuples(st.sampled_from(sorted(ENDPOINTS)), CHANGES, st.booleans()),
    st.tuples(SOUND, FEW, st.booleans()).map(lambda drawn: (drawn[0][0], drawn[0][1] | drawn[1], drawn[2])),
)
Request = tuple[tuple[str, str], dict[str, str], bool]


async def ask(wire: Wire, method: str, path: str, params: dict[str, str], *, in_body: bool) -> Reply:
    timed = {"timestamp": str(wire.server.venue.wall_ms())} | params
    text = "&".join(f"{name}={quote_plus(value, errors='replace')}" for name, value in timed.items())
    text += f"&signature={signed(text)}"
    headers = {"X-MBX-APIKEY": KEY, "Content-Type": "application/x-www-form-urlencoded"}
    if in_body and method != "GET":
        return await wire.raw(method, path, headers, text.encode())
    return await wire.raw(method, f"{path}?{text}", headers)


async def play(requests: list[Request]) -> None:
    server = await start(new_venue(new_engine()))
    server.venue.limits.enforced = False
    wire = Wire(server)
    try:
        for (method, path), params, in_body in requests:
            reply = await ask(wire, method, path, params, in_body=in_body)
            assert reply.status == 200 or {"code", "msg"} == set(reply.body), (method, path, params)
            assert reply.status < 500, (method, path, params, reply.body)
        server.venue.run()  # the market may not fall over what was left to it
        assert not server.pulse.done()
    finally:
        await wire.close()
        await server.close()


@given(st.lists(REQUESTS, min_size=20, max_size=40))
@settings(max_examples=8, deadline=None)
def test_no_parameter_breaks_an_endpoint(requests: list[Request]) -> None:
    asyncio.run(play(requests))


@pytest.mark.soak
@given(st.lists(REQUESTS, min_size=20, max_size=80))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_parameter_breaks_an_endpoint_in_ten_thousand_requests(requests: list[Request]) -> None:
    asyncio.run(play(requests))


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain", "nonsense", ""])
async def test_parameters_count_whatever_the_content_type_says(wire: Wire, kind: str) -> None:
    text = f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&timestamp={wire.server.venue.wall_ms()}"
    body = f"{text}&signature={signed(text)}".encode()
    reply = await wire.raw("POST", "/fapi/v1/order", {"X-MBX-APIKEY": KEY, "Content-Type": kind}, body)
    assert reply.status == 200 or {"code", "msg"} == set(reply.body)
