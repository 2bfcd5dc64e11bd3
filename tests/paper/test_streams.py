"""Stream URLs, routes, and what reaches whom."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType

from canary_cli.core.clock import ManualClock
from canary_cli.paper.hub import route_of
from canary_cli.paper.listen_keys import VALID_SECONDS
from canary_cli.paper.scenario import load
from canary_cli.paper.server import Server
from tests.paper.conftest import START, new_engine, new_venue
from tests.paper.wire import KEY, Wire

MINUTE = 60_000


async def hear(ws: Any, seconds: float = 3.0) -> Any:
    return (await asyncio.wait_for(ws.receive(), seconds)).json()


async def listen_key(wire: Wire) -> str:
    return str((await wire.raw("POST", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).body["listenKey"])


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("btcusdt@bookTicker", "public"), ("!bookTicker", "public"), ("btcusdt@depth5@100ms", "public"),
        ("btcusdt@trade", "public"), ("btcusdt@aggTrade", "market"), ("btcusdt@kline_1m", "market"),
        ("btcusdt_perpetual@continuousKline_1m", "market"), ("!markPrice@arr@1s", "market"),
        ("!ticker@arr", "market"), ("btcusdt@forceOrder", "market"), ("A" * 64, "private"),
    ],
)  # fmt: skip
def test_every_stream_has_one_route(name: str, route: str) -> None:
    assert route_of(name) == route


@pytest.mark.parametrize(
    ("path", "combined"),
    [
        ("/market/ws/btcusdt@markPrice@1s", False),
        ("/market/stream?streams=btcusdt@markPrice@1s", True),
        ("/public/ws/btcusdt@bookTicker", False),
        ("/ws/btcusdt@bookTicker", False),
        ("/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker", True),
    ],
)
async def test_market_streams_by_every_url(wire: Wire, path: str, combined: bool) -> None:
    ws = await wire.http.ws_connect(wire.base + path)
    message = await hear(ws)
    assert ("stream" in message) == combined
    assert (message["data"] if combined else message)["e"] in ("markPriceUpdate", "bookTicker")


@pytest.mark.parametrize(
    "path", ["/ws/btcusdt@kline_1m", "/public/ws/btcusdt@markPrice@1s", "/market/ws/btcusdt@bookTicker"]
)
async def test_a_stream_on_the_wrong_route_stays_silent(wire: Wire, path: str) -> None:
    ws = await wire.http.ws_connect(wire.base + path)
    with pytest.raises(TimeoutError):
        await hear(ws, 1.3)


@pytest.mark.parametrize(
    "form", ["/private/ws/{key}", "/private/ws?listenKey={key}", "/private/stream?listenKey={key}"]
)
async def test_user_streams_by_every_url(wire: Wire, form: str) -> None:
    key = await listen_key(wire)
    ws = await wire.http.ws_connect(wire.base + form.format(key=key))
    await wire.market()
    heard = [await hear(ws) for _ in range(4)]
    kinds = [message.get("data", message)["e"] for message in heard]
    assert kinds == ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE", "ORDER_TRADE_UPDATE"]


async def test_a_user_stream_may_ask_for_some_events_only(wire: Wire) -> None:
    key = await listen_key(wire)
    ws = await wire.http.ws_connect(f"{wire.base}/private/ws?listenKey={key}&events=ACCOUNT_UPDATE")
    await wire.market()
    assert (await hear(ws))["e"] == "ACCOUNT_UPDATE"
    with pytest.raises(TimeoutError):
        await hear(ws, 0.2)


async def test_bare_private_sockets_subscribe_to_the_key(wire: Wire) -> None:
    key = await listen_key(wire)
    ws = await wire.http.ws_connect(f"{wire.base}/private/ws")
    await ws.send_json({"method": "SUBSCRIBE", "params": [key], "id": 1})
    assert await hear(ws) == {"result": None, "id": 1}
    await wire.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=7)
    assert (await hear(ws))["ac"] == {"s": "BTCUSDT", "l": 7}


async def test_sped_up_streams_are_coalesced_but_no_closed_candle_is_lost(open_server: Callable[..., Any]) -> None:
    server: Server = await open_server(600.0)
    wire = Wire(server)
    ws = await wire.http.ws_connect(f"{wire.base}/market/ws/btcusdt@kline_1m")
    closed: list[int] = []
    count = 0
    began = server.venue.clock.monotonic()
    while len(closed) < 12:
        message = await hear(ws)
        count += 1
        if message["k"]["x"]:
            closed.append(message["k"]["t"])
    elapsed = server.venue.clock.monotonic() - began
    assert closed == list(range(closed[0], closed[0] + 12 * MINUTE, MINUTE))
    assert count - len(closed) <= 20 * elapsed + 5
    await wire.close()


def test_a_listen_key_ends_an_hour_after_its_last_use() -> None:
    venue = new_venue(new_engine())
    venue.clock = ManualClock(START)
    key = venue.listen_keys.start(0.0)
    assert venue.listen_keys.start(1800.0) == key
    assert venue.listen_keys.is_valid(key, 1800.0 + VALID_SECONDS - 1)
    assert venue.listen_keys.due(1800.0 + VALID_SECONDS)
    assert venue.listen_keys.start(1800.0 + VALID_SECONDS + 1) != key


async def test_a_scenario_happens_at_its_plan_time_to_the_pairs_there_are(
    wire: Wire, server: Server, tmp_path: Path
) -> None:
    """One pair it names is not on this market."""
    story = tmp_path / "fall.toml"
    fall = 'at = "+3:20:00"\nkind = "gap"\nmove = -0.07'
    story.write_text(f'[[price]]\n{fall}\nsymbols = ["BTCUSDT", "ADAUSDT"]\n[[price]]\n{fall}\nsymbols = ["ADAUSDT"]\n')
    venue = server.venue
    venue.load(load(str(story)))
    venue.clock = ManualClock(START + timedelta(hours=3, minutes=19))
    venue.run()
    before = {symbol: wire.mark(symbol) for symbol in ("BTCUSDT", "ETHUSDT")}
    venue.clock = ManualClock(START + timedelta(hours=3, minutes=21))
    venue.run()
    assert wire.mark("BTCUSDT") < before["BTCUSDT"] * 95 / 100
    assert wire.mark("ETHUSDT") > before["ETHUSDT"] * 97 / 100


async def test_who_asks_too_often_is_closed(wire: Wire) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/public/ws")
    for number in range(25):
        await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
    while (message := await asyncio.wait_for(ws.receive(), 10)).type is WSMsgType.TEXT:
        pass
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1008)


@pytest.mark.parametrize(
    ("sent", "code", "text"),
    [
        ("{", 3, "Invalid JSON"),
        ("[]", 2, "Invalid request"),
        ('{"method": "HOPE", "id": 1}', 2, "Invalid request: unknown variant `HOPE`"),
        ('{"method": "SUBSCRIBE", "params": "x", "id": 1}', 2, "Invalid request"),
        ('{"method": "SUBSCRIBE", "params": [5], "id": 1}', 2, "Invalid request"),
        ('{"method": "SET_PROPERTY", "params": ["hope", true], "id": 1}', 0, "Unknown property"),
        ('{"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}', 1, "Invalid value type"),
    ],
)
async def test_frames_are_refused_by_number(wire: Wire, sent: str, code: int, text: str) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/public/ws")
    await ws.send_str(sent)
    reply = await hear(ws)
    assert (reply["code"], reply.get("id")) == (code, 1 if "id" in sent else None)
    assert reply["msg"].startswith(text)


async def test_a_connection_hears_1024_streams_at_most(wire: Wire) -> None:
    ws = await wire.http.ws_connect(f"{wire.base}/market/ws")
    names = [f"x{number}@kline_1m" for number in range(1025)]
    await ws.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
    assert (await hear(ws))["code"] == 2
    await ws.send_json({"method": "SUBSCRIBE", "params": names[1:], "id": 2})
    assert await hear(ws) == {"result": None, "id": 2}
