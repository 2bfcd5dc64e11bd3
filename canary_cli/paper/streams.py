"""The stream sockets: URLs and subscribe frames. Routing of names is `hub.route_of`, pings are `liveness`."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import WSMsgType, web

from canary_cli.paper.connections import Channel
from canary_cli.paper.hub import Socket, route_of
from canary_cli.paper.liveness import Liveness, Pace, keep
from canary_cli.paper.venue import Venue

MOST_STREAMS = 1024
MOST_MESSAGES = 10  # a second, of the client's
UNROUTED = frozenset({"public"})


def is_stream_path(path: str) -> bool:
    parts = [part for part in path.split("/") if part]
    if parts and parts[0] in ("public", "market", "private"):
        parts = parts[1:]
    return bool(parts) and parts[0] in ("ws", "stream")


async def serve_stream(venue: Venue, request: web.BaseRequest) -> web.WebSocketResponse:
    """Handle one client until it leaves."""
    ws = Channel(request)
    await ws.prepare(request)
    socket = open_socket(venue, ws, request.path, request.query_string)
    venue.hub.sockets.add(socket)
    writer = asyncio.ensure_future(socket.pump())
    liveness = Liveness.starting(venue.clock.monotonic())
    keeper = asyncio.ensure_future(keep(venue.clock, ws, liveness, lambda: venue.hub.is_half_open(socket)))
    try:
        await _listen(venue, socket, liveness)
    finally:
        venue.hub.sockets.discard(socket)
        venue.touch()
        for task in (writer, keeper):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return ws


def open_socket(venue: Venue, ws: Channel, path: str, query: str) -> Socket:
    """`/market/ws/a/b`, `/stream?streams=a/b`, `/private/ws/KEY`, `/private/ws?listenKey=KEY&events=A/B`."""
    parts = [unquote(part) for part in path.split("/") if part]
    route = parts.pop(0) if parts[0] in ("public", "market", "private") else ""
    combined = parts.pop(0) == "stream"
    socket = Socket(ws, frozenset({route}) if route else UNROUTED, combined)
    names = list(parts)
    key = ""
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == "streams":
            names += unquote(value).split("/")
        elif name == "listenKey":
            key = unquote(value)
            names.append(key)
        elif name == "events" and key:
            socket.events[key] = set(unquote(value).replace(",", "/").split("/"))
    subscribe(venue, socket, names)
    return socket


def subscribe(venue: Venue, socket: Socket, names: Iterable[str]) -> None:
    """Names of other routes are accepted and stay silent, as on the real hosts."""
    for name in names:
        route = route_of(name)
        if route not in socket.routes:
            continue
        if route == "private":
            if venue.listen_keys.is_valid(name, venue.clock.monotonic()):
                socket.keys.add(name)
        else:
            venue.hub.follow(socket, name)


async def _listen(venue: Venue, socket: Socket, liveness: Liveness) -> None:
    clock = venue.clock
    pace = Pace(MOST_MESSAGES)
    async for message in socket.ws:
        if venue.hub.is_half_open(socket):
            continue
        if pace.is_too_fast(clock.monotonic()):
            await socket.ws.close(code=1008, message=b"Too many requests")
            return
        if message.type is WSMsgType.PING:
            await socket.ws.pong(message.data)
        elif message.type is WSMsgType.PONG:
            liveness.pong(clock.monotonic())
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            socket.send(orjson.dumps(answer(venue, socket, message.data)))


def answer(venue: Venue, socket: Socket, text: str | bytes) -> dict[str, Any]:
    """The reply to one frame: `{"result", "id"}`, or `{"code", "msg"}` with the id where there was one."""
    try:
        asked = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return {"code": 3, "msg": f"Invalid JSON: {error}"}
    if not isinstance(asked, dict):
        return {"code": 2, "msg": "Invalid request: request must be an object"}
    number, params = asked.get("id"), asked.get("params", [])
    method = asked.get("method")
    if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        return _change(venue, socket, method, params, number)
    if method == "LIST_SUBSCRIPTIONS":
        return {"result": sorted(socket.names | socket.keys), "id": number}
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return _property(socket, method, params, number)
    return _wrong(2, f"Invalid request: unknown variant `{method}`", number)


def _change(venue: Venue, socket: Socket, method: str, params: Any, number: Any) -> dict[str, Any]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        return _wrong(2, "Invalid request: params must be an array of strings", number)
    if method == "SUBSCRIBE":
        if len(socket.names) + len(params) > MOST_STREAMS:
            return _wrong(2, "Invalid request: too many streams", number)
        subscribe(venue, socket, params)
    else:
        socket.names.difference_update(params)
        socket.keys.difference_update(params)
    return {"result": None, "id": number}


def _property(socket: Socket, method: str, params: Any, number: Any) -> dict[str, Any]:
    if not isinstance(params, list) or not params or params[0] != "combined":
        return _wrong(0, "Unknown property", number)
    if method == "GET_PROPERTY":
        return {"result": socket.combined, "id": number}
    if len(params) < 2 or not isinstance(params[1], bool):
        return _wrong(1, "Invalid value type: expected Boolean", number)
    socket.combined = params[1]
    return {"result": None, "id": number}


def _wrong(code: int, text: str, number: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"code": code, "msg": text}
    return body if number is None else body | {"id": number}
