"""Connections that say nothing, half of something, or nonsense: answered in the exchange's shape or cut, never kept."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from canary_cli.paper import connections, gateway
from canary_cli.paper.server import start
from tests.paper.wire import Wire, until

SOON = 10.0  # seconds a loaded machine may need
PING = b"GET /fapi/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"
ORDER = b"POST /fapi/v1/order HTTP/1.1\r\nHost: x\r\n"


class Line:
    """A bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, wire: Wire) -> "Line":
        return cls(*await asyncio.open_connection("127.0.0.1", wire.server.port))

    async def answer(self) -> tuple[int, Any]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), SOON)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head.split()[1]), json.loads(await self.reader.readexactly(length))

    async def is_cut(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), SOON) == b""
        except ConnectionError:
            return True


@pytest.mark.parametrize("said", [b"", b"GE", b"GET /fapi/v1/ping HTTP/1.1\r\nHo", ORDER + b"Content-Le"])
async def test_who_does_not_finish_a_request_is_cut(wire: Wire, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.2)
    line = await Line.to(wire)
    line.writer.write(said)
    assert await line.is_cut()


async def test_a_request_that_drips_in_is_cut_however_steadily(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.3)
    line = await Line.to(wire)

    async def drip() -> None:
        for byte in PING[:-2] + b"X-Slow: " + b"x" * 1000:
            line.writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    dripping = asyncio.ensure_future(drip())
    assert await line.is_cut()
    dripping.cancel()


async def test_a_kept_connection_that_asks_no_more_is_cut(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.2)
    line = await Line.to(wire)
    line.writer.write(PING)
    assert await line.answer() == (200, {})
    assert await line.is_cut()


@pytest.mark.parametrize(
    "said",
    [
        ORDER + b"Content-Length: 100\r\n\r\nsymbol=",
        ORDER + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        ORDER + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nZZ\r\nno chunk\r\n",
    ],
)
async def test_a_body_that_stops_in_the_middle_is_told_and_cut(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.1)
    line = await Line.to(wire)
    line.writer.write(said)
    status, body = await line.answer()
    assert (status, body["code"]) in ((408, -1000), (400, -1000))
    assert await line.is_cut()


async def test_who_leaves_in_the_middle_is_no_news(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    line = await Line.to(wire)
    line.writer.write(ORDER + b"Content-Length: 100\r\n\r\nsymbol=")
    assert (await wire.raw("GET", "/fapi/v1/ping")).body == {}
    line.writer.transport.abort()
    await until(lambda: len(wire.server.http.connections) == 1)
    assert not caplog.records


async def test_who_does_not_read_its_answers_is_cut(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DEAF_SECONDS", 0.2)
    wire.server.venue.limits.enforced = False
    line = await Line.to(wire)
    line.writer.transport.pause_reading()  # type: ignore[attr-defined]
    ask = PING.replace(b"ping", b"klines?symbol=BTCUSDT&interval=1m&limit=1500")
    async with asyncio.timeout(SOON):
        while wire.server.http.connections:
            if not line.writer.transport.is_closing():
                line.writer.write(ask)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01 not http at all\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /fapi/v1/ping HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        PING[:-2] + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        *(
            PING[:-2].replace(b"/fapi/v1/ping", path) + b"Upgrade: websocket\r\n\r\n"
            for path in (b"/ws", b"/ws-fapi/v1")
        ),
        ORDER + b"Content-Length: many\r\n\r\n",
        ORDER + b"Content-Length: -5\r\n\r\n",
        ORDER + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nno chunk\r\n",
        ORDER + b"Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        ORDER + b"Transfer-Encoding: chunked\r\n\r\n4FFFF\r\n" + b"x" * 0x4FFFF + b"\r\n",
    ],
)
async def test_what_is_no_http_is_refused_in_binances_shape(
    wire: Wire, caplog: pytest.LogCaptureFixture, said: bytes
) -> None:
    line = await Line.to(wire)
    line.writer.write(said)
    status, body = await line.answer()
    assert 400 <= status < 500
    assert set(body) == {"code", "msg"}
    assert not caplog.records
    assert (await wire.raw("GET", "/fapi/v1/ping")).body == {}


async def test_a_bug_of_ours_is_told_in_binances_shape_too(
    wire: Wire, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(gateway, "handle", broken)
    reply = await wire.raw("GET", "/fapi/v1/ping")
    assert (reply.status, reply.code) == (500, -1000)
    assert "Traceback" not in reply.body["msg"]
    assert "ZeroDivisionError" in caplog.text


async def test_idle_connections_are_bounded(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await wire.raw("GET", "/fapi/v1/ping")).body == {}
    monkeypatch.setattr(connections.resource, "getrlimit", lambda _: (150, 150))
    async with aiohttp.ClientSession() as held:
        server = await start(wire.server.venue)
        base = f"http://127.0.0.1:{server.port}/fapi/v1/ping"
        async with held.get(base):
            pass
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(60)]
        await until(lambda: sum(reader.at_eof() for reader, _ in opened) >= 10)
        async with held.get(base) as reply:
            assert await reply.json() == {}
    for _, writer in opened:
        writer.close()
    await server.close()
