"""What ccxt makes of the replies: its unified words, and which of its errors a refusal becomes."""

from typing import Any

import ccxt
import pytest
from binance import Client

from tests.contract import pointing
from tests.contract.ccxt_desk import Ccxt
from tests.contract.desks import PythonBinance, tidy

BTC = Ccxt.symbol


@pytest.fixture
def exchange(port: int) -> Any:
    return pointing.by_ccxt(port)


def test_limits_candles_and_the_book_are_understood(exchange: Any) -> None:
    market = exchange.load_markets()[BTC]
    assert (market["limits"]["amount"]["min"], market["limits"]["cost"]["min"]) == (0.001, 100.0)
    assert (market["precision"]["price"], market["precision"]["amount"], market["active"]) == (0.1, 0.001, True)
    assert len(exchange.fetch_ohlcv(BTC, "15m", limit=5)) == 5
    book = exchange.fetch_order_book(BTC, 5)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert exchange.fetch_balance()["USDT"]["total"] > 0


async def test_orders_and_positions_are_understood(exchange: Any, client: Client) -> None:
    order = exchange.create_order(BTC, "market", "buy", 0.01)
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.01, 0.0)
    (held,) = exchange.fetch_positions([BTC])
    assert (held["side"], held["contracts"], held["marginMode"]) == ("long", 0.01, "cross")
    assert held["liquidationPrice"] is None or held["liquidationPrice"] < held["markPrice"]
    stop = exchange.create_order(BTC, "market", "sell", 0.01, params={"stopLossPrice": held["markPrice"] * 0.9})
    assert exchange.fetch_order(stop["id"], BTC, {"trigger": True})["status"] == "open"
    await tidy(PythonBinance(client))


def test_a_refusal_becomes_an_error_of_its_kind(exchange: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("1", BTC)
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        exchange.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})
