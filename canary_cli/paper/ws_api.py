"""The WebSocket API `/ws-fapi/v1`: the same handlers as REST under method names, with replies in its own envelope."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from canary_cli.paper import problems
from canary_cli.paper.connections import Channel
from canary_cli.paper.gateway import Disconnect, perform
from canary_cli.paper.limits import ADDRESS
from canary_cli.paper.liveness import Liveness, Pace, keep
from canary_cli.paper.params import Params
from canary_cli.paper.problems import Problem
from canary_cli.paper.rest import ENDPOINTS
from canary_cli.paper.rest.exchange_info import RATE_LIMITS
from canary_cli.paper.security import Key, check_time
from canary_cli.paper.venue import Venue

HANDSHAKE_WEIGHT = 5
MOST_CONTROL_FRAMES = 5  # pings and pongs of a client in a second

METHODS = {
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
    "depth": ("GET", "/fapi/v1/depth"),
    "ticker.price": ("GET", "/fapi/v2/ticker/price"),
    "ticker.book": ("GET", "/fapi/v1/ticker/bookTicker"),
    "userDataStream.start": ("POST", "/fapi/v1/listenKey"),
    "userDataStream.ping": ("PUT", "/fapi/v1/listenKey"),
    "userDataStream.stop": ("DELETE", "/fapi/v1/listenKey"),
}


@dataclass(slots=True)
class Session:
    """One connection; `key` after `session.logon`."""

    venue: Venue
    connected: int
    show_limits: bool = True
    key: Key | None = None
    since: int = 0


async def serve_ws_api(venue: Venue, request: web.BaseRequest) -> web.WebSocketResponse:
    ws = Channel(request)
    await ws.prepare(request)
    with contextlib.suppress(Problem):
        venue.limits.spend(ADDRESS, HANDSHAKE_WEIGHT, venue.wall_ms() / 1000)
    clock = venue.clock
    session = Session(venue, venue.wall_ms(), request.query.get("returnRateLimits", "true").lower() != "false")
    liveness = Liveness.starting(clock.monotonic(), must_copy=True)
    keeper = asyncio.ensure_future(keep(clock, ws, liveness, venue.hub.is_api_half_open))
    venue.hub.api_sockets.add(ws)
    try:
        await _converse(session, ws, liveness)
    except Disconnect:
        ws.cut()
    finally:
        venue.hub.api_sockets.discard(ws)
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
    return ws


async def _converse(session: Session, ws: Channel, liveness: Liveness) -> None:
    """One request after another, until the client leaves. Raises `Disconnect` where a fault cuts it."""
    venue, pace = session.venue, Pace(MOST_CONTROL_FRAMES)
    async for message in ws:
        if venue.hub.is_api_half_open():
            continue
        now = venue.clock.monotonic()
        if message.type in (WSMsgType.PING, WSMsgType.PONG) and pace.is_too_fast(now):
            await ws.close(code=1008, message=b"Too many requests")
            return
        if message.type is WSMsgType.PONG:
            liveness.pong(now, message.data)
            continue
        venue.touch()
        if message.type is WSMsgType.PING:
            await ws.pong(message.data)
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            await ws.send_str((await respond(session, message.data)).decode())


async def respond(session: Session, text: str | bytes) -> bytes:
    """The reply to one request frame."""
    number: Any = None
    try:
        asked = _parse(text)
        number = asked.get("id")
        result, status = await _run(session, asked), 200
        document: dict[str, Any] = {"id": number, "status": status, "result": result}
    except Problem as problem:
        document = {"id": number, "status": problem.status, "error": problem.body}
    if session.show_limits:
        document["rateLimits"] = _rate_limits(session.venue)
    return orjson.dumps(document)


def _parse(text: str | bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Problem(-1135, "Invalid JSON Request") from None
    if not isinstance(asked, dict):
        raise Problem(-1135, "Invalid JSON Request")
    return asked


async def _run(session: Session, asked: dict[str, Any]) -> Any:
    method, sent = str(asked.get("method", "")), asked.get("params", {})
    if not isinstance(sent, dict):
        raise Problem(-1135, "Invalid JSON Request")
    special = _SPECIAL.get(method)
    if special is not None:
        return special(session, sent)
    if method not in METHODS:
        raise Problem(-1000, f"Unknown method '{method[:100]}'")
    verb, path = METHODS[method]
    return await _call(session, verb, path, sent)


async def _call(session: Session, verb: str, path: str, sent: dict[str, Any]) -> Any:
    """Through the same gate as REST: weight, faults and counts; the key and signature are in the parameters."""
    endpoint = ENDPOINTS[verb, path]
    texts = {name: text_of(value) for name, value in sent.items()}
    key = None
    if endpoint.security.needs_key:
        name = session.key.name if session.key else texts.get("apiKey")
        key = session.venue.keys.find(name, ADDRESS)
    if endpoint.security.is_signed:
        check_signed(session, key, sent, texts)
    venue, params = session.venue, Params(texts)
    venue.limits.spend(ADDRESS, endpoint.weight(params), venue.wall_ms() / 1000)
    return await perform(venue, f"{verb} {path}", endpoint, params, key, {})


def check_signed(session: Session, key: Key | None, sent: dict[str, Any], texts: dict[str, str]) -> None:
    params = Params(texts)
    check_time(params.need_integer("timestamp"), params.integer("recvWindow"), session.venue.wall_ms())
    if session.key is not None and "signature" not in texts:
        return
    assert key is not None
    signature = params.need("signature")
    if not any(key.verifies(payload, signature) for payload in payloads_of(sent)):
        raise problems.bad_signature()


def payloads_of(sent: dict[str, Any]) -> list[bytes]:
    """Sorted `k=v&k=v` without the signature; clients disagree how a JSON boolean is written in it."""
    names = sorted(name for name in sent if name != "signature")
    writers: tuple[Callable[[Any], str], ...] = (text_of, str)
    return ["&".join(f"{name}={write(sent[name])}" for name in names).encode() for write in writers]


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return str(value)


def _logon(session: Session, sent: dict[str, Any]) -> dict[str, Any]:
    """Ed25519 keys only."""
    texts = {name: text_of(value) for name, value in sent.items()}
    key = session.venue.keys.find(texts.get("apiKey"), ADDRESS)
    if not key.is_ed25519:
        raise Problem(-4056, "HMAC_SHA256 API key is not supported.")
    check_signed(session, key, sent, texts)
    session.key, session.since = key, session.venue.wall_ms()
    return _status(session, sent)


def _logout(session: Session, sent: dict[str, Any]) -> dict[str, Any]:
    session.key = None
    return _status(session, sent)


def _status(session: Session, _: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiKey": session.key.name if session.key else None,
        "authorizedSince": session.since if session.key else None,
        "connectedSince": session.connected,
        "returnRateLimits": session.show_limits,
        "serverTime": session.venue.wall_ms(),
    }


_SPECIAL: dict[str, Callable[[Session, dict[str, Any]], dict[str, Any]]] = {
    "session.logon": _logon,
    "session.logout": _logout,
    "session.status": _status,
    "ping": lambda *_: {},
    "time": lambda session, _: {"serverTime": session.venue.wall_ms()},
}


def _rate_limits(venue: Venue) -> list[dict[str, Any]]:
    now = venue.wall_ms() / 1000
    orders = venue.limits.order_headers(now)
    counts = (
        venue.limits.used(ADDRESS, now),
        int(orders["X-MBX-ORDER-COUNT-1M"]),
        int(orders["X-MBX-ORDER-COUNT-10S"]),
    )
    return [row | {"count": count} for row, count in zip(RATE_LIMITS, counts, strict=True)]
