"""Market data: public endpoints. Times in the payloads are plan time; `/time` alone is wall time."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

from canary_cli.paper import problems
from canary_cli.paper.limits import ORDERS_PER_10S, ORDERS_PER_MINUTE, WEIGHT_PER_MINUTE
from canary_cli.paper.market.model import Listing, Tick
from canary_cli.paper.market_streams import update_id
from canary_cli.paper.params import Params
from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, ms, plain, wallet
from canary_cli.paper.store import LIMIT_OPEN

PUBLIC = Security.NONE
PERPETUAL_DELIVERY = 4_133_404_800_000
DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
RATE_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_PER_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": ORDERS_PER_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_PER_10S},
]


@endpoint("GET", "/fapi/v1/ping", PUBLIC)
def ping(_: Call) -> Json:
    return {}


@endpoint("GET", "/api/v3/ping", PUBLIC)
def spot_ping(_: Call) -> Json:
    """Clients greet the spot host first."""
    return {}


@endpoint("GET", "/fapi/v1/time", PUBLIC)
def time(call: Call) -> Json:
    return {"serverTime": call.venue.wall_ms()}


@endpoint("GET", "/api/v3/time", PUBLIC)
def spot_time(call: Call) -> Json:
    return time(call)  # type: ignore[no-any-return]


@endpoint("GET", "/fapi/v1/exchangeInfo", PUBLIC)
def exchange_info(call: Call) -> Json:
    state = call.state
    return {
        "timezone": "UTC",
        "serverTime": call.venue.wall_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": RATE_LIMITS,
        "exchangeFilters": [],
        "assets": [
            {"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"},
            {"asset": "BNB", "marginAvailable": True, "autoAssetExchange": "-10"},
        ],
        "symbols": [_symbol(listing, state.status(symbol)) for symbol, listing in state.listings.items()],
    }


def _symbol(listing: Listing, status: str) -> Json:
    rules = listing.rules
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": PERPETUAL_DELIVERY,
        "onboardDate": ms(listing.onboard),
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base_asset,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": listing.price_precision,
        "quantityPrecision": listing.quantity_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": str(listing.trigger_protect),
        "liquidationFee": str(listing.liquidation_fee),
        "marketTakeBound": str(listing.market_take_bound),
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(listing),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }


def _filters(listing: Listing) -> list[Json]:
    rules = listing.rules
    price = {"minPrice": plain(listing.min_price), "maxPrice": plain(listing.max_price), "tickSize": plain(rules.tick)}
    lot = {"minQty": rules.min_quantity, "maxQty": rules.max_quantity, "stepSize": rules.step}
    market = {
        "minQty": rules.market_min_quantity,
        "maxQty": rules.market_max_quantity,
        "stepSize": rules.market_step,
    }
    return [
        {"filterType": "PRICE_FILTER", **price},
        {"filterType": "LOT_SIZE", **{name: plain(value) for name, value in lot.items()}},
        {"filterType": "MARKET_LOT_SIZE", **{name: plain(value) for name, value in market.items()}},
        {"filterType": "MAX_NUM_ORDERS", "limit": LIMIT_OPEN},
        {"filterType": "MIN_NOTIONAL", "notional": plain(rules.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{rules.price_up:.4f}",
            "multiplierDown": f"{rules.price_down:.4f}",
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


@endpoint("GET", "/fapi/v1/depth", PUBLIC, lambda params: DEPTH_WEIGHTS.get(int(params.get("limit", "500")), 20))
def depth(call: Call) -> Json:
    symbol, limit = call.symbol(), call.params.limit(500, 1000)
    if limit not in DEPTH_WEIGHTS:
        raise problems.bad_data("limit")
    book = call.state.book(symbol, limit)
    moment = ms(call.state.now)
    return {
        "lastUpdateId": update_id(call.state.market.now),
        "E": moment,
        "T": moment,
        "bids": [[plain(price), plain(quantity)] for price, quantity in book.bids],
        "asks": [[plain(price), plain(quantity)] for price, quantity in book.asks],
    }


def _kline_weight(params: Params) -> int:
    text = params.get("limit", "500")
    limit = int(text) if text.isdigit() else 500
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
    rows = _klines(call, call.symbol())
    return [[*row[:5], "0", row[6], "0", row[8], "0", "0", "0"] for row in rows]


@endpoint("GET", "/fapi/v1/indexPriceKlines", PUBLIC, _kline_weight)
def index_price_klines(call: Call) -> list[list[Any]]:
    pair = call.params.need("pair").upper()
    call.state.listing(pair)
    return [[*row[:5], "0", row[6], "0", row[8], "0", "0", "0"] for row in _klines(call, pair)]


def _klines(call: Call, symbol: str) -> list[list[Any]]:
    interval = call.params.need("interval")
    if interval not in INTERVALS:
        raise problems.bad_enum("interval")
    start, end = call.params.time("startTime"), call.params.time("endTime")
    limit = call.params.limit(500, 1500)
    return [kline.row() for kline in call.state.market.klines(symbol, interval, start, end, limit)]


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


@endpoint("GET", "/fapi/v1/fundingRate", PUBLIC)
def funding_rate(call: Call) -> list[Json]:
    symbol, limit = call.maybe_symbol(), call.params.limit(100, 1000)
    start, end = call.params.time("startTime"), call.params.time("endTime")
    symbols = [symbol] if symbol else list(call.state.market.symbols)
    rows = [
        {
            "symbol": each,
            "fundingTime": ms(paid.time),
            "fundingRate": wallet(paid.rate),
            "markPrice": wallet(paid.mark),
            "rateType": "NORMAL",
        }
        for each in symbols
        for paid in call.state.market.funding_history(each, start, end, limit)
    ]
    rows.sort(key=lambda row: str(row["fundingTime"]))
    return rows[:limit]


@endpoint("GET", "/fapi/v1/fundingInfo", PUBLIC)
def funding_info(_: Call) -> list[Json]:
    return []


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
        "lastUpdateId": update_id(call.state.market.now),
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
        "firstId": 1,
        "lastId": sum(row.trades for row in rows) + 1,
        "count": sum(row.trades for row in rows),
    }


@endpoint("GET", "/fapi/v1/openInterest", PUBLIC)
def open_interest(call: Call) -> Json:
    symbol = call.symbol()
    return {"symbol": symbol, "openInterest": "10000.000", "time": ms(call.state.now)}


@endpoint("GET", "/fapi/v1/trades", PUBLIC, 5)
def trades(call: Call) -> list[Json]:
    return [_trade(tick, seller) for tick, seller in _recent(call)]


@endpoint("GET", "/fapi/v1/historicalTrades", Security.MARKET_DATA, 200)
def historical_trades(call: Call) -> list[Json]:
    return [_trade(tick, seller) for tick, seller in _recent(call)]


@endpoint("GET", "/fapi/v1/aggTrades", PUBLIC, 20)
def aggregate_trades(call: Call) -> list[Json]:
    rows = []
    for tick, seller in _recent(call):
        number, quantity = _trade_id(tick), plain(tick.volume)
        row = {"a": number, "p": plain(tick.last), "q": quantity, "nq": quantity, "f": number, "l": number}
        rows.append(row | {"T": ms(tick.time), "m": seller})
    return rows


def _recent(call: Call) -> list[tuple[Tick, bool]]:
    """What has traded lately, a row a tick as in the streams, and whether the price fell (the buyer was the maker)."""
    symbol, limit = call.symbol(), call.params.limit(500, 1000)
    start, end = call.params.time("startTime"), call.params.time("endTime")
    ticks = list(call.venue.recent.get(symbol, ()))
    pairs = [(tick, tick.last < before.last) for before, tick in pairwise([*ticks[:1], *ticks]) if tick.volume]
    return [row for row in pairs if (not start or row[0].time >= start) and (not end or row[0].time <= end)][-limit:]


def _trade_id(tick: Tick) -> int:
    return int(tick.time.timestamp())


def _trade(tick: Tick, seller: bool) -> Json:
    return {
        "id": _trade_id(tick),
        "price": plain(tick.last),
        "qty": plain(tick.volume),
        "quoteQty": plain(tick.last * tick.volume),
        "time": ms(tick.time),
        "isBuyerMaker": seller,
        "isRPITrade": False,
    }
