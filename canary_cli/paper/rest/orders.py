"""Placing, amending, cancelling and asking about ordinary orders."""

from datetime import timedelta
from typing import Any

import orjson

from canary_cli.core.model import OrderType, PositionSide, Side, TimeInForce
from canary_cli.paper import problems
from canary_cli.paper.orders import NewOrder, RestingOrder, SelfTrade
from canary_cli.paper.params import Params
from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, acknowledged, placed, queried, user_trade

TRADE, USER = Security.TRADE, Security.USER_DATA
LONGEST = timedelta(days=7)
LARGEST_BATCH, LARGEST_CANCEL = 5, 10
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
        params.time("goodTillDate"),
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


def place(call: Call, params: Params) -> Json:
    order = call.venue.engine.place(new_order(call, params))
    wants_result = params.get("newOrderRespType", "ACK").upper() == "RESULT"
    return placed(order) if wants_result else acknowledged(order)


@endpoint("POST", "/fapi/v1/order", TRADE, 0, (1, 1))
def post_order(call: Call) -> Json:
    return place(call, call.params)


@endpoint("POST", "/fapi/v1/order/test", TRADE, 0)
def test_order(call: Call) -> Json:
    new = new_order(call, call.params)
    call.venue.engine.test(new)
    return {}


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


@endpoint("POST", "/fapi/v1/batchOrders", TRADE, 5, (5, 1))
def post_batch(call: Call) -> list[Json]:
    rows = _rows(call, LARGEST_BATCH)
    return [_answer(lambda one=one: place(call, one)) for one in rows]


@endpoint("PUT", "/fapi/v1/batchOrders", TRADE, 5, (5, 1))
def put_batch(call: Call) -> list[Json]:
    rows = _rows(call, LARGEST_BATCH)
    return [_answer(lambda one=one: amend(call, one)) for one in rows]


def _rows(call: Call, most: int) -> list[Params]:
    rows = _json_list(call.params.need("batchOrders"), "batchOrders")
    if not 1 <= len(rows) <= most or not all(isinstance(row, dict) for row in rows):
        raise problems.bad_data("batchOrders")
    return [Params({name: _text(value) for name, value in row.items()}) for row in rows]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _json_list(text: str, name: str) -> list[Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise problems.bad_data(name) from None
    if not isinstance(found, list):
        raise problems.bad_data(name)
    return found


def _answer(deed: Any) -> Json:
    """One element's reply, or its refusal: a batch is mixed and its status is 200."""
    try:
        return deed()  # type: ignore[no-any-return]
    except problems.Problem as problem:
        return dict(problem.body)


@endpoint("DELETE", "/fapi/v1/batchOrders", TRADE)
def delete_batch(call: Call) -> list[Json]:
    symbol, params = call.symbol(), call.params
    ids = params.get("orderIdList") or params.get("orderidlist")
    clients = params.get("origClientOrderIdList") or params.get("origclientorderidlist")
    if ids is None and clients is None:
        raise problems.missing("orderIdList")
    rows = _json_list(ids or clients or "", "orderIdList")
    if not 1 <= len(rows) <= LARGEST_CANCEL:
        raise problems.bad_data("orderIdList")
    name = "orderId" if ids else "origClientOrderId"
    each = [Params({"symbol": symbol, name: str(row)}) for row in rows]
    return [_answer(lambda one=one: cancel(call, one)) for one in each]


@endpoint("POST", "/fapi/v1/countdownCancelAll", TRADE, 10)
def countdown_cancel_all(call: Call) -> Json:
    symbol, milliseconds = call.symbol(), call.params.need_integer("countdownTime")
    call.venue.engine.countdown(symbol, milliseconds)
    return {"symbol": symbol, "countdownTime": str(milliseconds)}


@endpoint("GET", "/fapi/v1/order", USER)
def get_order(call: Call) -> Json:
    return queried(_asked(call, only_open=False))


@endpoint("GET", "/fapi/v1/openOrder", USER)
def get_open_order(call: Call) -> Json:
    return queried(_asked(call, only_open=True))


def _asked(call: Call, *, only_open: bool) -> RestingOrder:
    symbol = call.symbol()
    call.params.need_either("orderId", "origClientOrderId")
    find = call.state.orders.find_open if only_open else call.state.orders.find
    order = find(symbol, call.params.integer("orderId"), call.params.get("origClientOrderId"))
    if order is None:
        raise problems.no_such_order()
    return order


@endpoint("GET", "/fapi/v1/openOrders", USER, by_symbol(1, 40))
def get_open_orders(call: Call) -> list[Json]:
    return [queried(order) for order in call.state.orders.open(call.maybe_symbol())]


@endpoint("GET", "/fapi/v1/allOrders", USER, 5)
def get_all_orders(call: Call) -> list[Json]:
    """The newest of the window; from `orderId` on, the oldest."""
    params, limit = call.params, call.params.limit(500, 1000)
    start, end, first = params.time("startTime"), params.time("endTime"), params.integer("orderId")
    _check_window(call)
    found = [
        order
        for order in call.state.orders.history(call.maybe_symbol())
        if (start is None or order.created >= start)
        and (end is None or order.created <= end)
        and (first is None or order.order_id >= first)
    ]
    return [queried(order) for order in (found[:limit] if first is not None else found[-limit:])]


def _check_window(call: Call) -> None:
    start, end = call.params.time("startTime"), call.params.time("endTime")
    if start is not None and end is not None and end - start > LONGEST:
        raise problems.window_too_long()


@endpoint("GET", "/fapi/v1/userTrades", USER, 5)
def user_trades(call: Call) -> list[Json]:
    """With a window or `fromId` the oldest come first, as on the wire; else the newest page."""
    symbol, params, limit = call.symbol(), call.params, call.params.limit(500, 1000)
    start, end, first, order_id = (
        params.time("startTime"), params.time("endTime"), params.integer("fromId"), params.integer("orderId"),
    )  # fmt: skip
    if first is not None and (start or end):
        raise problems.too_many_parameters()
    _check_window(call)
    found = [
        trade
        for trade in call.state.trades
        if trade.symbol == symbol
        and (order_id is None or trade.order_id == order_id)
        and (start is None or trade.time >= start)
        and (end is None or trade.time <= end)
        and (first is None or trade.trade_id >= first)
    ]
    oldest = first is not None or start is not None
    return [user_trade(trade) for trade in (found[:limit] if oldest else found[-limit:])]
