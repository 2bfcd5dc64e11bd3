"""Public market data over REST, and how it fits the streams."""

import asyncio
import itertools
from datetime import timedelta
from decimal import Decimal

import pytest

from canary_cli.core.model import OrderType, Side
from canary_cli.paper import configuring
from canary_cli.paper.market import Shock, ShockKind
from canary_cli.paper.orders import NewOrder
from canary_cli.paper.server import Server
from tests.paper.conftest import START
from tests.paper.wire import Wire

QUERIES = [
    ("/fapi/v1/time", {"serverTime"}), ("/fapi/v1/premiumIndex", {"symbol"}),
    ("/fapi/v1/ticker/24hr", {"symbol", "openPrice"}),
    ("/fapi/v2/ticker/price", {"symbol", "price", "time"}), ("/fapi/v1/ticker/bookTicker", {"symbol", "bidPrice"}),
    ("/fapi/v1/fundingRate", {"symbol", "fundingRate", "fundingTime", "markPrice", "rateType"}),
    ("/fapi/v1/openInterest?symbol=BTCUSDT", {"symbol", "openInterest", "time"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "fields"), QUERIES, ids=[path for path, _ in QUERIES])
async def test_each_reading_has_its_fields(wire: Wire, path: str, fields: set[str]) -> None:
    body = (await wire.raw("GET", path)).body
    rows = body if isinstance(body, list) else [body]
    assert all(fields <= set(row) for row in rows)


async def test_a_snapshot_fits_the_diff_stream(wire: Wire) -> None:
    """The documented way to keep a book: the first event to use brackets the snapshot's id, then each follows on."""
    ws = await wire.http.ws_connect(f"{wire.base}/public/ws/btcusdt@depth")
    snapshot = (await wire.raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")).body
    events = [(await asyncio.wait_for(ws.receive(), 5)).json() for _ in range(3)]
    usable = [event for event in events if event["u"] >= snapshot["lastUpdateId"]]
    assert usable[0]["U"] <= snapshot["lastUpdateId"] <= usable[0]["u"]
    assert all(later["pu"] == before["u"] for before, later in itertools.pairwise(usable))


async def test_recent_trades_are_those_of_the_streams(wire: Wire, server: Server) -> None:
    venue = server.venue
    venue.clock = type(venue.clock)(START + timedelta(minutes=2), venue.clock.wall(), 1.0)  # type: ignore[call-arg]
    venue.run()
    rows = (await wire.raw("GET", "/fapi/v1/trades?symbol=BTCUSDT&limit=20")).body
    aggregates = (await wire.raw("GET", "/fapi/v1/aggTrades?symbol=BTCUSDT&limit=20")).body
    assert [row["price"] for row in rows] == [row["p"] for row in aggregates]
    assert rows == sorted(rows, key=lambda row: row["time"])
    assert len(rows) == 20


async def test_our_own_orders_stand_in_the_book(wire: Wire) -> None:
    price = wire.near("0.9999")
    before = (await wire.raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")).body
    await wire.limit(price, quantity="0.05", timeInForce="GTC")
    after = (await wire.raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")).body
    old, new = ({Decimal(p): Decimal(q) for p, q in book["bids"]} for book in (before, after))
    if before["lastUpdateId"] == after["lastUpdateId"]:
        assert new[price] - old.get(price, Decimal(0)) == Decimal("0.05")
    assert new[price] >= Decimal("0.05")


async def test_a_liquidation_is_public(wire: Wire, server: Server) -> None:
    venue = server.venue
    engine = venue.engine
    configuring.set_leverage(engine.state, "BTCUSDT", 50)
    engine.place(NewOrder("BTCUSDT", Side.BUY, OrderType.MARKET, Decimal(3)))
    engine.state.market.shock(Shock(ShockKind.GAP, move=-0.1))
    ws = await wire.http.ws_connect(f"{wire.base}/market/ws/!forceOrder@arr")
    venue.clock = type(venue.clock)(START + timedelta(seconds=10), venue.clock.wall(), 1.0)  # type: ignore[call-arg]
    message = (await asyncio.wait_for(ws.receive(), 5)).json()
    assert (message["e"], message["o"]["s"], message["o"]["S"]) == ("forceOrder", "BTCUSDT", "SELL")
    orders = (await wire.call("GET", "/fapi/v1/forceOrders")).body
    assert orders[0]["clientOrderId"].startswith("autoclose-")


@pytest.mark.parametrize(
    "query",
    [
        "klines?symbol=BTCUSDT", "continuousKlines?pair=BTCUSDT&contractType=PERPETUAL",
        "markPriceKlines?symbol=BTCUSDT", "indexPriceKlines?pair=BTCUSDT", "premiumIndexKlines?symbol=BTCUSDT",
    ],
)  # fmt: skip
async def test_every_kind_of_candle_has_twelve_items_of_the_same_types(wire: Wire, query: str) -> None:
    rows = (await wire.raw("GET", f"/fapi/v1/{query}&interval=15m&limit=3")).body
    types = [int, str, str, str, str, str, int, str, int, str, str, str]
    assert [[type(item) for item in row] for row in rows] == [types] * 3
