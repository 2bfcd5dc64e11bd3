"""What no Binance client ever calls: `/paper/...`, for whoever runs the exchange. JSON in, JSON out, loopback only."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from aiohttp import web

from canary_cli.core.model import ZERO, OrderType, PositionSide, Side
from canary_cli.paper import configuring
from canary_cli.paper.connections import read_body
from canary_cli.paper.fault_effects import WORLD_CHANGES
from canary_cli.paper.fault_kinds import check
from canary_cli.paper.limits import ADDRESS
from canary_cli.paper.liquidation import deleverage
from canary_cli.paper.market.model import Shock, ShockKind
from canary_cli.paper.orders import NewOrder
from canary_cli.paper.problems import Problem
from canary_cli.paper.security import Key
from canary_cli.paper.settling import transfer
from canary_cli.paper.shapes import placed
from canary_cli.paper.venue import Venue

Body = dict[str, Any]
MOST_MOVED = 10**12  # of an asset, in or out at once


class Wrong(Exception):
    """A request that makes no sense, and why."""


async def serve_admin(venue: Venue, request: web.BaseRequest) -> web.Response:
    if request.method != "GET":
        venue.touch()
    try:
        body = await _body(request)
        document, status = _route(venue, request.method, request.path, body), 200
    except Wrong as wrong:
        document, status = {"error": str(wrong)}, 400
    except Problem as problem:
        document, status = {"error": f"{problem.code} {problem.text}"}, 400
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")


async def _body(request: web.BaseRequest) -> Body:
    raw = await read_body(request)
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise Wrong(f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise Wrong("the body must be a JSON object")
    return body


def _route(venue: Venue, method: str, path: str, body: Body) -> Any:
    parts = path.strip("/").split("/")[1:]
    match method, parts:
        case "GET", ["status"]:
            return status(venue)
        case "GET", ["clock"]:
            return clock(venue)
        case "POST", ["hold"]:
            venue.hold()
            return clock(venue)
        case "GET", ["faults"]:
            return [fault.describe() for fault in venue.faults.all()]
        case "POST", ["faults"]:
            return add_fault(venue, body)
        case "DELETE", ["faults"]:
            return remove_faults(venue)
        case "DELETE", ["faults", number] if number.isdecimal() and len(number) < 10:
            return remove_faults(venue, int(number))
        case "POST", ["market"]:
            return change_market(venue, body)
        case "POST", ["account"]:
            return change_account(venue, body)
        case "POST", ["stop"]:
            venue.stop()
            return {"stopping": True}
    raise Wrong(f"no {method} {path}: see docs/paper-exchange.md")


def clock(venue: Venue) -> Body:
    """An instant of both clocks and the speed: any process computes plan time from them (`core.clock.ScaledClock`)."""
    wall, plan = venue.clock.wall(), venue.clock.now()
    return {
        "plan_start": plan.isoformat(),
        "wall_start": wall.isoformat(),
        "speed": venue.clock.speed,
        "now": plan.isoformat(),
    }


def status(venue: Venue) -> Body:
    state = venue.engine.state
    return {
        "schema_version": 1,
        "account": venue.account,
        **clock(venue),
        "pairs": list(state.market.symbols),
        "equity": str(state.account.wallet + state.account.unrealized(state.marks)),
        "positions": {f"{held.symbol} {held.side.value}": str(held.quantity) for held in state.account.open_holdings()},
        "open_orders": sum(state.orders.count(symbol) for symbol in state.listings),
        "open_conditionals": state.conditionals.count(),
        "sockets": len(venue.hub.sockets) + len(venue.hub.api_sockets),
        "weight": venue.limits.used(ADDRESS, venue.wall_ms() / 1000),
        "orders": int(venue.limits.order_headers(venue.wall_ms() / 1000)["X-MBX-ORDER-COUNT-1M"]),
        "faults": [fault.describe() for fault in venue.faults.on(state.now, *{f.kind for f in venue.faults.all()})],
        "idle_seconds": round(venue.idle_seconds, 1),
    }


def add_fault(venue: Venue, body: Body) -> Body:
    """`kind`, `after` and `for` in plan seconds, and the fault's own options."""
    options = dict(body)
    kind, after, lasting = str(options.pop("kind", "")), options.pop("after", 0), options.pop("for", None)
    try:
        begins = venue.now() + timedelta(seconds=float(after))
        ends = begins + timedelta(seconds=float(lasting)) if lasting is not None else None
        fault = venue.faults.add(kind, options, begins, ends)
    except (TypeError, ValueError, OverflowError) as error:
        raise Wrong(str(error)) from None
    venue.publish()
    return fault.describe()


def remove_faults(venue: Venue, number: int | None = None) -> Body:
    """One or all, which ends what they do to the exchange."""
    removed = venue.faults.remove(number)
    venue.publish()
    return {"removed": removed}


def change_market(venue: Venue, body: Body) -> Body:
    """A shock (`kind` gap, crash, recover, flat, thin, halt), a `status`, or new `filters` of a pair."""
    state, kind = venue.engine.state, str(body.get("kind", ""))
    options = {name: value for name, value in body.items() if name != "kind"}
    try:
        if kind in WORLD_CHANGES:
            check(kind, options)
            for symbol in options.get("symbols", ()):
                state.listing(symbol)
            WORLD_CHANGES[kind](state, options)
        else:
            state.market.shock(_shock(kind, options))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Wrong(f"market {kind}: {error}") from None
    return {"done": kind}


def _shock(kind: str, options: Body) -> Shock:
    """`for` in plan seconds, `symbols`, `move`, `depth`."""
    unknown = set(options) - {"for", "symbols", "move", "depth"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r}")
    lasting, symbols = timedelta(seconds=float(options.get("for", 0))), tuple(options.get("symbols", ()))
    move, depth = float(options.get("move", 0)), float(options.get("depth", 0.1))
    return Shock(ShockKind(kind), None, lasting, symbols, move, depth)


def change_account(venue: Venue, body: Body) -> Body:
    """One of `deposit`, `withdraw`, `hedge`, `key`, `order`, `adl`, `locked`, `reduce_only`, `revoke`, `limits`."""
    venue.now()
    unknown = set(body) - set(_DEEDS) - {"asset"}
    if unknown or not body:
        raise Wrong(f"one of {', '.join(_DEEDS)}" + (f", not {min(unknown)}" if unknown else ""))
    try:
        done = {name: _DEEDS[name](venue, body) for name in _DEEDS if name in body}
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise Wrong(f"account: {error}") from None
    venue.publish()
    return done


def _move(venue: Venue, body: Body, sign: int) -> str:
    asset, name = str(body.get("asset", "USDT")), "deposit" if sign > 0 else "withdraw"
    amount = Decimal(str(body[name]))
    if not 0 < amount <= MOST_MOVED:
        raise Wrong(f"{name} must be above 0 and at most {MOST_MOVED:,}")
    if sign < 0 and amount > venue.engine.state.account.wallets.get(asset, ZERO):
        raise Wrong("the wallet does not hold that much")
    transfer(venue.engine.state, asset, sign * amount)
    return str(venue.engine.state.account.wallets[asset])


def _hedge(venue: Venue, body: Body) -> bool:
    configuring.set_hedge(venue.engine.state, hedge=bool(body["hedge"]))
    return bool(body["hedge"])


def _key(venue: Venue, body: Body) -> str:
    spec = body["key"]
    venue.keys.add(
        Key(
            str(spec["name"]),
            str(spec.get("secret", "")),
            str(spec.get("public_pem", "")),
            bool(spec.get("can_trade", True)),
            bool(spec.get("can_withdraw", False)),
            bool(spec.get("ip_restricted", True)),
            frozenset(map(str, spec.get("addresses", ()))),
        )
    )
    return str(spec["name"])


def _order(venue: Venue, body: Body) -> Body:
    """An order by hand, as from the app: its client id is `web_…`."""
    spec = body["order"]
    price = Decimal(str(spec["price"])) if "price" in spec else None
    new = NewOrder(
        str(spec["symbol"]),
        Side(spec["side"]),
        OrderType.LIMIT if price else OrderType.MARKET,
        Decimal(str(spec["quantity"])),
        price,
        position_side=PositionSide(spec.get("position_side", "BOTH")),
        reduce_only=bool(spec.get("reduce_only", False)),
        client_id=f"web_{venue.engine.new_client_id()}",
    )
    return placed(venue.engine.place(new))


def _adl(venue: Venue, body: Body) -> bool:
    side = PositionSide.BOTH if not venue.engine.state.account.hedge else PositionSide.LONG
    venue.engine.state.listing(str(body["adl"]))
    return deleverage(venue.engine.state, str(body["adl"]), side) is not None


def _locked(venue: Venue, body: Body) -> bool:
    venue.engine.state.locked = bool(body["locked"])
    return venue.engine.state.locked


def _reduce_only(venue: Venue, body: Body) -> bool:
    venue.engine.state.account.reduce_only = bool(body["reduce_only"])
    return bool(body["reduce_only"])


def _revoke(venue: Venue, body: Body) -> str:
    venue.keys.revoke(str(body["revoke"]))
    return str(body["revoke"])


def _limits(venue: Venue, body: Body) -> bool:
    """False: weights and order counts are counted and told, but nobody is turned away."""
    venue.limits.enforced = bool(body["limits"])
    return venue.limits.enforced


_DEEDS: dict[str, Callable[[Venue, Body], Any]] = {
    "deposit": lambda venue, body: _move(venue, body, 1),
    "withdraw": lambda venue, body: _move(venue, body, -1),
    "hedge": _hedge,
    "key": _key,
    "order": _order,
    "adl": _adl,
    "locked": _locked,
    "reduce_only": _reduce_only,
    "revoke": _revoke,
    "limits": _limits,
}
