"""The exchange on a loopback port: one handler for all, so that every answer has Binance's shape, and the pulse."""

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from canary_cli.errors import ConfigurationError
from canary_cli.paper.admin import serve_admin
from canary_cli.paper.connections import Door, Handler, most_connections, new_server
from canary_cli.paper.gateway import Disconnect, serve_rest
from canary_cli.paper.streams import is_stream_path, serve_stream
from canary_cli.paper.venue import Venue
from canary_cli.paper.ws_api import serve_ws_api

PULSE = 0.05  # wall seconds between two advances of the market
AT_ONCE = 5  # messages of market streams made before requests have their turn
HOST = "127.0.0.1"


class PortTaken(ConfigurationError):
    slug = "port-taken"


@dataclass(slots=True)
class Server:
    """A running exchange. `wait` returns when it has been stopped or has been idle for `idle_after` wall seconds."""

    venue: Venue
    http: web.Server
    listener: asyncio.Server
    port: int
    pulse: "asyncio.Task[None]"
    stopped: asyncio.Event

    async def wait(self, idle_after: float) -> str:
        """Why it ended: `stopped` or `idle`."""
        while not self.stopped.is_set():
            if idle_after and self.venue.idle_seconds >= idle_after:
                return "idle"
            if self.pulse.done():
                self.pulse.result()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), 0.25)
        return "stopped"

    async def close(self) -> None:
        self.pulse.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.pulse
        for socket in list(self.venue.hub.sockets):
            with contextlib.suppress(ConnectionError):
                await socket.ws.close(code=1001, message=b"closing")
        self.listener.close()
        await self.http.shutdown(0.5)


async def start(venue: Venue, port: int = 0) -> Server:
    """Listen on `port` of loopback (0: a free one). Raises `PortTaken`."""
    stopped = asyncio.Event()
    venue.stop = stopped.set
    http = new_server(_handler(venue))
    door = partial(Door, http, most_connections())
    try:
        listener = await asyncio.get_running_loop().create_server(door, HOST, port, backlog=1024)
    except OSError as error:
        raise PortTaken(
            f"port {port} on {HOST} is taken", "choose another with --port, or: canary paper stop"
        ) from error
    listening: int = listener.sockets[0].getsockname()[1]
    return Server(venue, http, listener, listening, asyncio.ensure_future(_beat(venue)), stopped)


def _handler(venue: Venue) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await _route(venue, request)
        except Disconnect:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)

    return handle


async def _route(venue: Venue, request: web.BaseRequest) -> web.StreamResponse:
    path = request.path
    if path.startswith("/paper/"):
        return await serve_admin(venue, request)
    if request.headers.get("Upgrade", "").lower() == "websocket" and web.WebSocketResponse().can_prepare(request):
        _refuse_in_outage(venue, path)
        venue.touch()
        if path.startswith("/ws-fapi/v1"):
            return await serve_ws_api(venue, request)
        if is_stream_path(path):
            return await serve_stream(venue, request)
    return await serve_rest(venue, request)


def _refuse_in_outage(venue: Venue, path: str) -> None:
    if any(fault.pattern.search(f"GET {path}") for fault in venue.faults.on(venue.engine.now, "outage")):
        raise Disconnect


async def _beat(venue: Venue) -> None:
    """Keep the market at the clock's plan time."""
    while True:
        for count, _ in enumerate(venue.steps(), 1):
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)  # an order need not wait until everybody has heard of the market
        now = venue.clock.monotonic()
        if venue.listen_keys.due(now):
            venue.expire_listen_keys(int(venue.engine.now.timestamp() * 1000))
        await venue.clock.pause(PULSE)
