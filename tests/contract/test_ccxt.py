"""ccxt and ccxt.pro (`binanceusdm`), hosts replaced and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import ccxt.pro
import pytest

from tests.contract.conftest import point_ccxt

BTC = "BTC/USDT:USDT"


@pytest.fixture
def exchange(port: int, keys: tuple[str, str]) -> Any:
    exchange = point_ccxt(ccxt.binanceusdm({"apiKey": keys[0], "secret": keys[1]}), port)
    exchange.session.trust_env = False
    return exchange


@pytest.fixture
async def streaming(port: int, keys: tuple[str, str]) -> AsyncIterator[Any]:
    exchange = point_ccxt(ccxt.pro.binanceusdm({"apiKey": keys[0], "secret": keys[1]}), port)
    yield exchange
    await exchange.close()


def test_markets_candles_book_and_balance(exchange: Any) -> None:
    market = exchange.load_markets()[BTC]
    assert market["limits"]["amount"]["min"] == 0.001
    assert len(exchange.fetch_ohlcv(BTC, "15m", limit=5)) == 5
    book = exchange.fetch_order_book(BTC, 5)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert exchange.fetch_balance()["USDT"]["total"] > 0


def test_an_order_there_and_back(exchange: Any) -> None:
    order = exchange.create_order(BTC, "market", "buy", 0.01)
    assert order["status"] == "closed"
    positions = exchange.fetch_positions([BTC])
    assert positions[0]["contracts"] == 0.01
    exchange.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})
    assert exchange.fetch_positions([BTC]) == [] or exchange.fetch_positions([BTC])[0]["contracts"] in (0, None)
    assert len(exchange.fetch_my_trades(BTC)) >= 2


def test_a_limit_order_and_its_cancel(exchange: Any) -> None:
    price = exchange.price_to_precision(BTC, exchange.fetch_ticker(BTC)["last"] * 0.97)
    order = exchange.create_order(BTC, "limit", "buy", 0.01, price)
    assert order["id"] in [row["id"] for row in exchange.fetch_open_orders(BTC)]
    assert exchange.cancel_order(order["id"], BTC)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order(order["id"], BTC)


def test_a_stop_goes_to_the_algo_store(exchange: Any) -> None:
    trigger = exchange.price_to_precision(BTC, exchange.fetch_ticker(BTC)["last"] * 0.9)
    stop = exchange.create_order(BTC, "market", "sell", 0.01, params={"triggerPrice": trigger})
    assert stop["id"] in [row["id"] for row in exchange.fetch_open_orders(BTC, params={"trigger": True})]
    exchange.cancel_order(stop["id"], BTC, params={"trigger": True})


def test_refusals_carry_the_code(exchange: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        exchange.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})


async def test_streams_of_ccxt_pro(streaming: Any) -> None:
    await streaming.load_markets()
    candles = await asyncio.wait_for(streaming.watch_ohlcv(BTC, "1m"), 10)
    book = await asyncio.wait_for(streaming.watch_order_book(BTC, 20), 10)
    trades = await asyncio.wait_for(streaming.watch_trades(BTC), 10)
    assert candles
    assert trades
    assert book["bids"][0][0] < book["asks"][0][0]


async def test_orders_of_ccxt_pro(streaming: Any) -> None:
    watching = asyncio.ensure_future(streaming.watch_orders(BTC))
    await asyncio.sleep(1.0)
    await streaming.create_order(BTC, "market", "buy", 0.01)
    heard = await asyncio.wait_for(watching, 10)
    await streaming.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})
    assert heard[-1]["symbol"] == BTC
