"""What must happen first so that the exchange refuses: each returns the reply that carries the refusal."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

from tests.paper.conftest import START
from tests.paper.wire import KEY, Reply, Wire

Case = Callable[[Wire], Awaitable[Reply]]
BTC = "BTCUSDT"
DUAL, MULTI, LEVERAGE = "/fapi/v1/positionSide/dual", "/fapi/v1/multiAssetsMargin", "/fapi/v1/leverage"
MARGIN_TYPE, MARGIN = "/fapi/v1/marginType", "/fapi/v1/positionMargin"


# requests


def key(**headers: str) -> Case:
    return lambda wire: wire.raw("GET", f"/fapi/v2/account?{wire.query()}", dict(headers))


async def bad_signature(wire: Wire) -> Reply:
    return await wire.raw("GET", f"/fapi/v2/account?{wire.query()[:-1]}0x", {"X-MBX-APIKEY": KEY})


async def at(wire: Wire, offset: int) -> Reply:
    return await wire.call("GET", "/fapi/v2/account", timestamp=wire.server.venue.wall_ms() + offset)


async def crowded(wire: Wire) -> Reply:
    return await wire.call("GET", "/fapi/v2/account", **{f"p{number}": number for number in range(200)})


async def heavy(wire: Wire, more: int = 0) -> Reply:
    """Twelve such requests are a minute's weight."""
    for _ in range(12 + more):
        await wire.raw("GET", f"/fapi/v1/historicalTrades?symbol={BTC}", {"X-MBX-APIKEY": KEY})
    return await wire.raw("GET", "/fapi/v1/time")


async def flood(wire: Wire) -> Reply:
    """A batch of five counts five: sixty of them are what ten seconds allow."""
    for _ in range(60):
        await batch(wire, 5)
    return await wire.market()


async def batch(wire: Wire, size: int) -> Reply:
    return await wire.call("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps([{}] * size))


async def fault(wire: Wire, kind: str = "error", **options: object) -> Reply:
    await wire.admin("POST", "faults", kind=kind, **options)
    return await wire.market()


# the market


async def filters(wire: Wire, **values: str) -> None:
    await wire.admin("POST", "market", kind="filters", symbols=[BTC], filters=values)


async def off_step(wire: Wire) -> Reply:
    await filters(wire, step="0.002")
    return await wire.limit(wire.near(), quantity="0.011")


async def small(wire: Wire) -> Reply:
    await filters(wire, min_quantity="0.1")
    return await wire.limit(wire.near(), quantity="0.05")


async def thin_counterparty(wire: Wire) -> Reply:
    await filters(wire, price_up="0.9")
    return await wire.market()


async def status(wire: Wire, value: str) -> Reply:
    await wire.admin("POST", "market", kind="status", symbols=[BTC], value=value)
    return await wire.market()


async def liquidating(wire: Wire) -> Reply:
    """A position that a thin book takes only slowly, short of its maintenance margin."""
    await wire.admin("POST", "account", withdraw="9150")
    await wire.call("POST", LEVERAGE, symbol="BNBUSDT", leverage=50)
    await wire.market("60", symbol="BNBUSDT")
    await wire.admin("POST", "market", kind="thin", depth=0.00001, **{"for": 3600})
    await wire.admin("POST", "market", kind="gap", move=-0.0175)
    venue = wire.server.venue
    venue.clock = type(venue.clock)(START + timedelta(seconds=9), venue.clock.wall(), 0.0)  # type: ignore[call-arg]
    venue.run()
    return await wire.market(side="SELL", symbol="BNBUSDT", quantity="1", reduceOnly="true")


# orders


async def full(wire: Wire) -> Reply:
    wire.server.venue.limits.enforced = False
    await wire.call("POST", LEVERAGE, symbol=BTC, leverage=100)
    for _ in range(200):
        await wire.limit(wire.near("0.97"), quantity="0.002")
    return await wire.limit(wire.near("0.97"), quantity="0.002")


async def full_of_stops(wire: Wire) -> Reply:
    wire.server.venue.limits.enforced = False
    for _ in range(200):
        await wire.algo(quantity="0.01", triggerPrice=wire.near("0.9"))
    return await wire.algo(quantity="0.01", triggerPrice=wire.near("0.9"))


async def duplicate(wire: Wire) -> Reply:
    await wire.limit(wire.near("0.97"), newClientOrderId="twice")
    return await wire.limit(wire.near("0.97"), newClientOrderId="twice")


async def claimed(wire: Wire) -> Reply:
    await wire.market()
    await wire.limit(wire.near("1.02"), side="SELL", reduceOnly="true")
    return await wire.limit(wire.near("1.03"), side="SELL", reduceOnly="true")


async def stop_limit(wire: Wire, side: str, trigger: str, price: str) -> Reply:
    return await wire.algo(
        side=side, type="STOP", quantity="0.01", triggerPrice=wire.near(trigger), price=wire.near(price)
    )


async def second_closing_stop(wire: Wire) -> Reply:
    await wire.algo(closePosition="true", triggerPrice=wire.near("0.9"))
    return await wire.algo(closePosition="true", triggerPrice=wire.near("0.91"))


async def trailing(wire: Wire, rate: str) -> Reply:
    return await wire.algo(type="TRAILING_STOP_MARKET", quantity="0.01", callbackRate=rate)


async def good_till(wire: Wire, seconds: int) -> Reply:
    moment = int((wire.server.venue.now() + timedelta(seconds=seconds)).timestamp() * 1000)
    return await wire.limit(wire.near("0.97"), timeInForce="GTD", goodTillDate=moment)


async def amended(wire: Wire, *, amends: int = 0, **changes: object) -> Reply:
    """An order of 0.01 at 0.97 of the mark, changed once more."""
    order = (await wire.limit(wire.near("0.97"))).body
    found = wire.server.venue.engine.state.orders.find(BTC, order["orderId"], None)
    assert found is not None
    found.amends = amends
    same = {"symbol": BTC, "side": "BUY", "quantity": "0.01", "price": order["price"], "orderId": order["orderId"]}
    return await wire.call("PUT", "/fapi/v1/order", **(same | changes))


# the account


async def locked(wire: Wire, what: str) -> Reply:
    await wire.admin("POST", "account", **{what: True})
    return await wire.market()


async def penniless(wire: Wire) -> Reply:
    await wire.admin("POST", "account", withdraw="10000")
    return await wire.market()


async def hedged(wire: Wire, **params: object) -> Reply:
    await wire.call("POST", DUAL, dualSidePosition="true")
    return await wire.market(**params)


async def lower_leverage(wire: Wire) -> Reply:
    await wire.admin("POST", "account", deposit="100000")
    await wire.market("10")
    return await wire.call("POST", LEVERAGE, symbol=BTC, leverage=1)


async def over_leverage(wire: Wire) -> Reply:
    await wire.admin("POST", "account", deposit="90000000")
    await wire.call("POST", LEVERAGE, symbol=BTC, leverage=150)
    return await wire.limit(wire.near(), quantity="100")


async def isolated(wire: Wire, *, position: bool = True) -> None:
    await wire.call("POST", MARGIN_TYPE, symbol=BTC, marginType="ISOLATED")
    if position:
        await wire.market()


async def isolated_leverage(wire: Wire) -> Reply:
    await isolated(wire)
    return await wire.call("POST", LEVERAGE, symbol=BTC, leverage=10)


async def margin(wire: Wire, amount: str, kind: int = 1, *, position: bool = True) -> Reply:
    await isolated(wire, position=position)
    return await wire.call("POST", MARGIN, symbol=BTC, amount=amount, type=kind)


async def with_order(wire: Wire, path: str, **params: object) -> Reply:
    await wire.limit(wire.near("0.97"))
    return await wire.call("POST", path, **params)


async def with_position(wire: Wire, path: str, **params: object) -> Reply:
    await wire.market()
    return await wire.call("POST", path, **params)


async def multi_assets_after_isolated(wire: Wire) -> Reply:
    await isolated(wire, position=False)
    return await wire.call("POST", MULTI, multiAssetsMargin="true")


async def isolated_after_multi_assets(wire: Wire) -> Reply:
    await wire.call("POST", MULTI, multiAssetsMargin="true")
    return await wire.call("POST", MARGIN_TYPE, symbol=BTC, marginType="ISOLATED")
