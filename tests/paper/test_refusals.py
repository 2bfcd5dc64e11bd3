"""Every row of the table of filters and error codes, provoked on the wire."""

import ast
import inspect

import pytest

from canary_cli.paper import problems
from tests.paper import provoke as p
from tests.paper.provoke import BTC, Case
from tests.paper.wire import KEY, Wire

ME = {"X-MBX-APIKEY": KEY}
STATUSES = {-1002: 401, -2014: 401, -2015: 401, -1003: 429, -1015: 429, -1007: 408} | dict.fromkeys(
    (-1000, -1001, -1006, -1008, -1016), 503
)

WORDINGS = {
    -1000: "Unknown error, please check your request or try again later.",
    -1001: "Service Unavailable.",
    -1002: "You are not authorized",
    -1003: "Too many requests; current limit is 2400 requests per minute.",
    -1006: "An unexpected response",
    -1007: "Timeout waiting for response from backend server.",
    -1008: "Request throttled by system-level protection.",
    -1015: "Too many new orders; current limit is 300 orders per 10 SECONDS.",
    -1016: "This service",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter 'quantity'",
    -1101: "Too many parameters sent for this endpoint.",
    -1102: "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.",
    -1106: "Parameter 'timeInForce' sent when not required.",
    -1111: "Precision is over",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1122: "Invalid symbol status.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter 'limit' is not valid.",
    -1136: "Invalid newOrderRespType.",
    -2007: "Invalid callBack rate.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1",
    -2018: "Balance is insufficient.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2023: "User in liquidation mode now.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position",
    -2028: "Leverage is smaller than permitted",
    -4001: "Price less than 0.",
    -4002: "Price greater than max price.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id length should not be more than 36",
    -4016: "Limit price can't be higher than ",
    -4023: "Qty not increased by step size.",
    -4024: "Limit price can't be lower than ",
    -4028: "Leverage 151 is not valid",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open",
    -4048: "Margin type cannot be changed if there exists position.",
    -4049: "Add margin only support for isolated position.",
    -4050: "Cross balance insufficient.",
    -4051: "Isolated balance insufficient.",
    -4054: "Cannot add position margin: position is 0.",
    -4055: "Amount must be positive.",
    -4059: "No need to change position side.",
    -4060: "Invalid position side.",
    -4061: "Order's position side does not match",
    -4067: "Position side cannot be changed if there exists open",
    -4068: "Position side cannot be changed if there exists position.",
    -4082: "Invalid number of batch place orders.",
    -4087: "User can only place reduce only order",
    -4116: "ClientOrderId is duplicated.",
    -4118: "ReduceOnly Order Failed.",
    -4120: "Order type not supported for this endpoint. Please use the Algo",
    -4130: "An open stop or take profit order with GTE",
    -4131: "The counterparty's best price",
    -4137: "Quantity must be zero with closePosition equals true",
    -4138: "Reduce only must be true",
    -4140: "Invalid symbol status for opening",
    -4141: "Symbol is closed.",
    -4161: "Leverage reduction is not supported in Isolated",
    -4164: "Order's notional must be no smaller than 100 ",
    -4165: "Maximum time interval is 7 days",
    -4167: "Unable to adjust to Multi-Assets mode with symbols of",
    -4168: "Unable to adjust to isolated-margin mode under the",
    -4170: "Unable to adjust Multi-Assets Mode with open orders",
    -4171: "Adjusted asset mode is currently set",
    -4183: "Limit price can't be higher",
    -4184: "Limit price can't be lower",
    -4400: "Futures Trading Quantitative Rules violated",
    -4509: "Time in Force (TIF) GTE can only",
    -5021: "Due to the order could not be filled immediately, the FOK order",
    -5022: "Due to the order could not be executed as maker, the Post Only order",
    -5026: "Exceed maximum modify order limit.",
    -5027: "No need to modify the order.",
    -5028: "Timestamp",
    -5037: "Invalid price match",
    -5038: "Price match only supports order type",
    -5040: "The goodTillDate timestamp must be greater",
    -5047: "The original order is not a reduce-only order.",
}
OTHER_WORDINGS = {
    "weight again and again": "Way too many requests; IP banned until ",
    "early": "Timestamp for this request was 1000ms ahead of the server's time.",
    "reduceOnly in hedge mode": "Parameter 'reduceonly' sent",
    "internal error": "Internal error; unable to process your request. Please try again.",
}

ROWS: list[tuple[str, int, Case]] = [
    # price
    ("price zero", -4001, lambda w: w.limit("0")),
    ("price under the least", -4013, lambda w: w.limit("0.01")),
    ("price over the most", -4002, lambda w: w.limit("99999999")),
    ("price off tick", -4014, lambda w: w.limit(f"{w.near():.1f}5")),
    ("price precision", -1111, lambda w: w.limit("60000.12345")),
    ("buy above band", -4016, lambda w: w.limit(w.near("1.06"))),
    ("sell below band", -4024, lambda w: w.limit(w.near("0.94"), side="SELL")),
    ("stop limit above band", -4183, lambda w: p.stop_limit(w, "BUY", "1.02", "1.09")),
    ("stop limit below band", -4184, lambda w: p.stop_limit(w, "SELL", "0.98", "0.91")),
    ("counterparty outside band", -4131, p.thin_counterparty),
    # quantity
    ("quantity precision", -1111, lambda w: w.limit(w.near(), quantity="0.0001")),
    ("quantity zero", -4003, lambda w: w.limit(w.near(), quantity="0")),
    ("quantity small", -4004, p.small),
    ("quantity large", -4005, lambda w: w.limit(w.near(), quantity="1001")),
    ("market quantity large", -4005, lambda w: w.market("121")),
    ("quantity off step", -4023, p.off_step),
    ("notional", -4164, lambda w: w.limit(w.near("0.5"), quantity="0.001")),
    # how many
    ("open orders", -2025, p.full),
    ("conditional orders", -4045, p.full_of_stops),
    ("batch of six", -4082, lambda w: p.batch(w, 6)),
    ("weight", -1003, p.heavy),
    ("weight again and again", -1003, lambda w: p.heavy(w, 12)),
    ("orders", -1015, p.flood),
    # symbols
    ("symbol", -1121, lambda w: w.market(symbol="NOPEUSDT")),
    ("halted", -1122, lambda w: p.status(w, "TRADING_HALT")),
    ("cancel only", -4140, lambda w: p.status(w, "TRADING_CANCEL_ONLY")),
    ("closed", -4141, lambda w: p.status(w, "CLOSE")),
    # parameters
    ("missing", -1102, lambda w: w.order(type="MARKET")),
    ("unneeded", -1106, lambda w: w.market(timeInForce="GTC")),
    ("illegal characters", -1100, lambda w: w.market("1e-05")),
    ("too many", -1101, p.crowded),
    ("time in force", -1115, lambda w: w.limit(w.near(), timeInForce="XXX")),
    ("order type", -1116, lambda w: w.order(type="HOPE", quantity="1")),
    ("side", -1117, lambda w: w.market(side="LEFT")),
    ("interval", -1120, lambda w: w.raw("GET", "/fapi/v1/klines?symbol=BTCUSDT&interval=7m")),
    ("fromId in a window", -1128, lambda w: w.call("GET", "/fapi/v1/userTrades", symbol=BTC, fromId=1, startTime=1)),
    ("limit", -1130, lambda w: w.raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=7")),
    ("response type", -1136, lambda w: w.market(newOrderRespType="FULL")),
    ("window", -4165, lambda w: w.call("GET", "/fapi/v1/allOrders", symbol=BTC, startTime=1, endTime=10**12)),
    # who asks
    ("key malformed", -2014, p.key(**{"X-MBX-APIKEY": "no"})),
    ("key absent", -2014, p.key()),
    ("key unknown", -2015, p.key(**{"X-MBX-APIKEY": "x" * 64})),
    ("signature", -1022, p.bad_signature),
    ("late", -1021, lambda w: p.at(w, -5100)),
    ("early", -1021, lambda w: p.at(w, 1500)),
    ("listen key gone", -1125, lambda w: w.raw("PUT", "/fapi/v1/listenKey", ME)),
    # money and positions
    ("balance", -2018, p.penniless),
    ("margin", -2019, lambda w: w.market("50")),
    ("margin of an amended order", -2019, lambda w: p.amended(w, quantity="5")),
    ("above bracket", -2027, p.over_leverage),
    ("lower leverage", -2028, p.lower_leverage),
    ("leverage", -4028, lambda w: w.call("POST", p.LEVERAGE, symbol=BTC, leverage=151)),
    ("lower leverage of an isolated position", -4161, p.isolated_leverage),
    ("nothing to reduce", -2022, lambda w: w.market(reduceOnly="true")),
    ("reduce claimed", -4118, p.claimed),
    ("position side", -4061, lambda w: w.market(positionSide="LONG")),
    ("position side in hedge mode", -4061, p.hedged),
    ("position side unknown", -4060, lambda w: w.market(positionSide="UP")),
    ("reduceOnly in hedge mode", -1106, lambda w: p.hedged(w, positionSide="LONG", reduceOnly="true")),
    ("liquidating", -2023, p.liquidating),
    ("reduce-only account", -4087, lambda w: p.locked(w, "reduce_only")),
    ("quantitative rules", -4400, lambda w: p.locked(w, "locked")),
    # orders
    ("would trigger", -2021, lambda w: w.algo(quantity="0.01", triggerPrice=w.near("1.01"))),
    ("conditional on /order", -4120, lambda w: w.order(type="STOP_MARKET", quantity="1")),
    ("cancel unknown", -2011, lambda w: w.call("DELETE", "/fapi/v1/order", symbol=BTC, orderId=1)),
    ("query unknown", -2013, lambda w: w.call("GET", "/fapi/v1/order", symbol=BTC, orderId=1)),
    ("post-only takes", -5022, lambda w: w.limit(w.near("1.01"), timeInForce="GTX")),
    ("fill-or-kill", -5021, lambda w: w.limit(w.near("0.99"), timeInForce="FOK")),
    ("duplicate client id", -4116, p.duplicate),
    ("client id too long", -4015, lambda w: w.market(newClientOrderId="x" * 37)),
    ("good till too soon", -5040, lambda w: p.good_till(w, 599)),
    ("price match", -5037, lambda w: w.limit(None, priceMatch="OPPONENT_20")),
    ("price match with price", -5038, lambda w: w.limit(w.near(), priceMatch="QUEUE")),
    ("amended too often", -5026, lambda w: p.amended(w, amends=10_000, quantity="0.02")),
    ("amended to the same", -5027, p.amended),
    ("amended as reduce-only", -5047, lambda w: p.amended(w, reduceOnly="true", quantity="0.02")),
    ("callback rate", -2007, lambda w: p.trailing(w, "20.1")),
    ("close with quantity", -4137, lambda w: w.algo(closePosition="true", quantity="1", triggerPrice=w.near("0.9"))),
    (
        "close with reduceOnly",
        -4138,
        lambda w: w.algo(closePosition="true", reduceOnly="true", triggerPrice=w.near("0.9")),
    ),
    ("second closing stop", -4130, p.second_closing_stop),
    (
        "GTE without position",
        -4509,
        lambda w: w.algo(closePosition="true", timeInForce="GTE_GTC", triggerPrice=w.near("0.9")),
    ),
    # modes
    ("same margin type", -4046, lambda w: w.call("POST", p.MARGIN_TYPE, symbol=BTC, marginType="CROSSED")),
    ("margin type with orders", -4047, lambda w: p.with_order(w, p.MARGIN_TYPE, symbol=BTC, marginType="ISOLATED")),
    (
        "margin type with position",
        -4048,
        lambda w: p.with_position(w, p.MARGIN_TYPE, symbol=BTC, marginType="ISOLATED"),
    ),
    ("margin of a cross position", -4049, lambda w: p.with_position(w, p.MARGIN, symbol=BTC, amount=1, type=1)),
    ("more margin than there is", -4050, lambda w: p.margin(w, "20000")),
    ("less margin than it needs", -4051, lambda w: p.margin(w, "50", 2)),
    ("margin without position", -4054, lambda w: p.margin(w, "1", position=False)),
    ("margin of nothing", -4055, lambda w: p.margin(w, "0")),
    ("same position mode", -4059, lambda w: w.call("POST", p.DUAL, dualSidePosition="false")),
    ("position mode with orders", -4067, lambda w: p.with_order(w, p.DUAL, dualSidePosition="true")),
    ("position mode with position", -4068, lambda w: p.with_position(w, p.DUAL, dualSidePosition="true")),
    ("multi-assets after isolated", -4167, p.multi_assets_after_isolated),
    ("isolated after multi-assets", -4168, p.isolated_after_multi_assets),
    ("multi-assets with orders", -4170, lambda w: p.with_order(w, p.MULTI, multiAssetsMargin="true")),
    ("same multi-assets mode", -4171, lambda w: w.call("POST", p.MULTI, multiAssetsMargin="false")),
    # the exchange itself
    ("unknown error", -1000, lambda w: p.fault(w, wording="unknown")),
    ("unavailable", -1001, lambda w: p.fault(w, wording="unavailable")),
    ("internal error", -1001, lambda w: p.fault(w, wording="internal")),
    (
        "not authorized",
        -1002,
        lambda w: p.fault(w, code=-1002, msg="You are not authorized to execute this request.", status=401),
    ),
    (
        "unexpected response",
        -1006,
        lambda w: p.fault(w, code=-1006, msg="An unexpected response was received.", status=503),
    ),
    ("backend timeout", -1007, lambda w: p.fault(w, "unknown", code=-1007)),
    ("throttled", -1008, lambda w: p.fault(w, "throttle")),
    ("shutting down", -1016, lambda w: p.fault(w, code=-1016, msg="This service is no longer available.", status=503)),
    (
        "late for the matching engine",
        -5028,
        lambda w: p.fault(w, "reject", code=-5028, msg="Timestamp for this request is outside of the ME recvWindow."),
    ),
]


@pytest.mark.parametrize(("name", "code", "case"), ROWS, ids=[row[0] for row in ROWS])
async def test_each_violation_has_its_code_wording_and_status(name: str, code: int, case: Case, wire: Wire) -> None:
    reply, text = await case(wire), OTHER_WORDINGS.get(name, WORDINGS[code])
    assert (reply.code, reply.body["msg"][: len(text)]) == (code, text)
    assert reply.status == (418 if name == "weight again and again" else STATUSES.get(code, 400))
    assert set(reply.body) == {"code", "msg"}
    assert reply.status not in (418, 429) or int(reply.headers["Retry-After"]) > 0


def test_no_code_of_the_exchange_goes_unprovoked() -> None:
    """Codes are the negative numbers of four digits that stand in the table of problems."""
    tree = ast.parse(inspect.getsource(problems))
    negatives = [node.operand for node in ast.walk(tree) if isinstance(node, ast.UnaryOp)]
    codes = {-one.value for one in negatives if isinstance(one, ast.Constant) and isinstance(one.value, int)}
    assert codes - {code for _, code, _ in ROWS} == set()
