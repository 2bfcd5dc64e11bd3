"""The WebSocket API: the same judgements in its own envelope, signed over sorted parameters."""

import asyncio
from base64 import b64encode
from typing import Any

import pytest
from aiohttp import WSMsgType
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from tests.paper.wire import KEY, Wire, signed


class Api:
    """One connection."""

    def __init__(self, wire: Wire, ws: Any) -> None:
        self.wire, self.ws = wire, ws

    async def ask(self, method: str, number: Any = 1, **params: Any) -> Any:
        await self.ws.send_json({"id": number, "method": method, "params": params})
        return (await asyncio.wait_for(self.ws.receive(), 3)).json()

    async def sign(self, method: str, **params: Any) -> Any:
        whole = params | {"apiKey": KEY, "timestamp": self.wire.server.venue.wall_ms()}
        text = "&".join(f"{name}={whole[name]}" for name in sorted(whole))
        return await self.ask(method, **whole, signature=signed(text))


@pytest.fixture
async def api(wire: Wire) -> Any:
    ws = await wire.http.ws_connect(f"{wire.base}/ws-fapi/v1")
    yield Api(wire, ws)
    await ws.close()


async def test_an_order_is_placed_asked_for_amended_and_cancelled(api: Api) -> None:
    price = str(api.wire.near("0.97"))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    placed = await api.sign("order.place", **order, quantity="0.01", price=price)
    assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
    assert {row["rateLimitType"] for row in placed["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS"}
    which = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
    assert (await api.sign("order.status", **which))["result"]["avgPrice"] == "0.00000"
    changed = await api.sign("order.modify", **which, side="BUY", quantity="0.02", price=price)
    assert changed["result"]["origQty"] == "0.02"
    assert (await api.sign("order.cancel", **which))["result"]["status"] == "CANCELED"
    again = await api.sign("order.cancel", **which)
    assert (again["status"], again["error"]["code"]) == (400, -2011)


async def test_conditional_orders_and_account(api: Api) -> None:
    stop = await api.sign(
        "algoOrder.place", algoType="CONDITIONAL", symbol="BTCUSDT", side="SELL", type="STOP_MARKET",
        closePosition=True, triggerPrice=str(api.wire.near("0.9")),
    )  # fmt: skip
    assert stop["result"]["closePosition"] is True
    assert (await api.sign("algoOrder.cancel", algoId=stop["result"]["algoId"]))["result"]["code"] == "200"
    assert (await api.sign("v2/account.balance"))["result"][0]["asset"] == "USDT"
    assert (await api.sign("v2/account.position"))["result"] == []
    assert "canTrade" in (await api.sign("account.status"))["result"]


async def test_market_data_and_listen_keys_need_no_signature(api: Api) -> None:
    assert (await api.ask("ticker.price", "any-id", symbol="BTCUSDT"))["id"] == "any-id"
    assert len((await api.ask("depth", symbol="BTCUSDT", limit=5))["result"]["bids"]) == 5
    key = (await api.ask("userDataStream.start", apiKey=KEY))["result"]["listenKey"]
    assert (await api.ask("userDataStream.ping", apiKey=KEY))["result"]["listenKey"] == key


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("order.place", {"apiKey": "x" * 64, "timestamp": 1}, -2015),
        ("order.place", {"apiKey": KEY, "timestamp": 1, "signature": "0"}, -1021),
        ("hope", {}, -1000),
        ("session.logon", {"apiKey": KEY, "timestamp": 1, "signature": "0"}, -4056),
    ],
)
async def test_refusals_come_in_the_envelope(api: Api, method: str, params: dict[str, Any], code: int) -> None:
    reply = await api.ask(method, **params)
    assert reply["error"]["code"] == code
    assert reply["id"] == 1


async def logged_on(api: Api, name: str) -> int:
    """The time of a log-on with a new Ed25519 key of that name."""
    curve = ECC.generate(curve="ed25519")
    await api.wire.admin(
        "POST", "account", key={"name": name, "public_pem": curve.public_key().export_key(format="PEM")}
    )
    time: int = api.wire.server.venue.wall_ms()
    signature = b64encode(eddsa.new(curve, "rfc8032").sign(f"apiKey={name}&timestamp={time}".encode())).decode()
    logged = await api.ask("session.logon", apiKey=name, timestamp=time, signature=signature)
    assert logged["result"]["apiKey"] == name
    return time


async def test_a_session_logs_on_with_ed25519_and_needs_no_signature_after(api: Api) -> None:
    time = await logged_on(api, "e" * 64)
    assert (await api.ask("account.balance", timestamp=time))["status"] == 200
    assert (await api.ask("session.logout"))["result"]["apiKey"] is None
    assert (await api.ask("account.balance", timestamp=time))["error"]["code"] == -2014


async def test_a_key_that_may_not_trade_only_asks(api: Api) -> None:
    name, secret = "r" * 64, "of who only reads"
    await api.wire.admin("POST", "account", key={"name": name, "secret": secret, "can_trade": False})

    async def told(method: str, **params: Any) -> Any:
        whole = params | {"apiKey": name, "timestamp": api.wire.server.venue.wall_ms()}
        text = "&".join(f"{one}={whole[one]}" for one in sorted(whole))
        return await api.ask(method, **whole, signature=signed(text, secret))

    assert (await told("account.balance"))["status"] == 200
    refused = await told("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    assert (refused["status"], refused["error"]["code"]) == (401, -2015)


async def test_a_session_ends_with_its_key(api: Api) -> None:
    time = await logged_on(api, "e" * 64)
    await api.wire.admin("POST", "account", revoke="e" * 64)
    assert (await api.ask("account.balance", timestamp=time))["error"]["code"] == -2015


async def test_limits_are_told_with_every_reply_and_refuse_in_the_envelope(api: Api) -> None:
    limits = api.wire.server.venue.limits
    first = await api.ask("ticker.price", symbol="BTCUSDT")
    counts = {(row["rateLimitType"], row["interval"]): row["count"] for row in first["rateLimits"]}
    assert counts == {("REQUEST_WEIGHT", "MINUTE"): 6, ("ORDERS", "MINUTE"): 0, ("ORDERS", "SECOND"): 0}
    limits.orders_10s.limit = 0
    refused = await api.sign("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    assert (refused["status"], refused["error"]["code"]) == (429, -1015)
    limits.visitor("127.0.0.1").weight.used = 2400
    statuses = [(await api.ask("ticker.price", symbol="BTCUSDT"))["status"] for _ in range(12)]
    assert (statuses[0], statuses[-1]) == (429, 418)


async def test_a_session_says_how_long_it_lasts(api: Api) -> None:
    before = await api.ask("session.status")
    assert before["result"]["connectedSince"] > 0
    assert (before["result"]["apiKey"], before["result"]["authorizedSince"]) == (None, None)


async def test_who_pings_too_often_is_closed(wire: Wire) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/ws-fapi/v1")
    for _ in range(12):
        await ws.ping()
    closed = await asyncio.wait_for(ws.receive(), 10)
    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1008)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"params": []}', '{"method": 5}', '{"id": {}, "method": "hope"}', '"\\ud800"']
)
async def test_frames_that_mean_nothing_are_refused_and_the_connection_stays(api: Api, text: str) -> None:
    await api.ws.send_str(text)
    reply = (await asyncio.wait_for(api.ws.receive(), 10)).json()
    assert reply["status"] == 400
    assert set(reply["error"]) == {"code", "msg"}
    assert (await api.ask("ping"))["result"] == {}


@pytest.mark.parametrize("limit", ["many", 5.5, [1], {}, "9" * 5000, 1e3])
async def test_values_that_mean_nothing_are_refused_and_the_connection_stays(api: Api, limit: Any) -> None:
    assert (await api.ask("depth", symbol="BTCUSDT", limit=limit))["status"] == 400
    assert (await api.ask("ping"))["result"] == {}


async def test_a_refusal_says_of_which_request_it_is(api: Api) -> None:
    """A client that finds no id in a reply cannot tell whom to wake."""
    await api.ws.send_json({"id": "mine", "method": "depth", "params": None})
    reply = (await asyncio.wait_for(api.ws.receive(), 10)).json()
    assert (reply["id"], reply["status"]) == ("mine", 400)


async def test_rate_limits_are_left_out_where_asked(wire: Wire) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/ws-fapi/v1?returnRateLimits=false")
    assert "rateLimits" not in await Api(wire, ws).ask("ticker.price", symbol="BTCUSDT")
