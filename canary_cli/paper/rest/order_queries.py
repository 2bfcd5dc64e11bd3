"""Asking about ordinary orders and their fills."""

from datetime import timedelta

from canary_cli.core.model import OrderStatus
from canary_cli.paper import problems
from canary_cli.paper.orders import RestingOrder
from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, listed, queried, user_trade

USER = Security.USER_DATA
LONGEST = timedelta(days=7)
UNFILLED, EVERY = timedelta(days=3), timedelta(days=90)  # how long an order that has ended can be asked for


def _is_forgotten(call: Call, order: RestingOrder) -> bool:
    """Three days after it was cancelled or expired without a fill, and 90 days after it ended otherwise."""
    if not order.status.is_final:
        return False
    unfilled = order.status is not OrderStatus.FILLED and not order.executed
    return call.state.now - order.updated > (UNFILLED if unfilled else EVERY)


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
    if order is None or _is_forgotten(call, order):
        raise problems.no_such_order()
    return order


@endpoint("GET", "/fapi/v1/openOrders", USER, by_symbol(1, 40))
def get_open_orders(call: Call) -> list[Json]:
    return [queried(order) for order in call.state.orders.open(call.maybe_symbol())]


@endpoint("GET", "/fapi/v1/allOrders", USER, 5)
def get_all_orders(call: Call) -> list[Json]:
    """The newest of the window; from `orderId` on, the oldest."""
    params, limit = call.params, call.params.limit(500, 1000)
    (start, end), first = params.window(LONGEST), params.integer("orderId")
    found = [
        order
        for order in call.state.orders.history(call.maybe_symbol())
        if (start is None or order.created >= start)
        and (end is None or order.created <= end)
        and (first is None or order.order_id >= first)
        and not _is_forgotten(call, order)
    ]
    return [listed(order) for order in (found[:limit] if first is not None else found[-limit:])]


@endpoint("GET", "/fapi/v1/userTrades", USER, 5)
def user_trades(call: Call) -> list[Json]:
    """With a window or `fromId` the oldest come first, as on the wire; else the newest page."""
    symbol, params, limit = call.symbol(), call.params, call.params.limit(500, 1000)
    (start, end), first, order_id = params.window(LONGEST), params.integer("fromId"), params.integer("orderId")
    if first is not None and (start or end):
        raise problems.bad_combination()
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
