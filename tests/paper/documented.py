"""What the documentation says of each endpoint: security type, weight, parameters of an example, and the reply's shape.

A shape is a type, a dict of shapes by field, or a list of one shape. `str` is a decimal in a string wherever money,
prices and quantities are concerned; `NUMBER` is any JSON number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = Any
NUMBER = float


def differences(value: object, shape: Shape, where: str = "reply") -> Iterator[str]:
    """Fields that are missing, not documented, or of another type."""
    if isinstance(shape, dict):
        yield from _of_object(value, shape, where)
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{where} is no list with something in it"
            return
        for number, item in enumerate(value[:3]):
            yield from differences(item, shape[0], f"{where}[{number}]")
    elif isinstance(shape, tuple):
        for number, (item, one) in enumerate(zip(value, shape, strict=True)):  # type: ignore[call-overload]
            yield from differences(item, one, f"{where}[{number}]")
    elif shape is None:
        if value is not None:
            yield f"{where} is {value!r}, not null"
    elif type(value) is not shape and not (shape is NUMBER and type(value) is int):
        yield f"{where} is {value!r}, no {shape.__name__}"


def _of_object(value: object, shape: Mapping[str, Shape], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no object"
        return
    yield from (f"{where}.{name} is missing" for name in shape.keys() - value.keys())
    yield from (f"{where}.{name} is not documented" for name in value.keys() - shape.keys())
    for name in shape.keys() & value.keys():
        yield from differences(value[name], shape[name], f"{where}.{name}")


def strings(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, str)


def integers(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, int)


def flags(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, bool)


# orders

_ORDER = {
    **strings("clientOrderId", "executedQty", "origQty", "price", "side", "positionSide", "status", "stopPrice"),
    **strings("symbol", "timeInForce", "type", "origType", "workingType", "priceMatch", "selfTradePreventionMode"),
    **integers("orderId", "updateTime", "goodTillDate"),
    **flags("reduceOnly", "closePosition", "priceProtect"),
}
PLACED = _ORDER | strings("cumQty")
AMENDED = PLACED | strings("pair")
QUERIED = _ORDER | strings("avgPrice", "cumQuote") | integers("time")
LISTED = QUERIED | strings("pair", "cumBase")
PROBLEM = integers("code") | strings("msg")
DONE = PROBLEM
TRADE = {
    **strings("commission", "commissionAsset", "price", "qty", "quoteQty", "baseQty", "marginAsset", "realizedPnl"),
    **strings("side", "positionSide", "symbol", "pair"),
    **integers("id", "orderId", "time"),
    **flags("buyer", "maker"),
}
ALGO_PLACED = {
    **strings("clientAlgoId", "algoType", "orderType", "symbol", "side", "positionSide", "timeInForce", "quantity"),
    **strings("algoStatus", "triggerPrice", "price", "selfTradePreventionMode", "workingType", "priceMatch"),
    **strings("activatePrice", "callbackRate"),
    **integers("algoId", "createTime", "updateTime", "triggerTime", "goodTillDate"),
    **flags("closePosition", "priceProtect", "reduceOnly"),
    "icebergQuantity": None,
}
ALGO_QUERIED = {
    **ALGO_PLACED,
    **strings("actualOrderId", "actualQty", "tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice", "tpOrderType"),
    **flags("isActivated"),
}
ALGO_LISTED = ALGO_QUERIED | strings("actualPrice", "actualType")
ALGO_CANCELLED = integers("algoId") | strings("clientAlgoId", "code", "msg")

# the account

_TOTALS = strings(
    "totalInitialMargin", "totalMaintMargin", "totalWalletBalance", "totalUnrealizedProfit", "totalMarginBalance",
    "totalPositionInitialMargin", "totalOpenOrderInitialMargin", "totalCrossWalletBalance", "totalCrossUnPnl",
    "availableBalance", "maxWithdrawAmount",
)  # fmt: skip
_ASSET = {
    **strings("asset", "walletBalance", "unrealizedProfit", "marginBalance", "maintMargin", "initialMargin"),
    **strings("positionInitialMargin", "openOrderInitialMargin", "crossWalletBalance", "crossUnPnl"),
    **strings("availableBalance", "maxWithdrawAmount"),
    **integers("updateTime"),
}
_V2_POSITION = {
    **strings("symbol", "initialMargin", "maintMargin", "unrealizedProfit", "positionInitialMargin", "leverage"),
    **strings("openOrderInitialMargin", "entryPrice", "maxNotional", "bidNotional", "askNotional", "positionSide"),
    **strings("positionAmt", "breakEvenPrice", "notional", "isolatedWallet"),
    **flags("isolated"),
    **integers("updateTime"),
}
_V3_POSITION = {
    **strings("symbol", "positionSide", "positionAmt", "unrealizedProfit", "isolatedMargin", "notional"),
    **strings("isolatedWallet", "initialMargin", "maintMargin"),
    **integers("updateTime"),
}
_PERMISSIONS = {
    **integers("feeTier", "updateTime", "tradeGroupId"),
    **flags("canTrade", "canDeposit", "canWithdraw", "multiAssetsMargin"),
}
ACCOUNT_V2 = {
    **_PERMISSIONS,
    **flags("feeBurn"),
    **_TOTALS,
    "assets": [_ASSET | flags("marginAvailable")],
    "positions": [_V2_POSITION],
}
ACCOUNT_V3 = {**_TOTALS, "assets": [_ASSET], "positions": [_V3_POSITION]}
ACCOUNT_CONFIG = _PERMISSIONS | flags("dualSidePosition")
BALANCE = {
    **strings("accountAlias", "asset", "balance", "crossWalletBalance", "crossUnPnl", "availableBalance"),
    **strings("maxWithdrawAmount"),
    **flags("marginAvailable"),
    **integers("updateTime"),
}
RISK_V2 = {
    **strings("entryPrice", "breakEvenPrice", "marginType", "isAutoAddMargin", "isolatedMargin", "leverage"),
    **strings("liquidationPrice", "markPrice", "maxNotionalValue", "positionAmt", "notional", "isolatedWallet"),
    **strings("symbol", "unRealizedProfit", "positionSide"),
    **integers("updateTime"),
}
RISK_V3 = {
    **strings("symbol", "positionSide", "positionAmt", "entryPrice", "breakEvenPrice", "markPrice", "notional"),
    **strings("unRealizedProfit", "liquidationPrice", "isolatedMargin", "marginAsset", "isolatedWallet"),
    **strings("initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin", "bidNotional"),
    **strings("askNotional"),
    **integers("adl", "updateTime"),
}
SYMBOL_CONFIG = {
    **strings("symbol", "marginType", "maxNotionalValue"),
    **flags("isAutoAddMargin"),
    **integers("leverage"),
}
BRACKETS = {
    **strings("symbol"),
    "brackets": [
        integers("bracket", "initialLeverage", "notionalCap", "notionalFloor")
        | {"maintMarginRatio": NUMBER, "cum": NUMBER}
    ],
}
INCOME = strings("symbol", "incomeType", "income", "asset", "info", "tradeId") | integers("time", "tranId")
ORDER_LIMIT = strings("rateLimitType", "interval") | integers("intervalNum", "limit")
RESTRICTIONS = {
    **integers("createTime"),
    **flags("ipRestrict", "enableReading", "enableWithdrawals", "enableInternalTransfer", "enableMargin"),
    **flags("enableFutures", "permitsUniversalTransfer", "enableVanillaOptions", "enableFixApiTrade"),
    **flags("enableFixReadOnly", "enableSpotAndMarginTrading", "enablePortfolioMarginTrading"),
}

# the market

SYMBOL = {
    **strings("symbol", "pair", "contractType", "status", "maintMarginPercent", "requiredMarginPercent", "baseAsset"),
    **strings("quoteAsset", "marginAsset", "underlyingType", "triggerProtect", "liquidationFee", "marketTakeBound"),
    **integers("deliveryDate", "onboardDate", "pricePrecision", "quantityPrecision", "baseAssetPrecision"),
    **integers("quotePrecision", "maxMoveOrderLimit"),
    "underlyingSubType": list,
    "filters": (
        strings("filterType", "minPrice", "maxPrice", "tickSize"),
        strings("filterType", "minQty", "maxQty", "stepSize"),
        strings("filterType", "minQty", "maxQty", "stepSize"),
        strings("filterType") | integers("limit"),
        strings("filterType", "notional"),
        strings("filterType", "multiplierUp", "multiplierDown", "multiplierDecimal"),
        strings("filterType", "positionControlSide"),
    ),
    "orderTypes": (str,) * 7,
    "timeInForce": (str,) * 5,
    "permissionSets": [str],
}
EXCHANGE_INFO = {
    **strings("timezone", "futuresType"),
    **integers("serverTime"),
    "rateLimits": (ORDER_LIMIT,) * 3,
    "exchangeFilters": list,
    "assets": [strings("asset", "autoAssetExchange") | flags("marginAvailable")],
    "symbols": [SYMBOL],
}
DEPTH = {**integers("lastUpdateId", "E", "T"), "bids": [(str, str)], "asks": [(str, str)]}
KLINE = (int, str, str, str, str, str, int, str, int, str, str, str)
PREMIUM = {
    **strings("symbol", "markPrice", "indexPrice", "estimatedSettlePrice", "lastFundingRate", "interestRate"),
    **integers("nextFundingTime", "time"),
}
BOOK_TICKER = strings("symbol", "bidPrice", "bidQty", "askPrice", "askQty") | integers("time")
PRICE = strings("symbol", "price") | integers("time")
DAY = {
    **strings("symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "lastPrice", "lastQty", "openPrice"),
    **strings("highPrice", "lowPrice", "volume", "quoteVolume"),
    **integers("openTime", "closeTime", "firstId", "lastId", "count"),
}
PUBLIC_TRADE = {
    **strings("price", "qty", "quoteQty"),
    **integers("id", "time"),
    **flags("isBuyerMaker", "isRPITrade"),
}
AGGREGATE = strings("p", "q", "nq") | integers("a", "f", "l", "T") | flags("m")
FUNDING = strings("symbol", "fundingRate", "markPrice", "rateType") | integers("fundingTime")


@dataclass(frozen=True)
class Row:
    """One endpoint. `counts` is what it adds to the order counts of 10 seconds and of a minute."""

    target: str
    security: str
    weight: int
    shape: Shape
    params: Mapping[str, object] = field(default_factory=dict)
    counts: tuple[int, int] = (0, 0)

    @property
    def method(self) -> str:
        return self.target.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.target.partition(" ")[2]


B = {"symbol": "BTCUSDT"}
C = {"interval": "15m", "limit": 3}
PAIR = {"pair": "BTCUSDT"}

MARKET = [
    Row("GET /fapi/v1/ping", "NONE", 1, {}),
    Row("GET /fapi/v1/time", "NONE", 1, integers("serverTime")),
    Row("GET /fapi/v1/exchangeInfo", "NONE", 1, EXCHANGE_INFO),
    *(
        Row("GET /fapi/v1/depth", "NONE", weight, DEPTH, B | ({"limit": limit} if limit else {}))
        for limit, weight in ((5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10), (None, 10), (1000, 20))
    ),
    *(
        Row("GET /fapi/v1/klines", "NONE", weight, [KLINE], B | C | {"limit": limit})
        for limit, weight in ((99, 1), (100, 2), (499, 2), (500, 5), (1000, 5), (1001, 10))
    ),
    Row("GET /fapi/v1/continuousKlines", "NONE", 1, [KLINE], PAIR | C | {"contractType": "PERPETUAL"}),
    Row("GET /fapi/v1/markPriceKlines", "NONE", 1, [KLINE], B | C),
    Row("GET /fapi/v1/indexPriceKlines", "NONE", 1, [KLINE], PAIR | C),
    Row("GET /fapi/v1/premiumIndexKlines", "NONE", 1, [KLINE], B | C),
    Row("GET /fapi/v1/premiumIndex", "NONE", 1, PREMIUM, B),
    Row("GET /fapi/v1/premiumIndex", "NONE", 10, [PREMIUM]),
    Row("GET /fapi/v1/fundingRate", "NONE", 0, [FUNDING], B),
    Row("GET /fapi/v1/fundingInfo", "NONE", 0, list),
    Row("GET /fapi/v1/ticker/bookTicker", "NONE", 2, BOOK_TICKER, B),
    Row("GET /fapi/v1/ticker/bookTicker", "NONE", 5, [BOOK_TICKER]),
    Row("GET /fapi/v1/ticker/price", "NONE", 1, PRICE, B),
    Row("GET /fapi/v2/ticker/price", "NONE", 1, PRICE, B),
    Row("GET /fapi/v2/ticker/price", "NONE", 2, [PRICE]),
    Row("GET /fapi/v1/ticker/24hr", "NONE", 1, DAY, B),
    Row("GET /fapi/v1/ticker/24hr", "NONE", 40, [DAY]),
    Row("GET /fapi/v1/trades", "NONE", 5, [PUBLIC_TRADE], B),
    Row("GET /fapi/v1/aggTrades", "NONE", 20, [AGGREGATE], B),
    Row("GET /fapi/v1/openInterest", "NONE", 1, strings("symbol", "openInterest") | integers("time"), B),
    Row("GET /fapi/v1/historicalTrades", "MARKET_DATA", 200, [PUBLIC_TRADE], B),
    Row("GET /api/v3/ping", "NONE", 1, {}),
    Row("GET /api/v3/time", "NONE", 1, integers("serverTime")),
]

ACCOUNT = [
    Row("GET /fapi/v2/account", "USER_DATA", 5, ACCOUNT_V2),
    Row("GET /fapi/v3/account", "USER_DATA", 5, ACCOUNT_V3),
    Row("GET /fapi/v2/balance", "USER_DATA", 5, [BALANCE]),
    Row("GET /fapi/v3/balance", "USER_DATA", 5, [BALANCE]),
    Row("GET /fapi/v2/positionRisk", "USER_DATA", 5, [RISK_V2]),
    Row("GET /fapi/v3/positionRisk", "USER_DATA", 5, [RISK_V3]),
    Row("GET /fapi/v1/symbolConfig", "USER_DATA", 5, [SYMBOL_CONFIG]),
    Row("GET /fapi/v1/accountConfig", "USER_DATA", 5, ACCOUNT_CONFIG),
    Row("GET /fapi/v1/positionSide/dual", "USER_DATA", 30, flags("dualSidePosition")),
    Row("GET /fapi/v1/multiAssetsMargin", "USER_DATA", 30, flags("multiAssetsMargin")),
    Row("GET /fapi/v1/leverageBracket", "USER_DATA", 1, [BRACKETS]),
    Row("GET /fapi/v1/leverageBracket", "USER_DATA", 1, [BRACKETS], B),
    Row(
        "GET /fapi/v1/commissionRate", "USER_DATA", 20,
        strings("symbol", "makerCommissionRate", "takerCommissionRate", "rpiCommissionRate"), B,
    ),
    Row("GET /fapi/v1/income", "USER_DATA", 30, [INCOME]),
    Row("GET /fapi/v1/apiTradingStatus", "USER_DATA", 10, {"indicators": dict, "updateTime": int}),
    Row("GET /fapi/v1/apiTradingStatus", "USER_DATA", 1, {"indicators": dict, "updateTime": int}, B),
    Row("GET /fapi/v1/rateLimit/order", "USER_DATA", 1, [ORDER_LIMIT]),
    Row("GET /fapi/v1/feeBurn", "USER_DATA", 30, flags("feeBurn")),
    Row("GET /fapi/v1/adlQuantile", "USER_DATA", 5, [{"symbol": str, "adlQuantile": {"BOTH": int}}]),
    Row("GET /fapi/v1/forceOrders", "USER_DATA", 50, [QUERIED]),
    Row("GET /fapi/v1/forceOrders", "USER_DATA", 20, [QUERIED], {"symbol": "ETHUSDT"}),
    Row("GET /sapi/v1/account/apiRestrictions", "USER_DATA", 1, RESTRICTIONS),
    Row("POST /fapi/v1/listenKey", "USER_STREAM", 1, strings("listenKey")),
    Row("PUT /fapi/v1/listenKey", "USER_STREAM", 1, strings("listenKey")),
    Row("DELETE /fapi/v1/listenKey", "USER_STREAM", 1, {}),
    Row(
        "POST /fapi/v1/leverage", "TRADE", 1, integers("leverage") | strings("maxNotionalValue", "symbol"),
        {"symbol": "BNBUSDT", "leverage": 50},
    ),
    Row(
        "POST /fapi/v1/positionMargin", "TRADE", 1, PROBLEM | {"amount": NUMBER, "type": int},
        {"symbol": "BNBUSDT", "amount": "1.5", "type": 1},
    ),
    Row("POST /fapi/v1/feeBurn", "TRADE", 1, DONE, {"feeBurn": "true"}),
]  # fmt: skip

CONFIGURING = [
    Row("POST /fapi/v1/marginType", "TRADE", 1, DONE, {"symbol": "BNBUSDT", "marginType": "CROSSED"}),
    Row("POST /fapi/v1/multiAssetsMargin", "TRADE", 1, DONE, {"multiAssetsMargin": "true"}),
    Row("POST /fapi/v1/positionSide/dual", "TRADE", 1, DONE, {"dualSidePosition": "true"}),
]  # fmt: skip

TRADING = [
    Row("GET /fapi/v1/openOrders", "USER_DATA", 1, [QUERIED], B),
    Row("GET /fapi/v1/openOrders", "USER_DATA", 40, [QUERIED]),
    Row("GET /fapi/v1/allOrders", "USER_DATA", 5, [LISTED], B),
    Row("GET /fapi/v1/allOrders", "USER_DATA", 5, [LISTED]),
    Row("GET /fapi/v1/userTrades", "USER_DATA", 5, [TRADE], B),
    Row("GET /fapi/v1/openAlgoOrders", "USER_DATA", 1, [ALGO_QUERIED], B),
    Row("GET /fapi/v1/openAlgoOrders", "USER_DATA", 40, [ALGO_QUERIED]),
    Row("GET /fapi/v1/allAlgoOrders", "USER_DATA", 5, [ALGO_LISTED], {"symbol": "ETHUSDT"}),
    Row("GET /fapi/v1/order", "USER_DATA", 1, QUERIED, B | {"origClientOrderId": "resting"}),
    Row("GET /fapi/v1/openOrder", "USER_DATA", 1, QUERIED, B | {"origClientOrderId": "resting"}),
    Row("GET /fapi/v1/algoOrder", "USER_DATA", 1, ALGO_QUERIED, {"clientAlgoId": "guard"}),
    Row("DELETE /fapi/v1/order", "TRADE", 1, PLACED, B | {"origClientOrderId": "resting"}),
    Row("DELETE /fapi/v1/algoOrder", "TRADE", 1, ALGO_CANCELLED, {"clientAlgoId": "guard"}),
    Row("DELETE /fapi/v1/allOpenOrders", "TRADE", 1, DONE, B),
    Row("DELETE /fapi/v1/algoOpenOrders", "TRADE", 1, DONE, B),
    Row(
        "POST /fapi/v1/countdownCancelAll", "TRADE", 10, strings("symbol", "countdownTime"), B | {"countdownTime": 1},
    ),
    Row("DELETE /fapi/v1/batchOrders", "TRADE", 1, [PROBLEM], B | {"orderIdList": "[1,2]"}),
    Row("POST /fapi/v1/batchOrders", "TRADE", 5, [PROBLEM], {"batchOrders": "[{},{}]"}, (5, 1)),
    Row("PUT /fapi/v1/batchOrders", "TRADE", 5, [PROBLEM], {"batchOrders": "[{},{}]"}, (5, 1)),
]  # fmt: skip
