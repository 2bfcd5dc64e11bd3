"""Pings every three minutes, ten minutes to answer, a day at most: on a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from canary_cli.core.clock import ManualClock
from canary_cli.paper.liveness import Liveness
from canary_cli.paper.server import start
from tests.paper.conftest import START, new_engine, new_venue

API = "/ws-fapi/v1"
PATHS = ("/public/ws/btcusdt@depth5", "/private/ws", API)


class Exchange:
    """A server on a clock of ours, and one socket that answers no ping by itself."""

    def __init__(self) -> None:
        self.venue = new_venue(new_engine())
        self.clock = ManualClock(START)
        self.venue.clock = self.clock
        self.http = aiohttp.ClientSession()

    async def open(self, path: str) -> Any:
        self.server = await start(self.venue)
        self.server.pulse.cancel()  # connections only: the market would have a day to draw
        url = f"http://127.0.0.1:{self.server.port}{path}"
        return await self.http.ws_connect(url, autoping=False)

    async def move(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def close(self) -> None:
        await self.http.close()
        await self.server.close()


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    exchange = Exchange()
    yield exchange
    await exchange.close()


async def hear(ws: Any) -> aiohttp.WSMessage:
    """The next message that is not of the market."""
    while (message := await asyncio.wait_for(ws.receive(), 3)).type is aiohttp.WSMsgType.TEXT:
        pass
    return message  # type: ignore[no-any-return]


async def answer_pings(exchange: Exchange, ws: Any, count: int, *, copying: bool) -> None:
    for _ in range(count):
        await exchange.move(180)
        ping = await hear(ws)
        assert ping.type is aiohttp.WSMsgType.PING
        await ws.pong(ping.data if copying else b"")
        await ws.ping(b"seen")  # whose answer says that the pong before it was read
        assert (await hear(ws)).data == b"seen"


@pytest.mark.parametrize("path", PATHS)
async def test_who_answers_pings_stays_for_a_day_and_no_longer(exchange: Exchange, path: str) -> None:
    ws = await exchange.open(path)
    await answer_pings(exchange, ws, 24 * 20 - 1, copying=path == API)
    assert not ws.closed
    await exchange.move(180)
    end = await hear(ws)
    assert (end.type, end.data, end.extra) == (aiohttp.WSMsgType.CLOSE, 1001, "24h")


@pytest.mark.parametrize("path", PATHS)
async def test_who_answers_no_ping_for_ten_minutes_is_closed(exchange: Exchange, path: str) -> None:
    ws = await exchange.open(path)
    await exchange.move(599)
    assert [(await hear(ws)).type for _ in range(3)] == [aiohttp.WSMsgType.PING] * 3
    await exchange.move(1)
    end = await hear(ws)
    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_a_pong_on_the_websocket_api_must_copy_what_the_ping_carried(exchange: Exchange) -> None:
    ws = await exchange.open(API)
    await answer_pings(exchange, ws, 3, copying=False)
    await exchange.move(60)
    end = await hear(ws)
    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_a_half_open_socket_is_neither_pinged_nor_closed(exchange: Exchange) -> None:
    ws = await exchange.open("/public/ws/btcusdt@depth5")
    exchange.venue.faults.add("half_open", {})
    exchange.venue.publish()
    await exchange.move(3600)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ws.receive(), 0.2)


def test_an_unasked_pong_counts() -> None:
    liveness = Liveness.starting(0.0)
    liveness.pong(590.0)
    assert liveness.closing(1189.0) is None
    assert liveness.closing(1190.0) == (1008, b"Pong timeout")
