"""Streams through python-binance and ccxt.pro: the same messages, in the documented shape."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from binance import AsyncClient, BinanceSocketManager

from tests.contract import payloads as p
from tests.contract.ccxt_desk import Ccxt
from tests.contract.desks import BTC, PythonBinance, tidy
from tests.contract.listeners import PATIENCE, CcxtListener, Listener, PythonBinanceListener
from tests.paper.documented import differences

MARKET = {
    "candle": p.KLINE,
    "mark price": p.MARK,
    "ticker": p.DAY,
    "mini ticker": p.MINI_DAY,
    "aggregate trade": p.AGGREGATE,
    "trade": p.TRADE,
    "best prices": p.BEST,
    "depth": p.DEPTH,
}
ROWS = [("python-binance", kind) for kind in MARKET] + [("ccxt.pro", kind) for kind in CcxtListener.methods]


@pytest.fixture
def listener(request: pytest.FixtureRequest, sockets: BinanceSocketManager, streaming: Any) -> Listener:
    return PythonBinanceListener(sockets) if request.param == "python-binance" else CcxtListener(streaming)


@pytest.fixture
async def desk(async_client: AsyncClient) -> AsyncIterator[PythonBinance]:
    """Whoever trades while others listen."""
    desk = PythonBinance(async_client)
    yield desk
    await tidy(desk)


@pytest.mark.parametrize(("listener", "kind"), ROWS, indirect=["listener"])
async def test_a_market_stream_has_the_documented_shape(listener: Listener, kind: str) -> None:
    message = await listener.first(kind)
    assert list(differences(message, MARKET[kind])) == []
    assert message["s"] == BTC


async def test_the_user_stream_tells_of_an_order_and_its_fill_in_order(
    sockets: BinanceSocketManager, desk: PythonBinance
) -> None:
    async def trade() -> None:
        await desk.place(type="MARKET", side="BUY", quantity="0.01", newClientOrderId="heard")

    heard = await PythonBinanceListener(sockets).heard(
        trade, lambda message: message["e"] == "ORDER_TRADE_UPDATE" and message["o"]["X"] == "FILLED"
    )
    assert [one for message in heard for one in differences(message, p.USER[message["e"]])] == []
    kinds = [message["e"] for message in heard]
    assert (kinds[0], heard[0]["o"]["x"], heard[0]["o"]["c"]) == ("ORDER_TRADE_UPDATE", "NEW", "heard")
    assert "ACCOUNT_UPDATE" in kinds
    fills = [message for message in heard if message["e"] == "ORDER_TRADE_UPDATE" and message["o"]["x"] == "TRADE"]
    lites = [message for message in heard if message["e"] == "TRADE_LITE"]
    assert [one["t"] for one in lites] == [one["o"]["t"] for one in fills]
    assert all(heard.index(lite) < heard.index(fill) for lite, fill in zip(lites, fills, strict=True))
    assert sum(Decimal(fill["o"]["l"]) for fill in fills) == Decimal("0.01")


async def test_the_user_stream_tells_of_conditional_orders_and_of_leverage(
    sockets: BinanceSocketManager, desk: PythonBinance
) -> None:
    mark = Decimal((await desk.mark())["markPrice"])
    trigger = f"{(mark * Decimal('0.9')).quantize(Decimal('0.1'))}"

    async def deeds() -> None:
        placed = await desk.stop(type="STOP_MARKET", side="SELL", quantity="0.01", stopPrice=trigger)
        await desk.cancel_stop(placed["algoId"])
        await desk.set_leverage(11)

    heard = await PythonBinanceListener(sockets).heard(deeds, lambda message: message["e"] == "ACCOUNT_CONFIG_UPDATE")
    assert [one for message in heard for one in differences(message, p.USER[message["e"]])] == []
    assert [message["o"]["X"] for message in heard if message["e"] == "ALGO_UPDATE"] == ["NEW", "CANCELED"]
    assert heard[-1]["ac"] == {"s": BTC, "l": 11}


async def test_ccxt_pro_keeps_a_book_and_candles(streaming: Any) -> None:
    listener = CcxtListener(streaming)
    for _ in range(3):
        book = await listener.watched("watch_order_book", Ccxt.symbol, 20)
        assert book["bids"][0][0] < book["asks"][0][0]
    candle = (await listener.watched("watch_ohlcv", Ccxt.symbol, "1m"))[-1]
    assert candle[3] <= candle[4] <= candle[2]


async def _connected(port: int, count: int) -> None:
    """Until so many sockets are open at the exchange."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        while True:
            async with http.get(f"http://127.0.0.1:{port}/paper/status") as reply:
                if (await reply.json())["sockets"] >= count:
                    return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("method", ["watch_orders", "watch_my_trades", "watch_balance", "watch_positions"])
async def test_ccxt_pro_hears_of_an_order(method: str, streaming: Any, desk: PythonBinance, port: int) -> None:
    values = {"watch_balance": (), "watch_positions": ([Ccxt.symbol],)}.get(method, (Ccxt.symbol,))
    listener = CcxtListener(streaming)
    if method == "watch_positions":
        assert await listener.watched(method, *values) == []  # the first answer is a snapshot
    watching = asyncio.ensure_future(listener.watched(method, *values))
    await _connected(port, 1)
    await desk.place(type="MARKET", side="BUY", quantity="0.01", newClientOrderId="heard")
    told = await watching
    match method:
        case "watch_orders":
            assert told[-1]["clientOrderId"] == "heard"
            assert list(differences(told[-1]["info"], p.ORDER)) == []
        case "watch_my_trades":
            assert (told[-1]["symbol"], told[-1]["takerOrMaker"], told[-1]["fee"]["currency"]) == (
                Ccxt.symbol, "taker", "USDT"
            )  # fmt: skip
        case "watch_balance":
            assert told["USDT"]["total"] > 0
        case _:
            assert (told[-1]["side"], told[-1]["contracts"]) == ("long", 0.01)
