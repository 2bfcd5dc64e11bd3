"""Placing, amending and cancelling ordinary orders, one by one."""

from datetime import datetime, timedelta

from canary_cli.core.model import OrderType, PositionSide, Side, TimeInForce
from canary_cli.paper import problems
from canary_cli.paper.orders import NewOrder, SelfTrade
from canary_cli.paper.params import Params
from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, acknowledged, placed

TRADE = Security.TRADE
LONGEST_COUNTDOWN = timedelta(days=365)
PRICE_MATCHES = (
    "NONE", "OPPONENT", "OPPONENT_5", "QUEUE", "QUEUE_5", "QUEUE_10", "QUEUE_20",
)  # fmt: skip
ALL_CANCELLED: Json = {"code": 200, "msg": "The operation of cancel all open order is done."}


def new_order(call: Call, params: Params) -> NewOrder:
    """The request for an ordinary order, each parameter where its type wants it and nowhere else."""
    symbol = params.need("symbol").upper()
    call.state.listing(symbol)
    side, kind = params.need_word("side", Side), params.need_word("type", OrderType)
    if kind.is_algo:
        raise problems.use_algo_endpoint()
    if kind is OrderType.LIQUIDATION:
        raise problems.bad_enum("type")
    match = price_match(params)
    if kind is OrderType.LIMIT:
        params.need("timeInForce")
        if match == "NONE":
            params.need("price")
    else:
        params.refuse("timeInForce", "price")
        if match != "NONE":
            raise problems.price_match_with_price()
    return NewOrder(
        symbol,
        side,
        kind,
        params.need_number("quantity"),
        params.number("price"),
        params.word("timeInForce", TimeInForce),
        position_side(params),
        params.flag("reduceOnly"),
        params.client_id("newClientOrderId"),
        match,
        self_trade(params),
        good_till(params),
    )


def price_match(params: Params) -> str:
    match = params.get("priceMatch", "NONE")
    if match not in PRICE_MATCHES:
        raise problems.price_match_not_available()
    if match != "NONE" and "price" in params:
        raise problems.price_match_with_price()
    return match


def position_side(params: Params) -> PositionSide:
    try:
        return PositionSide(params.get("positionSide", "BOTH"))
    except ValueError:
        raise problems.bad_position_side() from None


def self_trade(params: Params) -> SelfTrade:
    return params.word("selfTradePreventionMode", SelfTrade, SelfTrade.EXPIRE_MAKER) or SelfTrade.EXPIRE_MAKER


def good_till(params: Params) -> datetime | None:
    """`goodTillDate`, which GTD needs and others do without; the exchange keeps whole seconds."""
    if params.get("timeInForce") != "GTD":
        return None
    params.need("goodTillDate")
    moment = params.time("goodTillDate")
    return moment.replace(microsecond=0) if moment else None


def wants_result(params: Params) -> bool:
    kind = params.get("newOrderRespType", "ACK")
    if kind not in ("ACK", "RESULT"):
        raise problems.bad_response_type()
    return kind == "RESULT"


def place(call: Call, params: Params) -> Json:
    new, whole = new_order(call, params), wants_result(params)
    order = call.venue.engine.place(new)
    return placed(order) if whole else acknowledged(order)


@endpoint("POST", "/fapi/v1/order", TRADE, 0, (1, 1))
def post_order(call: Call) -> Json:
    return place(call, call.params)


@endpoint("POST", "/fapi/v1/order/test", TRADE, 0)
def test_order(call: Call) -> Json:
    """The order as it would be acknowledged, with the id 0."""
    new = new_order(call, call.params)
    wants_result(call.params)
    return acknowledged(call.venue.engine.test(new))


@endpoint("PUT", "/fapi/v1/order", TRADE, 0, (1, 1))
def put_order(call: Call) -> Json:
    return amend(call, call.params)


def amend(call: Call, params: Params) -> Json:
    symbol = params.need("symbol").upper()
    call.state.listing(symbol)
    params.need_either("orderId", "origClientOrderId")
    order_id, client_id = params.integer("orderId"), params.get("origClientOrderId")
    side = params.need_word("side", Side)
    quantity, price = params.need_number("quantity"), params.need_number("price")
    found = call.state.orders.find_open(symbol, order_id, client_id)
    if params.flag("reduceOnly") and found is not None and not found.reduce_only:
        raise problems.not_reduce_only()
    order = call.venue.engine.amend(symbol, order_id, client_id, side, quantity, price)
    return placed(order) | {"pair": symbol}


@endpoint("DELETE", "/fapi/v1/order", TRADE)
def delete_order(call: Call) -> Json:
    return cancel(call, call.params)


def cancel(call: Call, params: Params) -> Json:
    symbol = params.need("symbol").upper()
    call.state.listing(symbol)
    params.need_either("orderId", "origClientOrderId")
    return placed(call.venue.engine.cancel(symbol, params.integer("orderId"), params.get("origClientOrderId")))


@endpoint("DELETE", "/fapi/v1/allOpenOrders", TRADE)
def delete_all(call: Call) -> Json:
    call.venue.engine.cancel_all(call.symbol())
    return ALL_CANCELLED


@endpoint("POST", "/fapi/v1/countdownCancelAll", TRADE, 10)
def countdown_cancel_all(call: Call) -> Json:
    """The dead man's switch of one symbol; 0 stops it."""
    symbol, milliseconds = call.symbol(), call.params.need_integer("countdownTime")
    if milliseconds > LONGEST_COUNTDOWN / timedelta(milliseconds=1):
        raise problems.bad_data("countdownTime")
    call.venue.engine.countdown(symbol, milliseconds)
    return {"symbol": symbol, "countdownTime": str(milliseconds)}
