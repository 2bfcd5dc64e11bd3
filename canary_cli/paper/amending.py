"""Changing the quantity and price of an open LIMIT order, which costs it its place in the queue."""

from copy import copy
from dataclasses import replace
from decimal import Decimal

from canary_cli.core.model import OrderStatus, TimeInForce
from canary_cli.paper import filters, problems
from canary_cli.paper.judging import check_affordable_change
from canary_cli.paper.matchmaking import check_immediacy, match
from canary_cli.paper.orders import RestingOrder
from canary_cli.paper.settling import expire, tell_order
from canary_cli.paper.state import State

MOST_AMENDS = 10_000


def amend(state: State, order: RestingOrder, quantity: Decimal, price: Decimal) -> None:
    """A quantity that has been executed already cancels the rest. Raises `Problem`."""
    if (quantity, price) == (order.quantity, order.price):
        raise problems.nothing_to_amend()
    if order.amends >= MOST_AMENDS:
        raise problems.too_many_amends()
    if quantity <= order.executed:
        expire(state, order, OrderStatus.CANCELED, "CANCELED")
        return
    _check(state, order, quantity, price)
    order.quantity, order.price = quantity, price
    order.updated, order.amends = state.now, order.amends + 1
    tell_order(state, order, "AMENDMENT")
    match(state, order)


def _check(state: State, order: RestingOrder, quantity: Decimal, price: Decimal) -> None:
    listing = state.listing(order.symbol)
    filters.check_status(state.status(order.symbol), reduces=order.reduce_only)
    filters.check_quantity(quantity, listing, is_market=False)
    filters.check_price(price, listing)
    filters.check_band(order.side, price, state.marks[order.symbol], listing)
    if not order.reduce_only:
        filters.check_notional(quantity, price, listing)
    changed = replace(copy(order), quantity=quantity, price=price)
    check_affordable_change(state, order, changed)
    if changed.time_in_force is TimeInForce.GTX:
        check_immediacy(state, changed)
