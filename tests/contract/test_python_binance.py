"""python-binance, pointed at the exchange and otherwise untouched: sync, async, streams, WebSocket API."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

BTC = "BTCUSDT"


@pytest.fixture
async def client(port: int, base: str, keys: tuple[str, str]) -> AsyncIterator[AsyncClient]:
    class Pointed(AsyncClient):
        API_URL = f"{base}/api"
        FUTURES_URL = f"{base}/fapi"
        FUTURES_DATA_URL = f"{base}/futures/data"
        MARGIN_API_URL = f"{base}/sapi"
        WS_FUTURES_URL = f"ws://127.0.0.1:{port}/ws-fapi/v1"

    client = await Pointed.create(*keys)
    yield client
    await client.futures_cancel_all_open_orders(symbol=BTC)
    await client.close_connection()


@pytest.fixture
def sockets(port: int, client: AsyncClient) -> BinanceSocketManager:
    class Pointed(BinanceSocketManager):
        FSTREAM_URL = f"ws://127.0.0.1:{port}/"

    return Pointed(client)


async def near(client: Any, share: str) -> str:
    mark = Decimal((await client.futures_mark_price(symbol=BTC))["markPrice"])
    return f"{(mark * Decimal(share)).quantize(Decimal('0.1')):f}"


def test_the_synchronous_client_reads_and_trades(base: str, keys: tuple[str, str]) -> None:
    client = Client(*keys, ping=False)
    client.FUTURES_URL = f"{base}/fapi"
    assert isinstance(client.futures_time()["serverTime"], int)
    info = client.futures_exchange_info()
    assert {row["filterType"] for row in info["symbols"][0]["filters"]} >= {"PRICE_FILTER", "LOT_SIZE"}
    order = client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity="0.01")
    assert (order["status"], "avgPrice" in order, "cumQty" in order) == ("NEW", False, True)
    closed = client.futures_create_order(
        symbol=BTC, side="SELL", type="MARKET", quantity="0.01", reduceOnly=True, newOrderRespType="RESULT"
    )
    assert closed["status"] == "FILLED"
    with pytest.raises(BinanceAPIException) as refused:
        client.futures_create_order(symbol=BTC, side="SELL", type="MARKET", quantity="0.01", reduceOnly=True)
    assert (refused.value.code, refused.value.status_code) == (-2022, 400)
    client.session.close()


async def test_every_reading_has_its_shape(client: AsyncClient) -> None:
    rows = await client.futures_klines(symbol=BTC, interval="15m", limit=3)
    assert [type(item) for item in rows[0]] == [int, str, str, str, str, str, int, str, int, str, str, str]
    account = await client.futures_account()
    assert len(account["positions"]) == 3
    assert isinstance(account["totalMarginBalance"], str)
    assert isinstance((await client.futures_get_position_mode())["dualSidePosition"], bool)
    assert isinstance((await client.futures_leverage_bracket(symbol=BTC))[0]["brackets"][0]["cum"], float)
    assert (await client.futures_change_leverage(symbol=BTC, leverage=10))["leverage"] == 10
    assert (await client.get_account_api_permissions())["enableFutures"] is True
    assert (await client.futures_orderbook_ticker(symbol=BTC))["symbol"] == BTC
    assert len(await client.futures_account_balance()) == 2
    book = await client.futures_order_book(symbol=BTC, limit=5)
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])


async def test_a_limit_order_lives_and_dies(client: AsyncClient) -> None:
    order = await client.futures_create_order(
        symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=await near(client, "0.97")
    )
    assert order["orderId"] in [row["orderId"] for row in await client.futures_get_open_orders(symbol=BTC)]
    amended = await client.futures_modify_order(
        symbol=BTC, side="BUY", orderId=order["orderId"], quantity="0.02", price=order["price"]
    )
    assert amended["origQty"] == "0.02"
    assert (await client.futures_cancel_order(symbol=BTC, orderId=order["orderId"]))["status"] == "CANCELED"
    with pytest.raises(BinanceAPIException) as gone:
        await client.futures_cancel_order(symbol=BTC, orderId=order["orderId"])
    assert gone.value.code == -2011


async def test_batches_are_mixed(client: AsyncClient) -> None:
    price = await near(client, "0.97")
    good = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": price}
    rows = await client.futures_place_batch_order(batchOrders=[good, good | {"type": "STOP_MARKET"}])
    assert rows[0]["status"] == "NEW"
    assert rows[1]["code"] == -4120
    cancelled = await client.futures_cancel_orders(symbol=BTC, orderidlist=[rows[0]["orderId"], 1])
    assert [row.get("status", row.get("code")) for row in cancelled] == ["CANCELED", -2011]


async def test_conditional_orders_are_a_store_of_their_own(client: AsyncClient) -> None:
    stop = await client.futures_create_order(
        symbol=BTC, side="SELL", type="STOP_MARKET", stopPrice=await near(client, "0.9"), closePosition=True
    )
    assert stop["algoStatus"] == "NEW"
    assert await client.futures_get_open_orders(symbol=BTC) == []
    rows = await client.futures_get_open_orders(symbol=BTC, conditional=True)
    assert [row["algoId"] for row in rows] == [stop["algoId"]]
    gone = await client.futures_cancel_order(symbol=BTC, algoId=stop["algoId"])
    assert gone["code"] == "200"


async def test_the_user_stream_tells_of_an_order_and_its_fill(
    client: AsyncClient, sockets: BinanceSocketManager
) -> None:
    async with sockets.futures_user_socket() as stream:
        await asyncio.sleep(0.1)
        await client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity="0.01")
        heard = [await asyncio.wait_for(stream.recv(), 5) for _ in range(4)]
        await client.futures_create_order(symbol=BTC, side="SELL", type="MARKET", quantity="0.01", reduceOnly=True)
    kinds = [message["e"] for message in heard]
    assert kinds[0] == "ORDER_TRADE_UPDATE"
    assert kinds.index("TRADE_LITE") < len(kinds) - 1 - kinds[::-1].index("ORDER_TRADE_UPDATE")
    assert "ACCOUNT_UPDATE" in kinds
    assert heard[-1]["o"]["X"] == "FILLED"


async def test_market_streams_by_their_routes(client: AsyncClient, sockets: BinanceSocketManager) -> None:
    async with sockets.futures_multiplex_socket(["btcusdt@kline_1m", "!markPrice@arr@1s"]) as stream:
        heard = [await asyncio.wait_for(stream.recv(), 5) for _ in range(4)]
    assert {message["stream"] for message in heard} == {"btcusdt@kline_1m", "!markPrice@arr@1s"}


async def test_orders_over_the_websocket_api(client: AsyncClient) -> None:
    order = await client.ws_futures_create_order(
        symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=await near(client, "0.97")
    )
    assert order["status"] == "NEW"
    assert (await client.ws_futures_cancel_order(symbol=BTC, orderId=order["orderId"]))["status"] == "CANCELED"
    with pytest.raises(BinanceAPIException) as refused:
        await client.ws_futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity="0")
    assert refused.value.code == -4003
