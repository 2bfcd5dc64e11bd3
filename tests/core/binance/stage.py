"""A stage on a free loopback port: an HTTP and WebSocket server that answers as a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from canary_cli.accounts import Account
from canary_cli.core.binance.client import BinanceExchange
from canary_cli.core.clock import Clock, SystemClock

Answer = Callable[["Asked"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    fields: dict[str, str]


@dataclass
class Stage:
    """`answers` maps a path to replies given in turn; the last is repeated. What was asked is in `asked`."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    deaf: bool = False
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def of(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    async def http(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.method, request.path, {**request.query, **await request.post()})  # type: ignore[dict-item]
        self.asked.append(asked)
        answers = self.answers.get(request.path)
        if not answers:
            return web.json_response({"code": -1, "msg": f"nothing said about {request.path}"}, status=404)
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(asked)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        self.asked.append(Asked("WS", request.path, dict(request.query)))
        socket = web.WebSocketResponse(autoping=not self.deaf)
        await socket.prepare(request)
        self.sockets.append(socket)
        self.opened.set()
        async for message in socket:
            if message.type is WSMsgType.CLOSE:
                break
        return socket

    async def say(self, frame: str) -> None:
        for socket in self.sockets:
            if not socket.closed:
                await socket.send_str(frame)


def says(body: Any, status: int = 200, **headers: str) -> Answer:
    async def answer(_asked: Asked) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return answer


def says_html(status: int, text: str = "<html>sorry</html>") -> Answer:
    async def answer(_asked: Asked) -> web.Response:
        return web.Response(text=text, content_type="text/html", status=status)

    return answer


def hangs_up(then: Callable[[], None] = lambda: None) -> Answer:
    """The request arrives, something happens, the connection is gone without a word."""

    async def answer(_asked: Asked) -> web.StreamResponse:
        then()
        raise ConnectionResetError

    return answer


def stays_silent(seconds: float) -> Answer:
    async def answer(_asked: Asked) -> web.Response:
        await SystemClock().pause(seconds)
        return web.json_response({})

    return answer


def at_server_time(offset_ms: int = 0) -> Answer:
    async def answer(_asked: Asked) -> web.Response:
        return web.json_response({"serverTime": round(SystemClock().wall().timestamp() * 1000) + offset_ms})

    return answer


@asynccontextmanager
async def a_stage() -> AsyncIterator[Stage]:
    stage = Stage()
    app = web.Application()
    app.router.add_get("/market/stream", stage.socket)
    app.router.add_get("/public/stream", stage.socket)
    app.router.add_get("/private/ws", stage.socket)
    app.router.add_route("*", "/{path:.*}", stage.http)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stage.port = runner.addresses[0][1]
    stage.answer("/fapi/v1/time", at_server_time())
    stage.answer("/fapi/v1/ping", says({}))
    try:
        yield stage
    finally:
        for socket in stage.sockets:
            await socket.close()
        await runner.cleanup()


@asynccontextmanager
async def an_exchange(
    stage: Stage, *, clock: Clock | None = None, log: Callable[[str, dict[str, Any]], None] | None = None
) -> AsyncIterator[BinanceExchange]:
    base = f"127.0.0.1:{stage.port}"
    account = Account("stage", "paper", f"http://{base}", f"ws://{base}", Path("/nowhere"), "k" * 64, "s" * 64)
    exchange = BinanceExchange(account, clock or SystemClock(), log=log)
    try:
        yield exchange
    finally:
        await exchange.close()
