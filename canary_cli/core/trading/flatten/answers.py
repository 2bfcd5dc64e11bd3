"""What the answers to a flatten's deeds change in what it believes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from canary_cli.core.model import Order, OrderStatus, OrderType
from canary_cli.core.trading.flatten.state import (
    Cancel,
    CancelAlgo,
    CancelAll,
    Cancelled,
    CancelOrder,
    Flatten,
    Leg,
    Queried,
    Sent,
)
from canary_cli.core.trading.replies import Confirmed, Denied, Failed, Rejected, Reply, Throttled, Unknown

K = TypeVar("K")
V = TypeVar("V")

QUESTIONS = (0.2, 0.4, 0.8)
"""Seconds before each question about a close nobody answered. After them a reading decides what is left."""

REDUCE_ONLY_REJECTED, OBSTRUCTED, THIN_BOOK, TOO_LARGE, TOO_SMALL = -2022, -4118, -4131, -4005, -4004


def back_off(failures: int) -> float:
    return float(min(0.1 * 2 ** min(failures, 5), 2.0))


def cancelled(state: Flatten, event: Cancelled) -> Flatten:
    """A refused cancel (-2011) proves nothing about the order, but nor is there anything to do until a reading."""
    symbol = event.cancel.symbol
    state = replace(state, cancels=state.cancels - {event.cancel}, touched=_with(state.touched, symbol, state.now))
    if isinstance(event.reply, (Confirmed, Rejected)):
        gone = _covered(state, event.cancel) - state.answered
        count = len(gone) if isinstance(event.reply, Confirmed) else 0
        state = replace(state, cancelled=state.cancelled + count, answered=state.answered | gone)
        return _without(state, event.cancel)
    return _cancel_later(_quiet(state, event.reply), symbol, _asked_to_wait(event.reply))


def _covered(state: Flatten, cancel: Cancel) -> frozenset[CancelOrder | CancelAlgo]:
    """The orders that a cancel means, each by itself."""
    if isinstance(cancel, CancelAll):
        return frozenset(CancelOrder(cancel.symbol, order.client_id) for order in state.orders.get(cancel.symbol, ()))
    return frozenset({cancel})


def _without(state: Flatten, cancel: Cancel) -> Flatten:
    orders, algos = state.orders.get(cancel.symbol, ()), state.algos.get(cancel.symbol, ())
    match cancel:
        case CancelAll():
            orders = ()
        case CancelOrder(client_id=client_id):
            orders = tuple(order for order in orders if order.client_id != client_id)
        case CancelAlgo(algo_id=algo_id):
            algos = tuple(algo for algo in algos if algo.algo_id != algo_id)
    return replace(
        state, orders=_with(state.orders, cancel.symbol, orders), algos=_with(state.algos, cancel.symbol, algos)
    )


def outlived(state: Flatten) -> Flatten:
    """After a reading: what is still there though its cancel was answered is tried again, ever more slowly."""
    orders = (CancelOrder(order.symbol, order.client_id) for orders in state.orders.values() for order in orders)
    algos = (CancelAlgo(algo.symbol, algo.algo_id) for algos in state.algos.values() for algo in algos)
    for symbol in sorted({cancel.symbol for cancel in (*orders, *algos) if cancel in state.answered}):
        state = _cancel_later(state, symbol, 0.0)
    return state


def _cancel_later(state: Flatten, symbol: str, at_least: float) -> Flatten:
    failures = state.cancel_failures.get(symbol, 0) + 1
    not_before = state.now + max(back_off(failures), at_least)
    return replace(
        state,
        cancel_failures=_with(state.cancel_failures, symbol, failures),
        cancel_not_before=_with(state.cancel_not_before, symbol, not_before),
    )


def closed(state: Flatten, client_id: str, reply: Reply[Order]) -> Flatten:
    sent = state.closes.get(client_id)
    if sent is None:
        return state
    leg = state.legs[sent.key]
    state = replace(state, touched=_with(state.touched, sent.key[0], state.now))
    match reply:
        case Confirmed(order) if order.status.is_final:
            state = replace(state, order_ids=state.order_ids | {order.order_id})
            return _answered(state, client_id, _after_execution(leg, order, sent, state.now))
        case Confirmed() | Unknown():
            waiting = replace(sent, unknown=True, question_due=True)
            return replace(state, closes=_with(state.closes, client_id, waiting))
        case Rejected(code, message):
            return _answered(state, client_id, _after_rejection(leg, sent, code, message, state.now))
        case Failed(code, message):
            return _answered(state, client_id, _later(leg, state.now, f"{code} {message}"))
        case Denied(reason):
            return _answered(state, client_id, _later(leg, state.now, reason))
        case Throttled(seconds):
            later = replace(_later(leg, state.now, "throttled"), not_before=state.now + seconds)
            return _answered(_quiet(state, reply), client_id, later)


def _answered(state: Flatten, client_id: str, leg: Leg) -> Flatten:
    closes = {other: sent for other, sent in state.closes.items() if other != client_id}
    return replace(state, closes=closes, legs=_with(state.legs, leg.key, leg))


def _after_execution(leg: Leg, order: Order, sent: Sent, now: float) -> Leg:
    """An order that ended with something unfilled found too thin a book: next comes a limit at the band's edge."""
    before = leg.position.quantity
    executed = min(order.executed, abs(before))
    left = before - executed if before > 0 else before + executed
    leg = replace(leg, position=replace(leg.position, quantity=left), trouble="")
    if order.status is OrderStatus.FILLED:
        return replace(leg, failures=0)
    leg = replace(leg, failures=0) if executed else leg
    thin = _later(leg, now, f"{order.status}: {order.executed} of {sent.request.quantity} executed")
    return replace(thin, at_band_edge=sent.request.type is OrderType.MARKET, stale=not executed)


def _after_rejection(leg: Leg, sent: Sent, code: int, message: str, now: float) -> Leg:
    """Never larger, never blindly again: mostly only a reading can say what is left to close."""
    leg = replace(_later(leg, now, f"{code} {message}"), stale=True)
    match code:
        case _ if code == REDUCE_ONLY_REJECTED:
            return replace(leg, not_before=now)
        case _ if code == OBSTRUCTED:
            return replace(leg, obstructed=leg.obstructed + 1, not_before=now)
        case _ if code == THIN_BOOK:
            return replace(leg, at_band_edge=sent.request.type is OrderType.MARKET, not_before=now)
        case _ if code == TOO_LARGE:
            return replace(leg, largest=sent.request.quantity / 2, stale=False, not_before=now)
        case _ if code == TOO_SMALL:
            return replace(leg, dust=True, stale=False)
        case _:
            return leg


def _later(leg: Leg, now: float, trouble: str) -> Leg:
    return replace(leg, failures=leg.failures + 1, not_before=now + back_off(leg.failures + 1), trouble=trouble)


def queried(state: Flatten, event: Queried) -> Flatten:
    sent = state.closes.get(event.client_id)
    if sent is None:
        return state
    if event.order is not None and event.order.status.is_final:
        return closed(state, event.client_id, Confirmed(event.order))
    found_nothing = event.answered and event.order is None
    sent = replace(sent, question_due=True, asked=sent.asked + found_nothing)
    if sent.asked < len(QUESTIONS):
        return replace(state, closes=_with(state.closes, event.client_id, sent))
    leg = replace(_later(state.legs[sent.key], state.now, "a close never arrived"), stale=True)
    return _answered(replace(state, touched=_with(state.touched, sent.key[0], state.now)), event.client_id, leg)


def _quiet(state: Flatten, reply: Reply[V]) -> Flatten:
    """A ban (418) makes every call until its end lengthen it: nothing at all is sent before."""
    if isinstance(reply, Throttled) and reply.banned:
        return replace(state, quiet_until=state.now + reply.retry_after, trouble="banned by the exchange")
    return state


def _asked_to_wait(reply: Reply[V]) -> float:
    return reply.retry_after if isinstance(reply, Throttled) else 0.0


def _with(mapping: Mapping[K, V], key: K, value: V) -> dict[K, V]:
    return {**mapping, key: value}
