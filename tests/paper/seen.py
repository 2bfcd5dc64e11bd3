"""What a client sees of every fault there is: one story a kind, told whichever way the fault was switched on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from tests.paper.wire import KEY, Reply, Wire

TICK = "btcusdt@markPrice@1s"


@dataclass
class Scene:
    """`on` switches the fault of the story on; `rest` lets plan seconds pass."""

    wire: Wire
    on: Callable[..., Awaitable[None]]
    rest: Callable[[float], None]
    opened: list[Any] = field(default_factory=list)

    async def off(self) -> None:
        await self.wire.admin("DELETE", "faults")

    async def socket(self, path: str) -> Any:
        self.opened.append(await self.wire.http.ws_connect(self.wire.base + path))
        return self.opened[-1]

    async def user(self) -> Any:
        key = (await self.wire.raw("POST", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).body["listenKey"]
        return await self.socket(f"/private/ws/{key}")

    async def status_of(self, client_id: str) -> Any:
        """What a query says of an order: its status, or the code of the refusal."""
        query = {"symbol": "BTCUSDT", "origClientOrderId": client_id}
        body = (await self.wire.call("GET", "/fapi/v1/order", **query)).body
        return body.get("status") or body["code"]

    async def cut(self, **order: Any) -> None:
        """The connection ends without an answer."""
        with pytest.raises(aiohttp.ClientError):
            await self.wire.market(**order)

    async def mark(self) -> Decimal:
        reply = await self.wire.raw("GET", "/fapi/v1/premiumIndex?symbol=BTCUSDT")
        return Decimal(reply.body["markPrice"])

    async def info(self, symbol: str = "BTCUSDT") -> Any:
        rows = (await self.wire.raw("GET", "/fapi/v1/exchangeInfo")).body["symbols"]
        return next(row for row in rows if row["symbol"] == symbol)


Story = Callable[[Scene], Awaitable[None]]
SEEN: dict[str, Story] = {}


def sees(kind: str) -> Callable[[Story], Story]:
    def keep(story: Story) -> Story:
        assert kind not in SEEN
        SEEN[kind] = story
        return story

    return keep


async def hear(ws: Any, seconds: float = 10.0) -> Any:
    """The next message, as JSON where it is text."""
    message = await asyncio.wait_for(ws.receive(), seconds)
    return message.json() if message.type is aiohttp.WSMsgType.TEXT else message


async def hears_nothing(ws: Any, seconds: float = 0.2) -> None:
    with pytest.raises(TimeoutError):
        await hear(ws, seconds)


def told(reply: Reply) -> tuple[int, int, str]:
    return reply.status, reply.code, reply.body["msg"]


# requests


@sees("reject")
async def _(scene: Scene) -> None:
    await scene.on(code=-2010, msg="New order rejected.", reduce_only=False)
    assert told(await scene.wire.market(newClientOrderId="no")) == (400, -2010, "New order rejected.")
    assert (await scene.wire.raw("GET", "/fapi/v1/time")).status == 200
    assert await scene.status_of("no") == -2013


@sees("error")
async def _(scene: Scene) -> None:
    await scene.on(wording="unavailable", on="orders")
    assert told(await scene.wire.market(newClientOrderId="no")) == (503, -1001, "Service Unavailable.")
    assert await scene.status_of("no") == -2013


@sees("unknown")
async def _(scene: Scene) -> None:
    await scene.on(on="orders", code=-1007, first=1)
    status, code, text = told(await scene.wire.market(newClientOrderId="perhaps"))
    assert (status, code) == (408, -1007)
    assert "execution status unknown" in text
    assert await scene.status_of("perhaps") == "FILLED"


@sees("lost_reply")
async def _(scene: Scene) -> None:
    await scene.on(on="orders", first=1)
    await scene.cut(newClientOrderId="lost")
    assert await scene.status_of("lost") == "FILLED"


@sees("drop")
async def _(scene: Scene) -> None:
    await scene.on(on="orders", first=1)
    await scene.cut(newClientOrderId="never")
    assert await scene.status_of("never") == -2013


@sees("outage")
async def _(scene: Scene) -> None:
    """Nothing answers, new sockets are refused, open ones fall silent; afterwards all is as it was."""
    ws = await scene.socket(f"/market/ws/{TICK}")
    await hear(ws)
    await scene.on()
    await scene.cut()
    with pytest.raises(aiohttp.ClientError):
        await scene.socket(f"/market/ws/{TICK}")
    scene.rest(2)
    await hears_nothing(ws)
    await scene.off()
    assert (await scene.wire.raw("GET", "/fapi/v1/ping")).body == {}
    scene.rest(1)
    assert (await hear(ws))["e"] == "markPriceUpdate"


@sees("ack_only")
async def _(scene: Scene) -> None:
    await scene.wire.limit(scene.wire.near("0.97"))
    await scene.on(first=1)
    for remaining in (1, 0):
        assert (await scene.wire.call("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")).body["code"] == 200
        assert len((await scene.wire.call("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")).body) == remaining


@sees("latency")
async def _(scene: Scene) -> None:
    await scene.on(milliseconds=120, to_milliseconds=200, on="orders")
    clock = scene.wire.server.venue.clock
    before = clock.monotonic()
    assert (await scene.wire.market()).status == 200
    assert clock.monotonic() - before >= 0.12


@sees("throttle")
async def _(scene: Scene) -> None:
    await scene.wire.market()
    resting = (await scene.wire.limit(scene.wire.near("0.97"))).body["orderId"]
    await scene.on()
    assert (await scene.wire.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=resting)).status == 200
    status, code, text = told(await scene.wire.market(newClientOrderId="no"))
    assert (status, code, text[:47]) == (503, -1008, "Request throttled by system-level protection. R")
    assert (await scene.wire.market(side="SELL", reduceOnly="true")).status == 200
    await scene.off()
    assert await scene.status_of("no") == -2013


@sees("rate_limit")
async def _(scene: Scene) -> None:
    await scene.on(retry_after=7, first=1)
    reply = await scene.wire.market()
    assert told(reply)[:2] == (429, -1003)
    assert reply.headers["Retry-After"] == "7"
    assert "current limit is 2400 requests per minute" in reply.body["msg"]
    assert (await scene.wire.market()).status == 200


@sees("ban")
async def _(scene: Scene) -> None:
    """Banned for asking once more, and for everything else too, until the time is over."""
    await scene.on(seconds=120, first=1)
    for reply in (await scene.wire.market(), await scene.wire.raw("GET", "/fapi/v1/time")):
        assert told(reply)[:2] == (418, -1003)
        assert "IP banned until" in reply.body["msg"]
        assert 0 < int(reply.headers["Retry-After"]) <= 121


# streams


@sees("silence")
async def _(scene: Scene) -> None:
    user, market = await scene.user(), await scene.socket(f"/market/ws/{TICK}")
    await scene.on(on="private")
    await scene.wire.market()
    scene.rest(1)
    await hears_nothing(user)
    assert (await hear(market))["e"] == "markPriceUpdate"
    await scene.off()
    await scene.wire.market()
    assert (await hear(user))["e"] == "ORDER_TRADE_UPDATE"


@sees("half_open")
async def _(scene: Scene) -> None:
    user = await scene.user()
    api = await scene.socket("/ws-fapi/v1")
    await scene.on(on="private|ws-api")
    await user.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
    await api.send_json({"id": 1, "method": "time"})
    await scene.wire.market()
    await asyncio.gather(hears_nothing(user), hears_nothing(api))
    assert not user.closed


@sees("close")
async def _(scene: Scene) -> None:
    user = await scene.user()
    await scene.on(on="private", close_code=1008)
    assert (await hear(user)).data == 1008
    assert not (await scene.user()).closed


@sees("burst")
async def _(scene: Scene) -> None:
    """An order and its fill are four messages: nothing, and then all of the last two at once."""
    user = await scene.user()
    await scene.on(on="private", count=8)
    await scene.wire.market()
    await hears_nothing(user, 0.1)
    await scene.wire.market()
    assert len([await hear(user) for _ in range(8)]) == 8


@sees("duplicate")
async def _(scene: Scene) -> None:
    user = await scene.user()
    await scene.on(on="private", count=3, first=1)
    await scene.wire.market()
    heard = [await hear(user) for _ in range(6)]
    assert heard[0] == heard[1] == heard[2] != heard[3]


@sees("reorder")
async def _(scene: Scene) -> None:
    user = await scene.user()
    await scene.on(on="private", count=4)
    await scene.wire.market()
    heard = [await hear(user) for _ in range(4)]
    assert [one["e"] for one in heard] == ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
    assert (heard[0]["o"]["X"], heard[-1]["o"]["x"]) == ("FILLED", "NEW")


@sees("gap")
async def _(scene: Scene) -> None:
    """A client that keeps a book notices: what it hears does not follow what it has."""
    ws = await scene.socket("/public/ws/btcusdt@depth")
    scene.rest(1)
    first = await hear(ws)
    await scene.on(on="depth", first=1)
    scene.rest(1)
    scene.rest(1)
    second = await hear(ws)
    while second["pu"] == first["u"]:  # the fault may have begun a message later
        first, second = second, await hear(ws)
    assert second["pu"] > first["u"]


# the exchange itself


@sees("listen_key_expiry")
async def _(scene: Scene) -> None:
    user = await scene.user()
    await scene.on()
    event = await hear(user)
    assert event["e"] == "listenKeyExpired"
    assert set(event) == {"e", "E", "listenKey"}
    assert (await scene.wire.raw("PUT", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).code == -1125
    await scene.wire.market()
    await hears_nothing(user)
    assert not user.closed


@sees("clock_skew")
async def _(scene: Scene) -> None:
    now = scene.wire.server.venue.wall_ms()
    await scene.on(milliseconds=60_000)
    text = "Timestamp for this request is outside of the recvWindow."
    assert told(await scene.wire.call("GET", "/fapi/v2/account", timestamp=now)) == (400, -1021, text)
    assert (await scene.wire.raw("GET", "/fapi/v1/time")).body["serverTime"] >= now + 60_000
    await scene.off()
    text = "Timestamp for this request was 1000ms ahead of the server's time."
    assert told(await scene.wire.call("GET", "/fapi/v2/account", timestamp=now + 60_000)) == (400, -1021, text)


@sees("lock")
async def _(scene: Scene) -> None:
    await scene.wire.market()
    await scene.on()
    assert (await scene.wire.market()).code == -4400
    indicators = (await scene.wire.call("GET", "/fapi/v1/apiTradingStatus")).body["indicators"]
    assert any(row["isLocked"] for rows in indicators.values() for row in rows)
    assert (await scene.wire.market(side="SELL", reduceOnly="true")).status == 200
    await scene.off()
    assert (await scene.wire.market()).status == 200


@sees("status")
async def _(scene: Scene) -> None:
    await scene.on(symbols=["BTCUSDT"], value="TRADING_HALT")
    assert (await scene.info())["status"] == "TRADING_HALT"
    assert (await scene.info("ETHUSDT"))["status"] == "TRADING"
    assert (await scene.wire.market()).status == 400
    await scene.off()
    assert (await scene.wire.market()).status == 200


@sees("filters")
async def _(scene: Scene) -> None:
    before = (await scene.info())["filters"]
    await scene.on(symbols=["BTCUSDT"], filters={"min_notional": "5000"})
    assert {"filterType": "MIN_NOTIONAL", "notional": "5000"} in (await scene.info())["filters"]
    assert (await scene.wire.market()).code == -4164
    await scene.off()
    assert (await scene.info())["filters"] == before


@sees("ws_api_401")
async def _(scene: Scene) -> None:
    api = await scene.socket("/ws-fapi/v1")
    await scene.on(first=1)
    frame = await hear(api)
    assert (frame["id"], frame["status"], frame["error"]["code"]) == (None, 401, -2015)


# prices and books


@sees("price gap")
async def _(scene: Scene) -> None:
    before = await scene.mark()
    await scene.on(move=-0.1)
    scene.rest(3)
    assert Decimal("0.85") < await scene.mark() / before < Decimal("0.95")


@sees("price crash")
async def _(scene: Scene) -> None:
    """Not at once but over its time."""
    before = await scene.mark()
    await scene.on(move=-0.2, **{"for": 60})
    scene.rest(20)
    assert Decimal("0.88") < await scene.mark() / before < Decimal("0.98")
    scene.rest(60)
    assert Decimal("0.75") < await scene.mark() / before < Decimal("0.85")


@sees("price recover")
async def _(scene: Scene) -> None:
    before = await scene.mark()
    await scene.wire.admin("POST", "market", kind="gap", move=-0.1)
    scene.rest(3)
    await scene.on(**{"for": 10})
    scene.rest(15)
    assert Decimal("0.97") < await scene.mark() / before < Decimal("1.03")


@sees("price flat")
async def _(scene: Scene) -> None:
    await scene.on(**{"for": 300})
    scene.rest(2)
    prices = []
    for _ in range(4):
        scene.rest(20)
        prices.append((await scene.wire.raw("GET", "/fapi/v2/ticker/price?symbol=BTCUSDT")).body["price"])
    assert len(set(prices)) == 1
    assert (await scene.info())["status"] == "TRADING"


@sees("price thin")
async def _(scene: Scene) -> None:
    async def held() -> Decimal:
        bids = (await scene.wire.raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=100")).body["bids"]
        return sum((Decimal(quantity) for _, quantity in bids), Decimal(0))

    before = await held()
    await scene.on(depth=0.05, **{"for": 300})
    scene.rest(3)
    assert await held() < before / 5


@sees("price halt")
async def _(scene: Scene) -> None:
    await scene.on(symbols=["BTCUSDT"], **{"for": 600})
    scene.rest(2)
    assert (await scene.info())["status"] == "TRADING_HALT"
    assert (await scene.wire.market()).status == 400
    scene.rest(700)
    assert (await scene.info())["status"] == "TRADING"
    assert (await scene.wire.market()).status == 200
