"""Every user event, provoked on the wire: its fields and their types are the exchange's, no more and no less."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canary_cli.core.clock import ScaledClock
from tests.contract import payloads
from tests.paper.documented import differences
from tests.paper.wire import KEY, Wire


def documented(event: Any, shape: Any) -> bool:
    found = list(differences(event, shape))
    assert found == []
    return True


class Hearer:
    """The user stream of one client."""

    def __init__(self, wire: Wire, ws: Any) -> None:
        self.wire, self.ws = wire, ws

    async def next(self, kind: str) -> Any:
        while (event := (await asyncio.wait_for(self.ws.receive(), 10)).json())["e"] != kind:
            pass
        return event

    def rest(self, seconds: float) -> None:
        venue = self.wire.server.venue
        venue.clock = ScaledClock(venue.clock.now() + timedelta(seconds=seconds), venue.clock.wall(), 1.0)
        venue.run()


@pytest.fixture
async def hearer(wire: Wire) -> Hearer:
    key = (await wire.raw("POST", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).body["listenKey"]
    return Hearer(wire, await wire.http.ws_connect(f"{wire.base}/private/ws/{key}"))


async def test_an_order_and_its_fill(hearer: Hearer) -> None:
    """What is new has no commission yet; the short word of a fill comes before the long one."""
    await hearer.wire.market(newClientOrderId="mine")
    new = await hearer.next("ORDER_TRADE_UPDATE")
    assert documented(new, payloads.ORDER_TRADE_UPDATE)
    assert (new["o"]["x"], new["o"]["X"], new["o"]["n"], new["o"]["t"]) == ("NEW", "NEW", "0", 0)
    changed = await hearer.next("ACCOUNT_UPDATE")
    assert documented(changed, payloads.ACCOUNT_UPDATE)
    assert (changed["a"]["m"], changed["a"]["P"][0]["mt"]) == ("ORDER", "cross")
    lite = await hearer.next("TRADE_LITE")
    assert documented(lite, payloads.TRADE_LITE)
    filled = await hearer.next("ORDER_TRADE_UPDATE")
    assert documented(filled, payloads.ORDER_TRADE_UPDATE)
    traded = filled["o"]
    assert (traded["x"], traded["X"], traded["c"], traded["t"]) == ("TRADE", "FILLED", "mine", lite["t"])
    assert (traded["L"], traded["l"], traded["i"]) == (lite["L"], lite["l"], lite["i"])
    assert Decimal(traded["n"]) > 0


@pytest.mark.parametrize(
    ("order", "status", "reason"),
    [({"timeInForce": "IOC"}, "EXPIRED", "2"), ({"timeInForce": "GTC"}, "CANCELED", "0")],
)
async def test_how_an_order_ended(hearer: Hearer, order: dict[str, str], status: str, reason: str) -> None:
    await hearer.wire.limit(hearer.wire.near("0.97"), newClientOrderId="gone", **order)
    if status == "CANCELED":
        await hearer.wire.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="gone")
    await hearer.next("ORDER_TRADE_UPDATE")
    ended = (await hearer.next("ORDER_TRADE_UPDATE"))["o"]
    assert (ended["x"], ended["X"], ended["er"]) == (status, status, reason)


async def test_an_amended_order(hearer: Hearer) -> None:
    price = hearer.wire.near("0.97")
    await hearer.wire.limit(price, newClientOrderId="mine")
    await hearer.next("ORDER_TRADE_UPDATE")
    change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "mine", "quantity": "0.02", "price": price}
    await hearer.wire.call("PUT", "/fapi/v1/order", **change)
    amended = (await hearer.next("ORDER_TRADE_UPDATE"))["o"]
    assert (amended["x"], amended["q"]) == ("AMENDMENT", "0.02")


async def test_a_conditional_order_from_new_to_finished(hearer: Hearer) -> None:
    await hearer.wire.market()
    placed = await hearer.wire.algo(closePosition="true", triggerPrice=hearer.wire.near("0.98"), clientAlgoId="stop")
    new = await hearer.next("ALGO_UPDATE")
    assert documented(new, payloads.ALGO_UPDATE)
    assert (new["o"]["X"], new["o"]["aid"], new["o"]["ai"]) == ("NEW", placed.body["algoId"], "")
    await hearer.wire.admin("POST", "market", kind="gap", move=-0.05)
    hearer.rest(3)
    heard = [(await hearer.next("ALGO_UPDATE"))["o"] for _ in range(3)]
    assert [one["X"] for one in heard] == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    assert heard[-1]["ai"].isdecimal()
    assert Decimal(heard[-1]["aq"]) == Decimal("0.01")


async def test_a_trailing_stop_tells_when_it_is_activated_and_what_it_became(hearer: Hearer) -> None:
    await hearer.wire.market()
    await hearer.wire.algo(
        type="TRAILING_STOP_MARKET", quantity="0.01", activatePrice=hearer.wire.near("1.02"), callbackRate="1"
    )
    assert (await hearer.next("ALGO_UPDATE"))["o"]["ia"] is False
    await hearer.wire.admin("POST", "market", kind="gap", move=0.05)
    hearer.rest(3)
    active = await hearer.next("ALGO_UPDATE")
    assert documented(active, payloads.ALGO_UPDATE)
    assert (active["o"]["X"], active["o"]["ia"]) == ("NEW", True)
    await hearer.wire.admin("POST", "market", kind="gap", move=-0.05)
    hearer.rest(3)
    await hearer.next("ALGO_UPDATE")
    became = await hearer.next("ORDER_TRADE_UPDATE")
    assert documented(became["o"], payloads.ORDER | {"AP": str, "cr": str})
    assert became["o"]["ot"] == "TRAILING_STOP_MARKET"


async def test_money_that_comes_and_funding_name_their_reason(hearer: Hearer) -> None:
    await hearer.wire.admin("POST", "account", deposit=5)
    came = await hearer.next("ACCOUNT_UPDATE")
    assert (came["a"]["m"], came["a"]["B"][0]["bc"], came["a"]["P"]) == ("DEPOSIT", "5", [])
    await hearer.wire.market()
    while (await hearer.next("ACCOUNT_UPDATE"))["a"]["m"] != "ORDER":
        pass
    hearer.rest(6 * 3600)
    paid = await hearer.next("ACCOUNT_UPDATE")
    assert (paid["a"]["m"], paid["a"]["S"], paid["a"]["P"]) == ("FUNDING_FEE", "BTCUSDT", [])
    assert Decimal(paid["a"]["B"][0]["bc"])


async def test_settings_are_told(hearer: Hearer) -> None:
    await hearer.wire.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=7)
    assert documented(await hearer.next("ACCOUNT_CONFIG_UPDATE"), payloads.ACCOUNT_CONFIG_UPDATE)
    await hearer.wire.call("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="true")
    assert documented(await hearer.next("ACCOUNT_CONFIG_UPDATE"), payloads.MULTI_ASSETS_UPDATE)


async def test_a_margin_call_and_the_liquidation_after_it(hearer: Hearer) -> None:
    await hearer.wire.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=75)
    quantity = (Decimal(600_000) / hearer.wire.mark()).quantize(Decimal("0.001"))
    assert (await hearer.wire.market(quantity)).status == 200
    await hearer.wire.admin("POST", "market", kind="crash", move=-0.03, **{"for": 600})
    for _ in range(20):
        hearer.rest(30)
    called = await hearer.next("MARGIN_CALL")
    assert documented(called, payloads.MARGIN_CALL)
    while not (event := (await hearer.next("ORDER_TRADE_UPDATE"))["o"])["c"].startswith("autoclose-"):
        pass
    assert event["ot"] == "LIQUIDATION"


async def test_a_listen_key_that_ends(hearer: Hearer) -> None:
    await hearer.wire.admin("POST", "faults", kind="listen_key_expiry")
    assert documented(await hearer.next("listenKeyExpired"), payloads.LISTEN_KEY_EXPIRED)
