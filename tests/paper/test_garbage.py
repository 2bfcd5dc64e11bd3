"""Garbage gets an answer in the exchange's shape: never a traceback, never a hang."""

import asyncio

import pytest

from tests.paper.wire import KEY, Wire

FORM = {"X-MBX-APIKEY": KEY, "Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("PATCH", "/fapi/v1/order", b"", 405),
        ("GET", "/fapi/v1/depth?symbol=%ff%fe", None, 400),
        ("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=many", None, 400),
        ("GET", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=99999999999999999999", None, 400),
        ("POST", "/fapi/v1/order", b'{"symbol": "BTCUSDT"}', 400),
        ("POST", "/fapi/v1/order", b"\x00\xff\xfe" * 100, 400),
        ("POST", "/fapi/v1/order", b"a=1&" * 1000, 400),
        ("POST", "/fapi/v1/order", b"x" * 300_000, 413),
        ("GET", "/fapi/v1/../../etc/passwd", None, 404),
    ],
)
async def test_requests_that_make_no_sense(
    wire: Wire, method: str, target: str, body: bytes | None, status: int
) -> None:
    reply = await wire.raw(method, target, FORM, body)
    assert reply.status == status
    assert set(reply.body) == {"code", "msg"}
    assert reply.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize(
    "raw", ["{", "[]", '"x"', '{"method": "HOPE", "id": "a"}', '{"method": "SUBSCRIBE", "params": 5}']
)
async def test_frames_that_make_no_sense(wire: Wire, raw: str) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/public/ws")
    await ws.send_str(raw)
    reply = (await asyncio.wait_for(ws.receive(), 3)).json()
    assert {"code", "msg"} <= set(reply)
    await ws.close()
    api = await wire.http.ws_connect(f"{wire.base}/ws-fapi/v1")
    await api.send_str(raw)
    reply = (await asyncio.wait_for(api.receive(), 3)).json()
    assert reply["status"] == 400


async def test_subscribe_frames_echo_any_id_and_set_properties(wire: Wire) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/market/stream")
    for sent, expected in [
        ({"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": "uuid"}, {"result": None, "id": "uuid"}),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 3}, {"result": ["btcusdt@kline_1m"], "id": 3}),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": 4}, {"result": True, "id": 4}),
        ({"method": "SET_PROPERTY", "params": ["combined", False], "id": 5}, {"result": None, "id": 5}),
        ({"method": "UNSUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 6}, {"result": None, "id": 6}),
    ]:
        await ws.send_json(sent)
        while "id" not in (reply := (await asyncio.wait_for(ws.receive(), 3)).json()):
            pass
        assert reply == expected


async def test_the_weight_limit_answers_429_then_bans(wire: Wire) -> None:
    statuses = []
    for _ in range(75):
        statuses.append((await wire.raw("GET", "/fapi/v1/ticker/24hr?symbol=BTCUSDT")).status)
        wire.server.venue.limits.visitors["127.0.0.1"].weight.used += 39
    assert statuses[0] == 200
    assert statuses.index(429) < statuses.index(418)


async def test_the_order_limit_answers_1015(wire: Wire) -> None:
    wire.server.venue.limits.orders_10s.limit = 3
    codes = [(await wire.limit(wire.near("0.97"))).body.get("code") for _ in range(5)]
    assert codes[-1] == -1015


async def test_weights_and_counts_are_in_the_headers(wire: Wire) -> None:
    await wire.call("GET", "/fapi/v2/account")
    reply = await wire.limit(wire.near("0.97"))
    assert int(reply.headers["X-MBX-USED-WEIGHT-1M"]) == 5
    assert reply.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert reply.headers["X-MBX-ORDER-COUNT-1M"] == "1"
