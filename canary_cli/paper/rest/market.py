"""Prices now: book, tickers, premium, open interest. Times are plan time."""

from datetime import timedelta
from typing import Any

from canary_cli.core.model import ZERO, floor_to
from canary_cli.paper import problems
from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.rest.trades import trade_id
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, ms, plain, wallet

PUBLIC = Security.NONE
DEPTH_WEIGHTS = {"5": 2, "10": 2, "20": 2, "50": 2, "100": 5, "500": 10, "1000": 20}


@endpoint("GET", "/fapi/v1/depth", PUBLIC, lambda params: DEPTH_WEIGHTS.get(params.get("limit", "500"), 20))
def depth(call: Call) -> Json:
    symbol, limit = call.symbol(), call.params.limit(500, 1000)
    if str(limit) not in DEPTH_WEIGHTS:
        raise problems.bad_data("limit")
    book = call.state.book(symbol, limit)
    moment = ms(call.state.now)
    return {
        "lastUpdateId": call.venue.hub.book.update_id(symbol),
        "E": moment,
        "T": moment,
        "bids": [[plain(price), plain(quantity)] for price, quantity in book.bids],
        "asks": [[plain(price), plain(quantity)] for price, quantity in book.asks],
    }


@endpoint("GET", "/fapi/v1/premiumIndex", PUBLIC, by_symbol(1, 10))
def premium_index(call: Call) -> Json | list[Json]:
    return _one_or_all(call, _premium)


def _premium(call: Call, symbol: str) -> Json:
    market, funding = call.state.market, call.state.market.funding(symbol)
    return {
        "symbol": symbol,
        "markPrice": wallet(market.mark(symbol)),
        "indexPrice": wallet(market.index(symbol)),
        "estimatedSettlePrice": wallet(market.index(symbol)),
        "lastFundingRate": wallet(funding.rate),
        "interestRate": "0.00010000",
        "nextFundingTime": ms(funding.next_time),
        "time": ms(call.state.now),
    }


def _one_or_all(call: Call, shape: Any) -> Json | list[Json]:
    symbol = call.maybe_symbol()
    if symbol is not None:
        return shape(call, symbol)  # type: ignore[no-any-return]
    return [shape(call, each) for each in call.state.market.symbols]


@endpoint("GET", "/fapi/v1/ticker/bookTicker", PUBLIC, by_symbol(2, 5))
def book_ticker(call: Call) -> Json | list[Json]:
    return _one_or_all(call, _book_ticker)


def _book_ticker(call: Call, symbol: str) -> Json:
    book = call.state.book(symbol, 5)
    (bid, bid_quantity), (ask, ask_quantity) = (
        book.bids[0] if book.bids else ("0", "0"),
        book.asks[0] if book.asks else ("0", "0"),
    )
    return {
        "symbol": symbol,
        "bidPrice": str(bid),
        "bidQty": str(bid_quantity),
        "askPrice": str(ask),
        "askQty": str(ask_quantity),
        "time": ms(call.state.now),
    }


@endpoint("GET", "/fapi/v2/ticker/price", PUBLIC, by_symbol(1, 2))
def ticker_price(call: Call) -> Json | list[Json]:
    return _one_or_all(call, _price)


@endpoint("GET", "/fapi/v1/ticker/price", PUBLIC, by_symbol(1, 2))
def ticker_price_v1(call: Call) -> Json | list[Json]:
    return _one_or_all(call, _price)


def _price(call: Call, symbol: str) -> Json:
    return {"symbol": symbol, "price": plain(call.state.market.last(symbol)), "time": ms(call.state.now)}


@endpoint("GET", "/fapi/v1/ticker/24hr", PUBLIC, by_symbol(1, 40))
def ticker_24hr(call: Call) -> Json | list[Json]:
    return _one_or_all(call, _day)


def _day(call: Call, symbol: str) -> Json:
    now = call.state.now
    rows = call.state.market.klines(symbol, "15m", now - timedelta(days=1), None, 100)
    last = call.state.market.last(symbol)
    opened = rows[0].open if rows else last
    volume, quote = sum(row.volume for row in rows), sum(row.quote_volume for row in rows)
    change = last - opened
    return {
        "symbol": symbol,
        "priceChange": plain(change),
        "priceChangePercent": f"{change / opened * 100:.3f}",
        "weightedAvgPrice": f"{(quote / volume if volume else last):.{call.state.listing(symbol).price_precision}f}",
        "lastPrice": plain(last),
        "lastQty": plain(call.state.listing(symbol).rules.min_quantity),
        "openPrice": plain(opened),
        "highPrice": plain(max([row.high for row in rows], default=last)),
        "lowPrice": plain(min([row.low for row in rows], default=last)),
        "volume": plain(volume) if volume else "0",
        "quoteVolume": plain(quote) if quote else "0",
        "openTime": ms(now - timedelta(days=1)),
        "closeTime": ms(now),
        "firstId": trade_id(now - timedelta(days=1)),
        "lastId": trade_id(now),
        "count": sum(row.trades for row in rows),
    }


@endpoint("GET", "/fapi/v1/openInterest", PUBLIC)
def open_interest(call: Call) -> Json:
    """The others hold what is traded in half a day; we add what we hold."""
    symbol, state = call.symbol(), call.state
    ours = sum((abs(held.quantity) for held in state.account.open_holdings(symbol)), ZERO)
    others = floor_to(state.market.day(symbol).volume / 2, state.listing(symbol).rules.step)
    return {"symbol": symbol, "openInterest": plain(others + ours), "time": ms(state.now)}
