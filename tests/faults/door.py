"""A door in front of the exchange's REST: it can be shut, lose what is answered, or answer in the exchange's place."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web

from canary_cli.core.binance.resilient import ResilientExchange
from tests.faults.desk import Desk, a_desk

NOWHERE = "127.0.0.1:9"


@dataclass
class Door:
    """`spoiled`: which requests (`METHOD path`, a regular expression) end how; None: executed, and the answer lost."""

    behind: str
    http: aiohttp.ClientSession
    spoiled: dict[str, tuple[int, dict[str, Any]] | None] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    runner: web.AppRunner | None = None
    port: int = 0

    async def open(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        self.port = self.runner.addresses[0][1]

    async def shut(self) -> None:
        """Connections are refused from now on, and those that stand are cut."""
        runner, self.runner = self.runner, None
        if runner is not None:
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        target = f"{request.method} {request.path}"
        self.passed.append(target)
        ending: Any = next((how for what, how in self.spoiled.items() if re.search(what, target)), "as it is")
        if isinstance(ending, tuple):
            return web.json_response(ending[1], status=ending[0])
        asked = self.http.request(
            request.method, f"{self.behind}{request.path_qs}", data=await request.read(), headers=request.headers
        )
        async with asked as answer:
            body = await answer.read()
        if ending is None:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=body, status=answer.status, content_type="application/json")


@dataclass
class Doors:
    desk: Desk
    rest: Door
    alternate: Door
    log: list[dict[str, Any]]

    @property
    def by_ws_api(self) -> list[str]:
        """The requests that went by the WebSocket API."""
        return [line["method"] for line in self.log if line["path"] == "ws-api"]


@asynccontextmanager
async def a_desk_behind_doors(
    *, alternate: bool = False, ws_api: bool = True, speed: float = 1.0
) -> AsyncIterator[Doors]:
    async with a_desk(speed=speed) as desk, aiohttp.ClientSession(auto_decompress=True) as http:
        doors = [Door(desk.account.rest_url, http) for _ in range(2)]
        for door in doors:
            await door.open()
        urls = [f"http://127.0.0.1:{door.port}" for door in doors]
        account = replace(
            desk.account, rest_url=urls[0], rest_url_alternate=urls[1] if alternate else "",
            ws_api_url=desk.account.ws_api_url if ws_api else f"ws://{NOWHERE}/ws-fapi/v1",
        )  # fmt: skip
        log: list[dict[str, Any]] = []
        exchange = ResilientExchange(account, desk.clock, log=lambda _event, line: log.append(line))
        direct, desk.exchange = desk.exchange, exchange
        try:
            yield Doors(desk, *doors, log)
        finally:
            await exchange.close()
            desk.exchange = direct
            for door in doors:
                await door.shut()
