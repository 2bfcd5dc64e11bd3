"""Every fault, switched on at run time and seen by a client as described."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import aiohttp
import pytest

from canary_cli.paper.faults import KINDS, BadFault, Faults
from canary_cli.paper.scenario import load
from canary_cli.paper.server import Server
from tests.paper.conftest import START
from tests.paper.wire import KEY, Wire


async def hear(ws: Any, seconds: float = 3.0) -> Any:
    return await asyncio.wait_for(ws.receive(), seconds)


async def user_socket(wire: Wire) -> Any:
    key = (await wire.raw("POST", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).body["listenKey"]
    return await wire.http.ws_connect(f"{wire.base}/private/ws?listenKey={key}")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "reject", "code": -2010, "msg": "New order rejected."}, 400, -2010),
        ({"kind": "error", "wording": "unknown"}, 503, -1000),
        ({"kind": "error", "wording": "unavailable"}, 503, -1001),
        ({"kind": "error", "wording": "internal"}, 503, -1001),
        ({"kind": "error", "wording": "timeout"}, 408, -1007),
        ({"kind": "error", "code": -2015, "status": 401, "msg": "no"}, 401, -2015),
        ({"kind": "throttle"}, 503, -1008),
        ({"kind": "rate_limit", "retry_after": 7}, 429, -1003),
        ({"kind": "ban", "seconds": 60}, 418, -1003),
    ],
)
async def test_requests_fail_in_each_wording_and_nothing_is_executed(
    wire: Wire, server: Server, fault: dict[str, object], status: int, code: int
) -> None:
    await wire.admin("POST", "faults", **fault)
    reply = await wire.market()
    assert (reply.status, reply.code) == (status, code)
    assert not server.venue.engine.state.trades
    if status in (418, 429):
        assert int(reply.headers["Retry-After"]) > 0


async def test_who_is_banned_stays_banned(wire: Wire) -> None:
    await wire.admin("POST", "faults", kind="ban", first=1)
    await wire.market()
    reply = await wire.raw("GET", "/fapi/v1/time")
    assert reply.status == 418
    assert "IP banned until" in reply.body["msg"]


async def test_a_lost_reply_was_executed(wire: Wire, server: Server) -> None:
    await wire.admin("POST", "faults", kind="lost_reply", on="orders", first=1)
    with pytest.raises(aiohttp.ClientError):
        await wire.market(newClientOrderId="lost")
    found = await wire.call("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="lost")
    assert found.body["status"] == "FILLED"


async def test_an_unknown_outcome_was_executed_too(wire: Wire) -> None:
    await wire.admin("POST", "faults", kind="unknown", on="orders", first=1)
    assert (await wire.market(newClientOrderId="perhaps")).status == 503
    found = await wire.call("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="perhaps")
    assert found.body["status"] == "FILLED"


@pytest.mark.parametrize("kind", ["drop", "outage"])
async def test_a_dropped_request_was_not_executed(wire: Wire, server: Server, kind: str) -> None:
    await wire.admin("POST", "faults", kind=kind)
    with pytest.raises(aiohttp.ClientError):
        await wire.market()
    assert not server.venue.engine.state.trades


@pytest.mark.parametrize(
    ("cancel_all", "open_orders"),
    [("/fapi/v1/allOpenOrders", "/fapi/v1/openOrders"), ("/fapi/v1/algoOpenOrders", "/fapi/v1/openAlgoOrders")],
)
async def test_a_cancel_all_is_acknowledged_and_the_order_remains(
    wire: Wire, cancel_all: str, open_orders: str
) -> None:
    await wire.limit(wire.near("0.97"))
    await wire.algo(triggerPrice=wire.near("0.95"), quantity="0.01")
    await wire.admin("POST", "faults", kind="ack_only", first=1)
    for remaining in (1, 0):
        reply = await wire.call("DELETE", cancel_all, symbol="BTCUSDT")
        assert (reply.status, reply.body["code"]) == (200, 200)
        assert len((await wire.call("GET", open_orders, symbol="BTCUSDT")).body) == remaining


async def test_throttling_spares_what_reduces(wire: Wire) -> None:
    await wire.market()
    await wire.admin("POST", "faults", kind="throttle")
    assert (await wire.market(side="SELL", reduceOnly="true")).status == 200


async def test_latency_delays_the_execution(wire: Wire) -> None:
    await wire.admin("POST", "faults", kind="latency", milliseconds=120, on="orders")
    clock = wire.server.venue.clock
    before = clock.monotonic()
    await wire.market()
    assert clock.monotonic() - before >= 0.12


async def test_clock_skew_makes_timestamps_wrong(wire: Wire) -> None:
    now = wire.server.venue.wall_ms()
    await wire.admin("POST", "faults", kind="clock_skew", milliseconds=60_000)
    assert (await wire.call("GET", "/fapi/v2/account", timestamp=now)).code == -1021
    assert (await wire.raw("GET", "/fapi/v1/time")).body["serverTime"] >= now + 60_000


async def test_silence_and_gap_keep_events_from_a_stream(wire: Wire) -> None:
    ws = await user_socket(wire)
    await wire.admin("POST", "faults", kind="silence", on="private")
    await wire.market()
    with pytest.raises(TimeoutError):
        await hear(ws, 0.2)
    await wire.admin("DELETE", "faults")
    await wire.market()
    assert (await hear(ws)).json()["e"] == "ORDER_TRADE_UPDATE"


async def test_duplicates_bursts_and_reordering(wire: Wire) -> None:
    ws = await user_socket(wire)
    await wire.admin("POST", "faults", kind="duplicate", on="private", count=2, first=1)
    await wire.market()
    first, second = (await hear(ws)).data, (await hear(ws)).data
    assert first == second
    for _ in range(3):
        await hear(ws)
    await wire.admin("DELETE", "faults")
    await wire.admin("POST", "faults", kind="reorder", on="private", count=4)
    await wire.market()
    heard = [(await hear(ws)).json() for _ in range(4)]
    assert heard[0]["o"]["X"] == "FILLED"
    assert heard[-1]["o"]["x"] == "NEW"
    await wire.admin("DELETE", "faults")
    await wire.admin("POST", "faults", kind="burst", on="private", count=8)
    await wire.market()
    with pytest.raises(TimeoutError):
        await hear(ws, 0.1)
    await wire.market()
    assert len([await hear(ws) for _ in range(8)]) == 8


async def test_a_close_spares_who_connects_after_it(wire: Wire, server: Server) -> None:
    await wire.admin("POST", "faults", kind="close")
    server.venue.publish()
    ws = await wire.http.ws_connect(f"{wire.base}/public/ws/btcusdt@bookTicker")
    assert (await hear(ws)).type is aiohttp.WSMsgType.TEXT


@pytest.mark.parametrize("code", [1000, 1001, 1006])
async def test_sockets_close_with_the_code_asked_for(wire: Wire, code: int) -> None:
    ws = await user_socket(wire)
    await wire.admin("POST", "faults", kind="close", on="private", close_code=code)
    message = await hear(ws)
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert ws.close_code == code


async def test_a_half_open_socket_answers_nothing(wire: Wire) -> None:
    ws = await user_socket(wire)
    await wire.admin("POST", "faults", kind="half_open", on="private")
    await ws.send_str('{"method": "LIST_SUBSCRIPTIONS", "id": 1}')
    await wire.market()
    with pytest.raises(TimeoutError):
        await hear(ws, 0.2)


async def test_an_expired_listen_key_is_told_and_gone(wire: Wire) -> None:
    ws = await user_socket(wire)
    await wire.admin("POST", "faults", kind="listen_key_expiry")
    assert (await hear(ws)).json()["e"] == "listenKeyExpired"
    assert (await wire.raw("PUT", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).code == -1125
    assert not ws.closed


async def test_a_revoked_key_on_the_websocket_api_has_no_id(wire: Wire) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/ws-fapi/v1")
    await wire.admin("POST", "faults", kind="ws_api_401", first=1)
    frame = (await hear(ws)).json()
    assert (frame["id"], frame["status"], frame["error"]["code"]) == (None, 401, -2015)


async def test_halts_and_filter_changes_show_in_exchange_info(wire: Wire) -> None:
    await wire.admin("POST", "market", kind="status", symbols=["ETHUSDT"], value="TRADING_HALT")
    await wire.admin("POST", "market", kind="filters", symbols=["ETHUSDT"], filters={"min_notional": "77"})
    rows = {row["symbol"]: row for row in (await wire.raw("GET", "/fapi/v1/exchangeInfo")).body["symbols"]}
    assert rows["ETHUSDT"]["status"] == "TRADING_HALT"
    assert {"filterType": "MIN_NOTIONAL", "notional": "77"} in rows["ETHUSDT"]["filters"]


async def test_locks_and_statuses_end_with_their_fault(wire: Wire, server: Server) -> None:
    for fault, code in (({"kind": "lock"}, -4400), ({"kind": "status", "value": "CLOSE"}, -4141)):
        await wire.admin("POST", "faults", **fault)
        assert (await wire.market()).code == code
        switched = server.venue.faults.all()[0]
        switched.ends = server.venue.engine.now
        server.venue.publish()
        assert (await wire.market()).status == 200
        await wire.admin("DELETE", "faults")


async def test_a_filter_change_as_a_fault(wire: Wire) -> None:
    await wire.admin("POST", "faults", kind="filters", symbols=["BTCUSDT"], filters={"min_notional": "5000"})
    assert (await wire.market()).code == -4164
    assert (await wire.admin("POST", "faults", kind="filters")).status == 400


async def test_a_price_gap_at_run_time(wire: Wire, server: Server) -> None:
    before = wire.mark()
    await wire.admin("POST", "market", kind="gap", move=-0.1)
    venue = server.venue
    venue.engine.advance(venue.engine.now + timedelta(seconds=2))
    assert wire.mark() < before * 95 / 100


async def test_a_manual_order_reaches_the_user_stream(wire: Wire) -> None:
    ws = await user_socket(wire)
    await wire.admin("POST", "account", order={"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"})
    assert (await hear(ws)).json()["o"]["c"].startswith("web_")


async def test_nonsense_at_the_admin_door_is_told_why(wire: Wire) -> None:
    for method, what, body in [
        ("POST", "faults", {"kind": "hope"}),
        ("POST", "faults", {"kind": "reject", "hope": 1}),
        ("POST", "market", {"kind": "hope"}),
        ("POST", "account", {"hope": 1}),
        ("GET", "hope", {}),
    ]:
        reply = await wire.admin(method, what, **body)
        assert reply.status == 400
        assert reply.body["error"]


def test_the_same_seed_strikes_the_same_requests() -> None:
    def struck() -> list[bool]:
        faults = Faults(Random(3))
        faults.add("reject", {"probability": 0.3})
        return [faults.strike(START, "POST /fapi/v1/order", "BTCUSDT", "reject") is not None for _ in range(50)]

    assert struck() == struck()
    assert 5 < sum(struck()) < 30


def test_a_fault_lasts_its_time() -> None:
    faults = Faults(Random(1))
    faults.add("throttle", {}, START, START + timedelta(seconds=10))
    target = "POST /fapi/v1/order"
    assert faults.strike(START + timedelta(seconds=9), target, "", "throttle")
    assert not faults.strike(START + timedelta(seconds=10), target, "", "throttle")


def test_an_impossible_fault_is_refused_by_name() -> None:
    with pytest.raises(BadFault, match="none of"):
        Faults(Random(1)).add("hope", {})
    assert len(set(KINDS)) == len(KINDS)


async def test_the_shipped_scenario_rejects_entries_and_spares_exits(wire: Wire, server: Server) -> None:
    venue = server.venue
    await wire.market()
    venue.load(load("exchange-errors"))
    venue.clock = type(venue.clock)(START + timedelta(minutes=41), venue.clock.wall(), 1.0)  # type: ignore[call-arg]
    venue.run()
    assert (await wire.market()).code == -2010
    assert (await wire.market(side="SELL", reduceOnly="true")).status == 200
