"""Every row of the table of filters and error codes, provoked on the wire."""

from collections.abc import Awaitable, Callable

import pytest

from canary_cli.paper.server import Server
from tests.paper.wire import KEY, Reply, Wire

Case = Callable[[Wire], Awaitable[Reply]]


async def _filters(wire: Wire, **values: str) -> None:
    await wire.admin("POST", "market", kind="filters", symbols=["BTCUSDT"], filters=values)


async def _status(wire: Wire, value: str) -> None:
    await wire.admin("POST", "market", kind="status", symbols=["BTCUSDT"], value=value)


async def _off_step(wire: Wire) -> Reply:
    await _filters(wire, step="0.002")
    return await wire.limit(wire.near(), quantity="0.011")


async def _small(wire: Wire) -> Reply:
    await _filters(wire, min_quantity="0.1")
    return await wire.limit(wire.near(), quantity="0.05")


async def _status_case(wire: Wire, value: str) -> Reply:
    await _status(wire, value)
    return await wire.market()


async def _thin(wire: Wire) -> Reply:
    await _filters(wire, price_up="0.9")
    return await wire.market()


async def _full(wire: Wire) -> Reply:
    wire.server.venue.limits.enforced = False
    await wire.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=100)
    for _ in range(200):
        await wire.limit(wire.near("0.97"), quantity="0.002")
    return await wire.limit(wire.near("0.97"), quantity="0.002")


async def _full_of_stops(wire: Wire) -> Reply:
    wire.server.venue.limits.enforced = False
    for _ in range(200):
        await wire.algo(quantity="0.01", triggerPrice=wire.near("0.9"))
    return await wire.algo(quantity="0.01", triggerPrice=wire.near("0.9"))


async def _hedged(wire: Wire, **params: object) -> Reply:
    await wire.call("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    return await wire.market(**params)


async def _lower_leverage(wire: Wire) -> Reply:
    await wire.admin("POST", "account", deposit="100000")
    await wire.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=20)
    await wire.market("10")
    return await wire.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=1)


async def _over_leverage(wire: Wire) -> Reply:
    await wire.admin("POST", "account", deposit="90000000")
    await wire.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=150)
    return await wire.limit(wire.near(), quantity="100")


async def _claimed(wire: Wire) -> Reply:
    await wire.market()
    await wire.limit(wire.near("1.02"), side="SELL", reduceOnly="true")
    return await wire.limit(wire.near("1.03"), side="SELL", reduceOnly="true")


async def _duplicate(wire: Wire) -> Reply:
    await wire.limit(wire.near("0.97"), newClientOrderId="twice")
    return await wire.limit(wire.near("0.97"), newClientOrderId="twice")


async def _locked(wire: Wire, what: str) -> Reply:
    await wire.admin("POST", "account", **{what: True})
    return await wire.market()


async def _liquidating(wire: Wire) -> Reply:
    wire.server.venue.engine.state.liquidating = True
    return await wire.market()


async def _fault(wire: Wire, **fault: object) -> Reply:
    await wire.admin("POST", "faults", **fault)
    return await wire.market()


def _key(**headers: str) -> Case:
    return lambda wire: wire.raw("GET", f"/fapi/v2/account?{wire.query()}", dict(headers))


ROWS: list[tuple[str, int, str, Case]] = [
    ("price zero", -4001, "Price less than 0.", lambda w: w.limit("0")),
    ("price under the least", -4013, "Price less than min price.", lambda w: w.limit("0.01")),
    ("price over the most", -4002, "Price greater than max price.", lambda w: w.limit("99999999")),
    ("price off tick", -4014, "Price not increased by tick size.", lambda w: w.limit(f"{w.near():.1f}5")),
    ("price precision", -1111, "Precision is over", lambda w: w.limit("60000.12345")),
    ("quantity precision", -1111, "Precision is over", lambda w: w.limit(w.near(), quantity="0.0001")),
    ("quantity zero", -4003, "Quantity less than or equal to zero.", lambda w: w.limit(w.near(), quantity="0")),
    ("quantity small", -4004, "Quantity less than min quantity.", _small),
    ("quantity large", -4005, "Quantity greater than max quantity.", lambda w: w.limit(w.near(), quantity="1001")),
    ("market quantity large", -4005, "Quantity greater than max quantity.", lambda w: w.market("121")),
    ("quantity off step", -4023, "Qty not increased by step size.", _off_step),
    (
        "notional",
        -4164,
        "Order's notional must be no smaller than 100 ",
        lambda w: w.limit(w.near("0.5"), quantity="0.001"),
    ),
    ("buy above band", -4016, "Limit price can't be higher than ", lambda w: w.limit(w.near("1.06"))),
    ("sell below band", -4024, "Limit price can't be lower than ", lambda w: w.limit(w.near("0.94"), side="SELL")),
    ("stop limit above band", -4183, "Limit price can't be higher", lambda w: _stop_limit(w, "BUY", "1.02", "1.09")),
    ("stop limit below band", -4184, "Limit price can't be lower", lambda w: _stop_limit(w, "SELL", "0.98", "0.91")),
    ("counterparty outside band", -4131, "The counterparty's best price", _thin),
    ("open orders", -2025, "Reach max open order limit.", _full),
    ("conditional orders", -4045, "Reach max stop order limit.", _full_of_stops),
    ("symbol", -1121, "Invalid symbol.", lambda w: w.market(symbol="NOPEUSDT")),
    ("halted", -1122, "Invalid symbol status.", lambda w: _status_case(w, "TRADING_HALT")),
    ("cancel only", -4140, "Invalid symbol status for opening", lambda w: _status_case(w, "TRADING_CANCEL_ONLY")),
    ("closed", -4141, "Symbol is closed.", lambda w: _status_case(w, "CLOSE")),
    ("missing", -1102, "Mandatory parameter 'quantity' was not sent", lambda w: w.order(type="MARKET")),
    ("unneeded", -1106, "Parameter 'timeInForce' sent when not required.", lambda w: w.market(timeInForce="GTC")),
    ("illegal characters", -1100, "Illegal characters found in parameter 'quantity'", lambda w: w.market("1e-05")),
    ("time in force", -1115, "Invalid timeInForce.", lambda w: w.limit(w.near(), timeInForce="XXX")),
    ("order type", -1116, "Invalid orderType.", lambda w: w.order(type="HOPE", quantity="1")),
    ("side", -1117, "Invalid side.", lambda w: w.market(side="LEFT")),
    ("interval", -1120, "Invalid interval.", lambda w: w.raw("GET", "/fapi/v1/klines?symbol=BTCUSDT&interval=7m")),
    ("key malformed", -2014, "API-key format invalid.", _key(**{"X-MBX-APIKEY": "no"})),
    ("key absent", -2014, "API-key format invalid.", _key()),
    ("key unknown", -2015, "Invalid API-key, IP, or permissions for action", _key(**{"X-MBX-APIKEY": "x" * 64})),
    ("signature", -1022, "Signature for this request is not valid.", lambda w: _bad_signature(w)),  # noqa: PLW0108
    ("late", -1021, "Timestamp for this request is outside", lambda w: _at(w, -5100)),
    ("early", -1021, "Timestamp for this request was 1000ms ahead", lambda w: _at(w, 1500)),
    ("margin", -2019, "Margin is insufficient.", lambda w: w.market("50")),
    ("above bracket", -2027, "Exceeded the maximum allowable position", _over_leverage),
    ("lower leverage", -2028, "Leverage is smaller than permitted", _lower_leverage),
    ("nothing to reduce", -2022, "ReduceOnly Order is rejected.", lambda w: w.market(reduceOnly="true")),
    ("reduce claimed", -4118, "ReduceOnly Order Failed.", _claimed),
    ("position side", -4061, "Order's position side does not match", lambda w: w.market(positionSide="LONG")),
    ("position side in hedge mode", -4061, "Order's position side does not match", _hedged),
    ("position side unknown", -4060, "Invalid position side.", lambda w: w.market(positionSide="UP")),
    (
        "reduceOnly in hedge mode",
        -1106,
        "Parameter 'reduceonly' sent",
        lambda w: _hedged(w, positionSide="LONG", reduceOnly="true"),
    ),
    (
        "would trigger",
        -2021,
        "Order would immediately trigger.",
        lambda w: w.algo(quantity="0.01", triggerPrice=w.near("1.01")),
    ),
    (
        "conditional on /order",
        -4120,
        "Order type not supported for this endpoint.",
        lambda w: w.order(type="STOP_MARKET", quantity="1"),
    ),
    (
        "cancel unknown",
        -2011,
        "Unknown order sent.",
        lambda w: w.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=1),
    ),
    (
        "query unknown",
        -2013,
        "Order does not exist.",
        lambda w: w.call("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=1),
    ),
    (
        "post-only takes",
        -5022,
        "Due to the order could not be executed as maker",
        lambda w: w.limit(w.near("1.01"), timeInForce="GTX"),
    ),
    (
        "fill-or-kill",
        -5021,
        "Due to the order could not be filled immediately",
        lambda w: w.limit(w.near("0.99"), timeInForce="FOK"),
    ),
    ("duplicate client id", -4116, "ClientOrderId is duplicated.", _duplicate),
    (
        "client id too long",
        -4015,
        "Client order id length should not be more than 36",
        lambda w: w.market(newClientOrderId="x" * 37),
    ),
    (
        "close with quantity",
        -4137,
        "Quantity must be zero",
        lambda w: w.algo(closePosition="true", quantity="1", triggerPrice=w.near("0.9")),
    ),
    (
        "close with reduceOnly",
        -4138,
        "Reduce only must be true",
        lambda w: w.algo(closePosition="true", reduceOnly="true", triggerPrice=w.near("0.9")),
    ),
    ("liquidating", -2023, "User in liquidation mode now.", _liquidating),
    ("reduce-only account", -4087, "User can only place reduce only order", lambda w: _locked(w, "reduce_only")),
    ("quantitative rules", -4400, "Futures Trading Quantitative Rules violated", lambda w: _locked(w, "locked")),
    (
        "listen key gone",
        -1125,
        "This listenKey does not exist.",
        lambda w: w.raw("PUT", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY}),
    ),
    ("backend timeout", -1007, "Timeout waiting for response", lambda w: _fault(w, kind="unknown", code=-1007)),
    ("throttled", -1008, "Request throttled by system-level protection.", lambda w: _fault(w, kind="throttle")),
]


async def _stop_limit(wire: Wire, side: str, trigger: str, price: str) -> Reply:
    return await wire.algo(
        side=side, type="STOP", quantity="0.01", triggerPrice=wire.near(trigger), price=wire.near(price)
    )


async def _bad_signature(wire: Wire) -> Reply:
    return await wire.raw("GET", f"/fapi/v2/account?{wire.query()[:-1]}0x", {"X-MBX-APIKEY": KEY})


async def _at(wire: Wire, offset: int) -> Reply:
    return await wire.call("GET", "/fapi/v2/account", timestamp=wire.server.venue.wall_ms() + offset)


@pytest.mark.parametrize(("name", "code", "text", "case"), ROWS, ids=[row[0] for row in ROWS])
async def test_each_violation_has_its_code_and_wording(
    name: str, code: int, text: str, case: Case, wire: Wire, server: Server
) -> None:
    reply = await case(wire)
    assert (reply.code, reply.body["msg"][: len(text)]) == (code, text)
    assert reply.status == {-2014: 401, -2015: 401, -1007: 408, -1008: 503}.get(code, 400)
    assert set(reply.body) == {"code", "msg"}
