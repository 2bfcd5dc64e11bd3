"""One REST request from bytes to reply: endpoint, weight, key, time, signature, faults, handler."""

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from canary_cli.paper import problems
from canary_cli.paper.connections import read_body
from canary_cli.paper.fault_kinds import REQUEST_KINDS
from canary_cli.paper.faults import Fault, problem_of
from canary_cli.paper.limits import ADDRESS
from canary_cli.paper.params import Params, parse_pairs
from canary_cli.paper.problems import Problem
from canary_cli.paper.rest import ENDPOINTS, Call, Endpoint
from canary_cli.paper.rest.orders import ALL_CANCELLED
from canary_cli.paper.security import Key, Security, check_time, split_signature
from canary_cli.paper.venue import Venue

BEFORE = tuple(kind for kind in REQUEST_KINDS if kind not in ("lost_reply", "unknown", "latency", "ack_only"))
AFTER = ("lost_reply", "unknown")
WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
CANCEL_ALL = ("DELETE /fapi/v1/allOpenOrders", "DELETE /fapi/v1/algoOpenOrders")


class Disconnect(Exception):
    """Close the connection without a reply."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: raw query and body are what is signed."""

    method: str
    path: str
    query: bytes
    body: bytes
    key: str | None

    @property
    def target(self) -> str:
        return f"{self.method} {self.path}"


async def serve_rest(venue: Venue, request: web.BaseRequest) -> web.Response:
    """Answer one request. Raises `Disconnect` where a fault wants the reply lost."""
    venue.touch()
    headers: dict[str, str] = {}
    try:
        asked = await _read(request)
        document = await answer(venue, asked, headers)
        status = 200
    except Problem as problem:
        document, status = problem.body, problem.status
        headers |= problem.headers
    if WEIGHT_HEADER not in headers:
        headers[WEIGHT_HEADER] = str(venue.limits.used(ADDRESS, venue.wall_ms() / 1000))
    return web.Response(
        body=orjson.dumps(document), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


async def _read(request: web.BaseRequest) -> Asked:
    body = await read_body(request)
    if request.method == "GET":
        body = b""  # whose parameters are in the query only
    query = request.rel_url.raw_query_string.encode("utf-8", "surrogateescape")
    path = request.rel_url.raw_path
    return Asked(request.method, path, query, body, request.headers.get("X-MBX-APIKEY"))


async def answer(venue: Venue, asked: Asked, headers: dict[str, str]) -> Any:
    """The reply's document; `headers` get the weights and counts."""
    endpoint = ENDPOINTS.get((asked.method, asked.path))
    if endpoint is None:
        raise _no_endpoint(asked)
    now = venue.wall_ms() / 1000
    params = Params(parse_pairs(asked.body) | parse_pairs(asked.query))
    used = venue.limits.spend(ADDRESS, endpoint.weight(params), now)
    headers[WEIGHT_HEADER] = str(used)
    key = authenticate(venue, endpoint, asked, params)
    return await perform(venue, asked.target, endpoint, params, key, headers)


async def perform(
    venue: Venue, target: str, endpoint: Endpoint, params: Params, key: Key | None, headers: dict[str, str]
) -> Any:
    """What is asked by somebody known: if he may, through the faults, against the order limits, to the handler."""
    if endpoint.security is Security.TRADE and (key is None or not key.can_trade):
        raise problems.unknown_key(ADDRESS)
    now, symbol = venue.now(), params.get("symbol", "").upper()
    await _delay(venue, venue.faults.strike(now, target, symbol, "latency"))
    fault = venue.faults.strike(now, target, symbol, *BEFORE, calm=_is_exempt(target, params))
    if fault is not None:
        _fail(venue, fault)
    if endpoint.orders != (0, 0):
        wall = venue.wall_ms() / 1000
        venue.limits.spend_orders(*endpoint.orders, wall)
        headers |= venue.limits.order_headers(wall)
    if target in CANCEL_ALL and venue.faults.strike(now, target, symbol, "ack_only"):
        return ALL_CANCELLED
    document = handle(venue, endpoint, params, key)
    lost = venue.faults.strike(now, target, symbol, *AFTER)
    if lost is not None:
        if lost.kind == "lost_reply":
            raise Disconnect
        raise problem_of(lost)
    return document


def handle(venue: Venue, endpoint: Endpoint, params: Params, key: Key | None) -> Any:
    """Run the handler at the present plan time and tell the streams what came of it."""
    venue.now()
    try:
        return endpoint.handler(Call(venue, params, key))
    finally:
        venue.publish()


def _no_endpoint(asked: Asked) -> Problem:
    known = {method for method, path in ENDPOINTS if path == asked.path}
    if known:
        return Problem(-1000, f"Request method '{asked.method}' is not supported.", 405)
    return Problem(-5000, f"Path {asked.path[:200]}, Method {asked.method} is invalid", 404)


def authenticate(venue: Venue, endpoint: Endpoint, asked: Asked, params: Params) -> Key | None:
    """Key, timing, signature: in the order the exchange complains."""
    if not endpoint.security.needs_key:
        return None
    key = venue.keys.find(asked.key, ADDRESS)
    if not endpoint.security.is_signed:
        return key
    payload, signature = split_signature(asked.query, asked.body)
    params.need("signature")
    check_time(params.need_integer("timestamp"), params.integer("recvWindow"), venue.wall_ms())
    if not key.verifies(payload, signature):
        raise problems.bad_signature()
    return key


def _is_exempt(target: str, params: Params) -> bool:
    """What the protection of the exchange lets pass: cancels, and orders that only reduce."""
    reduces = (params.get(name, "").lower() == "true" for name in ("reduceOnly", "closePosition"))
    return target.startswith("DELETE ") or any(reduces)


async def _delay(venue: Venue, fault: Fault | None) -> None:
    if fault is not None:
        await venue.clock.pause(venue.faults.delay(fault))


def _fail(venue: Venue, fault: Fault) -> None:
    if fault.kind in ("drop", "outage"):
        raise Disconnect
    if fault.kind == "ban":
        seconds = float(fault.options.get("seconds", 120))
        now = venue.wall_ms() / 1000
        venue.limits.ban(ADDRESS, seconds, now)
        raise problems.banned(int((now + seconds) * 1000), int(seconds))
    raise problem_of(fault)
