"""What the exchange says of itself: time, limits, symbols and their filters. `/time` is wall time."""

from canary_cli.paper.limits import ORDERS_PER_10S, ORDERS_PER_MINUTE, WEIGHT_PER_MINUTE
from canary_cli.paper.market.model import Listing
from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, ms, plain
from canary_cli.paper.store import LIMIT_OPEN

PUBLIC = Security.NONE
PERPETUAL_DELIVERY = 4_133_404_800_000
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
