"""Candles of the contract, its mark, its index and its premium."""

from typing import Any

from canary_cli.paper import problems
from canary_cli.paper.params import INTEGER, Params
from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.security import Security

PUBLIC = Security.NONE
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")


def _kline_weight(params: Params) -> int:
    text = params.get("limit", "500")
    limit = int(text) if INTEGER.match(text) else 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


@endpoint("GET", "/fapi/v1/klines", PUBLIC, _kline_weight)
def klines(call: Call) -> list[list[Any]]:
    return _klines(call, call.symbol())


@endpoint("GET", "/fapi/v1/continuousKlines", PUBLIC, _kline_weight)
def continuous_klines(call: Call) -> list[list[Any]]:
    pair = call.params.need("pair").upper()
    call.params.need("contractType")
    call.state.listing(pair)
    return _klines(call, pair)


@endpoint("GET", "/fapi/v1/markPriceKlines", PUBLIC, _kline_weight)
def mark_price_klines(call: Call) -> list[list[Any]]:
    """Drawn from the contract's candles: marks follow it within a few basis points."""
    return [_without_volume(row, row[1:5]) for row in _klines(call, call.symbol())]


@endpoint("GET", "/fapi/v1/indexPriceKlines", PUBLIC, _kline_weight)
def index_price_klines(call: Call) -> list[list[Any]]:
    pair = call.params.need("pair").upper()
    call.state.listing(pair)
    return [_without_volume(row, row[1:5]) for row in _klines(call, pair)]


@endpoint("GET", "/fapi/v1/premiumIndexKlines", PUBLIC, _kline_weight)
def premium_index_klines(call: Call) -> list[list[Any]]:
    """Zero throughout, as the two above are drawn from the same candles."""
    return [_without_volume(row, ["0.00000000"] * 4) for row in _klines(call, call.symbol())]


def _without_volume(row: list[Any], prices: list[Any]) -> list[Any]:
    """A candle of something that is not traded."""
    return [row[0], *prices, "0", row[6], "0", row[8], "0", "0", "0"]


def _klines(call: Call, symbol: str) -> list[list[Any]]:
    interval = call.params.need("interval")
    if interval not in INTERVALS:
        raise problems.bad_enum("interval")
    start, end = call.params.time("startTime"), call.params.time("endTime")
    limit = call.params.limit(500, 1500)
    return [kline.row() for kline in call.state.market.klines(symbol, interval, start, end, limit)]
