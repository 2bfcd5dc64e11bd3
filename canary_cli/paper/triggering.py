"""Conditional orders on their way: into the store, past each tick, and out as ordinary orders when they fire."""

from decimal import Decimal

from canary_cli.core.model import ZERO, AlgoStatus, OrderType, TimeInForce
from canary_cli.paper import algo, problems
from canary_cli.paper.judging import judge_conditional
from canary_cli.paper.matchmaking import check_immediacy, enter
from canary_cli.paper.orders import Conditional, NewOrder, RestingOrder
from canary_cli.paper.placing import accepted, new_client_id, number, order_of
from canary_cli.paper.settling import end_conditional, reducible, tell_conditional
from canary_cli.paper.state import State


def place_conditional(state: State, new: NewOrder) -> Conditional:
    """Raises `Problem`, -2021 where it would fire at once."""
    judge_conditional(state, new)
    conditional = _conditional_of(state, new)
    price = algo.watched(conditional, state.lasts[new.symbol], state.marks[new.symbol])
    algo.check_not_yet(conditional, price)
    if conditional.with_position and not state.account.quantity(new.symbol, new.position_side):
        raise problems.gte_needs_position()
    if new.type is OrderType.TRAILING_STOP_MARKET and new.activate_price is None:
        conditional.activated, conditional.extreme = True, price
    state.next_algo += 1
    conditional.algo_id = state.next_algo
    state.conditionals.add(conditional)
    tell_conditional(state, conditional)
    return conditional


def _conditional_of(state: State, new: NewOrder) -> Conditional:
    return Conditional(
        0,
        new.client_id or new_client_id(state),
        new.symbol,
        new.side,
        new.type,
        new.quantity or ZERO,
        new.trigger_price or ZERO,
        state.now,
        state.now,
        price=new.price or ZERO,
        time_in_force=new.time_in_force or TimeInForce.GTC,
        position_side=new.position_side,
        reduce_only=new.reduce_only,
        close_position=new.close_position,
        working_type=new.working_type,
        price_protect=new.price_protect,
        price_match=new.price_match,
        self_trade=new.self_trade,
        good_till=new.good_till,
        activate_price=new.activate_price or ZERO,
        callback_rate=new.callback_rate or ZERO,
        with_position=new.with_position,
    )


def watch(state: State, conditional: Conditional) -> None:
    """Hold it against the present prices: it fires, runs out, or goes on waiting."""
    last, mark = state.lasts[conditional.symbol], state.marks[conditional.symbol]
    if conditional.status is not AlgoStatus.NEW or state.status(conditional.symbol) != "TRADING":
        return
    if conditional.good_till is not None and conditional.good_till <= state.now:
        end_conditional(state, conditional, AlgoStatus.EXPIRED)
        return
    threshold = state.listing(conditional.symbol).trigger_protect
    protect = conditional.price_protect and algo.protected(last, mark, threshold)
    if not protect and _fires(state, conditional, algo.watched(conditional, last, mark)):
        _trigger(state, conditional)


def _fires(state: State, conditional: Conditional, price: Decimal) -> bool:
    if conditional.type is not OrderType.TRAILING_STOP_MARKET:
        return algo.fires(conditional.type, conditional.side, conditional.trigger_price, price)
    was = conditional.activated
    fired = algo.trail(conditional, price)
    if conditional.activated and not was:
        tell_conditional(state, conditional)
    return fired


def _trigger(state: State, conditional: Conditional) -> None:
    """The conditional becomes an ordinary order with the same client id, or is rejected with the reason."""
    conditional.status, conditional.triggered = AlgoStatus.TRIGGERING, state.now
    tell_conditional(state, conditional)
    quantity = conditional.quantity
    if conditional.close_position:
        quantity = reducible(state, conditional.symbol, conditional.side, conditional.position_side)
    if not quantity:
        end_conditional(state, conditional, AlgoStatus.EXPIRED)
        return
    try:
        order = _judged(state, conditional, quantity)
    except problems.Problem as problem:
        end_conditional(state, conditional, AlgoStatus.REJECTED, problem.text)
        return
    number(state, order)
    conditional.order_id = order.order_id
    state.conditionals.close(conditional, AlgoStatus.TRIGGERED, state.now)
    tell_conditional(state, conditional, order)
    enter(state, order)


def _judged(state: State, conditional: Conditional, quantity: Decimal) -> RestingOrder:
    """What comes out of a trigger is judged as any order; a closing one may exceed MARKET_LOT_SIZE."""
    new = _new_order(state, conditional, quantity)
    if conditional.close_position:
        order = order_of(state, new)
        check_immediacy(state, order)
    else:
        order = accepted(state, new)
    order.original_type = conditional.type
    order.trigger_price = conditional.trigger_price
    order.close_position = conditional.close_position
    order.working_type = conditional.working_type
    order.price_protect = conditional.price_protect
    order.activate_price = conditional.activate_price
    order.callback_rate = conditional.callback_rate
    return order


def _new_order(state: State, conditional: Conditional, quantity: Decimal) -> NewOrder:
    limit = conditional.type in algo.LIMITS
    return NewOrder(
        conditional.symbol,
        conditional.side,
        OrderType.LIMIT if limit else OrderType.MARKET,
        quantity,
        conditional.price if limit and conditional.price else None,
        conditional.time_in_force if limit else None,
        conditional.position_side,
        conditional.reduce_only or (conditional.close_position and not state.account.hedge),
        conditional.client_id,
        conditional.price_match,
        conditional.self_trade,
        conditional.good_till,
    )
