"""What facts of orders and trades change in a session."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from canary_cli.core.accounting.metrics import Metrics
from canary_cli.core.model import OrderStatus
from canary_cli.core.trading import facts as f
from canary_cli.core.trading.order import OrderLife, Stage, advance
from canary_cli.core.trading.state import Algo, Held, Session, drop, put

FOREIGN, KILL = "foreign", "kill"
"""Purposes of fills whose orders this session did not make: a stranger's, and those of a closing."""


def intended(state: Session, fact: f.Intended) -> Session:
    moved = replace(state, orders=put(state.orders, fact.client_id, OrderLife(fact)), sequence=state.sequence + 1)
    if fact.purpose is f.Purpose.ENTRY:
        moved = replace(moved, last_entry=put(state.last_entry, fact.symbol, fact.decided_at))
    elif fact.purpose is f.Purpose.PROBE:
        moved = replace(moved, last_probe=fact.decided_at)
    elif fact.symbol in state.held:
        moved = replace(moved, held=put(state.held, fact.symbol, _told_off(state.held[fact.symbol], fact)))
    return moved


def _told_off(held: Held, fact: f.Intended) -> Held:
    """The position with the order that is to protect or close it."""
    match fact.purpose:
        case f.Purpose.STOP:
            return replace(held, stop=fact.client_id, stop_price=fact.trigger_price)
        case f.Purpose.TARGET:
            return replace(held, target=fact.client_id)
    return replace(held, exits=held.exits + 1)


def order(state: Session, fact: Any) -> Session:
    life = state.orders.get(fact.client_id)
    if life is None:
        return state
    after = advance(life, fact)
    return replace(
        state,
        orders=put(state.orders, fact.client_id, after),
        metrics=_measured(state.metrics, life, fact),
    )


def _measured(metrics: Metrics, life: OrderLife, fact: Any) -> Metrics:
    intent = life.intent
    who = (intent.client_id, intent.symbol, intent.purpose.value)
    match fact:
        case f.OrderConfirmed():
            return metrics.ordered(*who, fact.latency_ms, intent.quantity, fact.send_ms)
        case f.OrderRejected():
            return metrics.rejected(*who)
        case f.OrderUnknown(inherited=True):
            return metrics.unanswered(*who, intent.quantity)
        case f.OrderUnknown() if life.stage is Stage.SENT:
            return metrics.unknown(*who, intent.quantity, fact.latency_ms)
        case f.OrderUnknown():  # its reply was lost, and it was known by then
            return metrics.ordered(*who, None, intent.quantity)
        case f.OrderResolved():
            return metrics.resolved(intent.client_id, found=fact.outcome == "found")
        case f.OrderMoved() if life.stage is Stage.SENT:  # the stream told first; the answer is on its way
            return _moved(metrics.unanswered(*who, intent.quantity), life, fact)
        case f.OrderMoved():
            return _moved(metrics, life, fact)
    return metrics


def _moved(metrics: Metrics, life: OrderLife, fact: f.OrderMoved) -> Metrics:
    """Whoever tells of an order that nobody had answered for has found it."""
    if life.stage is Stage.UNKNOWN:
        metrics = metrics.resolved(fact.client_id, found=True)
    is_short = fact.status.is_final and fact.status is not OrderStatus.FILLED
    return metrics.ended(fact.client_id) if is_short else metrics


def filled(state: Session, fact: f.Filled) -> Session:
    before = state.held.get(fact.symbol)
    after = _after_fill(before, fact)
    moved = replace(
        state,
        trades=put(state.trades, (fact.symbol, fact.trade_id), fact.time),
        metrics=_executed(state.metrics, fact),
        orders=_filling(state.orders, fact),
    )
    if after is not None:
        return replace(moved, held=put(state.held, fact.symbol, after))
    return _flat(moved, fact, before)


def _filling(orders: Mapping[str, OrderLife], fact: f.Filled) -> Mapping[str, OrderLife]:
    life = orders.get(fact.client_id)
    return orders if life is None else put(orders, fact.client_id, replace(life, filled=life.filled + fact.quantity))


def _executed(metrics: Metrics, fact: f.Filled) -> Metrics:
    if fact.purpose in (FOREIGN, KILL):
        return metrics
    return metrics.filled(fact.client_id, fact.symbol, fact.purpose, fact.quantity, fact.slippage_bps, fact.latency_ms)


def _flat(state: Session, fact: f.Filled, closed: Held | None) -> Session:
    """The position is gone; the cooldown of its side begins, unless it was but a probe."""
    state = replace(state, held=drop(state.held, fact.symbol))
    if closed is None or closed.probe:
        return state
    return replace(state, last_flat=put(state.last_flat, fact.symbol, (closed.side, fact.time)))


def _after_fill(held: Held | None, fact: f.Filled) -> Held | None:
    """The position after one trade: averaged when it grows, kept when it shrinks, turned when it crosses zero."""
    signed, is_foreign = fact.quantity * fact.side.sign, fact.purpose == FOREIGN
    if held is None:
        is_probe = fact.purpose == f.Purpose.PROBE.value
        return Held(fact.symbol, signed, fact.price, fact.time, probe=is_probe, foreign=is_foreign)
    quantity = held.quantity + signed
    if quantity == 0:
        return None
    if (held.quantity > 0) == (signed > 0):
        entry = (held.entry_price * held.quantity + fact.price * signed) / quantity
        return replace(held, quantity=quantity, entry_price=entry, foreign=held.foreign and is_foreign)
    if (held.quantity > 0) == (quantity > 0):
        return replace(held, quantity=quantity)
    return Held(fact.symbol, quantity, fact.price, fact.time, foreign=is_foreign)


def algo_moved(state: Session, fact: f.AlgoMoved) -> Session:
    algo = Algo(fact.client_id, fact.algo_id, fact.symbol, fact.status, fact.trigger_price)
    moved = replace(state, algos=put(state.algos, fact.client_id, algo))
    life = state.orders.get(fact.client_id)
    if life is None or not fact.order_id:
        return moved
    return replace(moved, orders=put(state.orders, fact.client_id, replace(life, became=fact.order_id)))
