"""Conditional orders: the separate algo store, its own ids and its own replies."""

from datetime import timedelta
from decimal import Decimal

from canary_cli.core.model import OrderType, Side, TimeInForce, WorkingType
from canary_cli.paper import problems
from canary_cli.paper.algo import LIMITS
from canary_cli.paper.orders import Conditional, NewOrder
from canary_cli.paper.params import Params
from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.rest.orders import (
    ALL_CANCELLED,
    good_till,
    position_side,
    price_match,
    self_trade,
    wants_result,
)
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, conditional, queried_conditional

TRADE, USER = Security.TRADE, Security.USER_DATA
LONGEST = timedelta(days=7)
LEAST_CALLBACK, MOST_CALLBACK = Decimal("0.1"), Decimal(20)


def new_conditional(call: Call, params: Params) -> NewOrder:
    if params.need("algoType") != "CONDITIONAL":
        raise problems.bad_data("algoType")
    symbol = params.need("symbol").upper()
    call.state.listing(symbol)
    side, kind = params.need_word("side", Side), params.need_word("type", OrderType)
    if not kind.is_algo:
        raise problems.bad_enum("type")
    closes = params.flag("closePosition")
    _check_prices(params, kind)
    _check_quantity(params, kind, closes=closes)
    tif = params.get("timeInForce", "GTC")
    return NewOrder(
        symbol,
        side,
        kind,
        None if closes else params.need_number("quantity"),
        params.number("price"),
        TimeInForce.GTC if tif == "GTE_GTC" else params.word("timeInForce", TimeInForce),
        position_side(params),
        params.flag("reduceOnly"),
        params.client_id("clientAlgoId"),
        price_match(params),
        self_trade(params),
        good_till(params),
        params.number("triggerPrice"),
        closes,
        params.word("workingType", WorkingType, WorkingType.CONTRACT_PRICE) or WorkingType.CONTRACT_PRICE,
        params.flag("priceProtect"),
        params.number("activatePrice"),
        params.number("callbackRate"),
        tif == "GTE_GTC",
    )


def _check_prices(params: Params, kind: OrderType) -> None:
    if kind is OrderType.TRAILING_STOP_MARKET:
        rate = params.need_number("callbackRate")
        if not LEAST_CALLBACK <= rate <= MOST_CALLBACK:
            raise problems.bad_callback_rate()
        params.refuse("triggerPrice", "price")
        return
    params.need("triggerPrice")
    params.refuse("activatePrice", "callbackRate")
    if kind not in LIMITS:
        params.refuse("price")
        if price_match(params) != "NONE":
            raise problems.price_match_with_price()
    elif price_match(params) == "NONE":
        params.need("price")


def _check_quantity(params: Params, kind: OrderType, *, closes: bool) -> None:
    if not closes:
        params.need("quantity")
        return
    if kind in LIMITS or kind is OrderType.TRAILING_STOP_MARKET:
        raise problems.not_required("closePosition")
    if "quantity" in params:
        raise problems.quantity_with_close_position()
    if "reduceOnly" in params:
        raise problems.reduce_only_with_close_position()


@endpoint("POST", "/fapi/v1/algoOrder", TRADE, 0, (1, 1))
def post_algo(call: Call) -> Json:
    new = new_conditional(call, call.params)
    wants_result(call.params)
    return conditional(call.venue.engine.place_conditional(new))


@endpoint("DELETE", "/fapi/v1/algoOrder", TRADE)
def delete_algo(call: Call) -> Json:
    call.params.need_either("algoId", "clientAlgoId")
    algo_id, client_id = call.params.integer("algoId"), call.params.get("clientAlgoId")
    gone = call.venue.engine.cancel_conditional(algo_id, client_id)
    return {"algoId": gone.algo_id, "clientAlgoId": gone.client_id, "code": "200", "msg": "success"}


@endpoint("DELETE", "/fapi/v1/algoOpenOrders", TRADE)
def delete_all_algos(call: Call) -> Json:
    call.venue.engine.cancel_all_conditionals(call.symbol())
    return ALL_CANCELLED


@endpoint("GET", "/fapi/v1/algoOrder", USER)
def get_algo(call: Call) -> Json:
    call.params.need_either("algoId", "clientAlgoId")
    found = call.state.conditionals.find(call.params.integer("algoId"), call.params.get("clientAlgoId"))
    if found is None:
        raise problems.no_such_order()
    return _queried(call, found)


@endpoint("GET", "/fapi/v1/openAlgoOrders", USER, by_symbol(1, 40))
def get_open_algos(call: Call) -> list[Json]:
    return [_queried(call, one) for one in call.state.conditionals.open(call.maybe_symbol())]


@endpoint("GET", "/fapi/v1/allAlgoOrders", USER, 5)
def get_all_algos(call: Call) -> list[Json]:
    """The newest of the window; from `algoId` on, the oldest."""
    symbol, params, limit = call.symbol(), call.params, call.params.limit(500, 1000)
    (start, end), first = params.window(LONGEST), params.integer("algoId")
    found = [
        one
        for one in call.state.conditionals.history(symbol)
        if (start is None or one.created >= start)
        and (end is None or one.created <= end)
        and (first is None or one.algo_id >= first)
    ]
    return [_queried(call, one) for one in (found[:limit] if first is not None else found[-limit:])]


def _queried(call: Call, one: Conditional) -> Json:
    actual = call.state.orders.find(one.symbol, one.order_id, None) if one.order_id else None
    return queried_conditional(one, actual)
