"""What `test_every_fault` leaves open: each wording, close code and distribution, and when a fault is on."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from canary_cli.core.clock import ScaledClock
from canary_cli.paper.fault_kinds import BadFault
from canary_cli.paper.faults import Faults
from canary_cli.paper.scenario import ScenarioError, load
from canary_cli.paper.server import Server
from tests.paper.conftest import START
from tests.paper.wire import KEY, Wire


async def hear(ws: Any, seconds: float = 3.0) -> Any:
    return await asyncio.wait_for(ws.receive(), seconds)


async def user_socket(wire: Wire) -> Any:
    key = (await wire.raw("POST", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).body["listenKey"]
    return await wire.http.ws_connect(f"{wire.base}/private/ws?listenKey={key}")


@pytest.mark.parametrize(
    ("fault", "status", "code", "text"),
    [
        ({"kind": "reject"}, 400, -2010, "Order was rejected."),
        ({"kind": "reject", "code": -4131, "msg": "Thin."}, 400, -4131, "Thin."),
        ({"kind": "error", "code": -2015, "status": 401, "msg": "Invalid API-key."}, 401, -2015, "Invalid API-key."),
        ({"kind": "error", "code": -1000, "status": 403, "msg": "Forbidden"}, 403, -1000, "Forbidden"),
        ({"kind": "error", "code": -1021, "msg": "Early."}, 400, -1021, "Early."),
        ({"kind": "error", "wording": "timeout"}, 408, -1007, "Timeout waiting for response from backend server."),
        ({"kind": "error", "wording": "unknown"}, 503, -1000, "Unknown error, please check your request or try again"),
        ({"kind": "error", "wording": "unavailable"}, 503, -1001, "Service Unavailable."),
        ({"kind": "error", "wording": "internal"}, 503, -1001, "Internal error; unable to process your request."),
        ({"kind": "error", "wording": "throttled"}, 503, -1008, "Request throttled by system-level protection."),
        ({"kind": "throttle"}, 503, -1008, "Request throttled by system-level protection."),
        ({"kind": "rate_limit"}, 429, -1003, "Too many requests; current limit is 2400 requests per minute."),
        ({"kind": "ban"}, 418, -1003, "Way too many requests; IP banned until "),
    ],
)
async def test_requests_fail_in_each_wording_and_nothing_is_executed(
    wire: Wire, server: Server, fault: dict[str, object], status: int, code: int, text: str
) -> None:
    await wire.admin("POST", "faults", **fault)
    reply = await wire.market()
    assert (reply.status, reply.code) == (status, code)
    assert reply.body["msg"].startswith(text)
    assert ("Retry-After" in reply.headers) == (status in (418, 429))
    assert not server.venue.engine.state.trades


async def test_an_unknown_outcome_was_executed(wire: Wire, server: Server) -> None:
    await wire.admin("POST", "faults", kind="unknown")
    reply = await wire.market()
    assert (reply.status, reply.code, reply.body["msg"][:13]) == (503, -1000, "Unknown error")
    assert server.venue.engine.state.trades


def test_latency_is_fixed_uniform_or_log_normal() -> None:
    faults = Faults(Random(1))

    def drawn(**options: float) -> list[float]:
        fault = faults.add("latency", options)
        return sorted(faults.delay(fault) for _ in range(1001))

    assert set(drawn(milliseconds=50)) == {0.05}
    uniform = drawn(milliseconds=100, to_milliseconds=300)
    assert (0.1 <= uniform[0] < 0.11, 0.19 < uniform[500] < 0.21, 0.29 < uniform[-1] <= 0.3) == (True,) * 3
    tailed = drawn(milliseconds=100, spread=0.5)
    assert (0.09 < tailed[500] < 0.11, 0.25 < tailed[990] < 0.4) == (True, True)


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


async def test_locks_and_statuses_end_with_their_fault(wire: Wire, server: Server) -> None:
    for fault, code in (({"kind": "lock"}, -4400), ({"kind": "status", "value": "CLOSE"}, -4141)):
        await wire.admin("POST", "faults", **fault)
        assert (await wire.market()).code == code
        switched = server.venue.faults.all()[0]
        switched.ends = server.venue.engine.now
        server.venue.publish()
        assert (await wire.market()).status == 200
        await wire.admin("DELETE", "faults")


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


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("hope", {}, "none of"),
        ("reject", {"hope": 1}, "unknown key 'hope'"),
        ("silence", {"milliseconds": 5}, "unknown key 'milliseconds'"),
        ("latency", {}, "milliseconds is missing"),
        ("latency", {"milliseconds": "many"}, "milliseconds is 'many'"),
        ("latency", {"milliseconds": -5}, "milliseconds is -5"),
        ("latency", {"milliseconds": float("nan")}, "milliseconds is nan"),
        ("reject", {"code": "x"}, "code is 'x'"),
        ("reject", {"status": 200}, "an HTTP status from 400 to 599"),
        ("error", {"wording": "hope"}, "one of unknown, unavailable"),
        ("error", {"on": "("}, "a regular expression"),
        ("drop", {"probability": 2}, "from 0 to 1"),
        ("drop", {"first": True}, "a whole number from 1"),
        ("drop", {"symbols": "BTCUSDT"}, "a list of pairs"),
        ("close", {"close_code": 7}, "from 1000 to 4999"),
        ("status", {}, "value is missing"),
        ("status", {"value": "HOPE"}, "one of TRADING"),
        ("filters", {"filters": {"hope": 1}}, "figures above 0 for some of"),
        ("filters", {"filters": {"tick": "0"}}, "figures above 0 for some of"),
        ("filters", {"filters": 5}, "figures above 0 for some of"),
    ],
)
def test_an_impossible_fault_is_refused_by_name(kind: str, options: dict[str, object], why: str) -> None:
    with pytest.raises(BadFault, match=re.escape(why)):
        Faults(Random(1)).add(kind, options)


def test_a_scenario_with_an_impossible_fault_never_starts(tmp_path: Path) -> None:
    story = tmp_path / "story.toml"
    story.write_text('[[fault]]\nkind = "latency"\nmilliseconds = "many"\n')
    with pytest.raises(ScenarioError, match="fault 1: fault latency: milliseconds is 'many'"):
        load(str(story))


async def test_the_shipped_scenario_rejects_entries_and_spares_exits(wire: Wire, server: Server) -> None:
    venue = server.venue
    await wire.market()
    venue.load(load("exchange-errors"))
    venue.clock = type(venue.clock)(START + timedelta(minutes=41), venue.clock.wall(), 1.0)  # type: ignore[call-arg]
    venue.run()
    assert (await wire.market()).code == -2010
    assert (await wire.market(side="SELL", reduceOnly="true")).status == 200


@pytest.mark.parametrize("condition", ["orders = 2", "fills = 1", "positions = 1", "exposure = 0.01"])
async def test_a_fault_may_wait_for_what_the_account_does(
    wire: Wire, server: Server, tmp_path: Path, condition: str
) -> None:
    venue, story = server.venue, tmp_path / "story.toml"
    story.write_text(f'[[fault]]\nkind = "reject"\non = "all"\nwhen = {{ {condition} }}\nfor = "0:01:00"\n')
    venue.load(load(str(story)))

    def rest(seconds: int) -> None:
        venue.clock = ScaledClock(venue.clock.now() + timedelta(seconds=seconds), venue.clock.wall(), 1.0)
        venue.run()

    await wire.limit(wire.near("0.97"))
    rest(2)
    assert (await wire.call("GET", "/fapi/v3/balance")).status == 200
    await wire.market("0.02")
    rest(2)
    assert (await wire.call("GET", "/fapi/v3/balance")).code == -2010
    rest(61)
    assert (await wire.call("GET", "/fapi/v3/balance")).status == 200
