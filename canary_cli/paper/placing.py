"""Placing an ordinary order: judged, given an id, brought to the book."""

from canary_cli.core.model import ZERO, TimeInForce
from canary_cli.paper import problems
from canary_cli.paper.judging import judge
from canary_cli.paper.matchmaking import check_immediacy, enter
from canary_cli.paper.orders import NewOrder, RestingOrder
from canary_cli.paper.state import State

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def place(state: State, new: NewOrder) -> RestingOrder:
    if new.type.is_algo:
        raise problems.use_algo_endpoint()
    order = accepted(state, new)
    number(state, order)
    enter(state, order)
    return order


def accepted(state: State, new: NewOrder) -> RestingOrder:
    """The order that `new` would be, without an id yet. Raises `Problem` where it may not be."""
    order = order_of(state, judge(state, new))
    check_immediacy(state, order)
    return order


def number(state: State, order: RestingOrder) -> None:
    state.next_order += 1
    order.order_id = state.next_order


def order_of(state: State, new: NewOrder) -> RestingOrder:
    assert new.quantity is not None
    return RestingOrder(
        0,
        new.client_id or new_client_id(state),
        new.symbol,
        new.side,
        new.type,
        new.quantity,
        new.price or ZERO,
        new.time_in_force or TimeInForce.GTC,
        state.now,
        state.now,
        new.position_side,
        new.reduce_only,
        original_type=new.type,
        price_match=new.price_match,
        self_trade=new.self_trade,
        good_till=new.good_till,
    )


def new_client_id(state: State) -> str:
    return "".join(state.rng.choices(ALPHABET, k=22))
