"""What is to be done, given what is believed. Level-triggered: asked again after every event, it asks only for what
is missing, so that a lost answer, a repeated event or a restart changes nothing."""

from collections.abc import Iterator
from dataclasses import replace

from canary_cli.core.trading.flatten.answers import QUESTIONS
from canary_cli.core.trading.flatten.learn import SPACING
from canary_cli.core.trading.flatten.plan import (
    FAN_OUT,
    closable,
    close_order,
    in_the_way,
    is_busy,
    is_clear,
    pieces,
    symbols,
)
from canary_cli.core.trading.flatten.state import (
    Cancel,
    CancelAlgo,
    CancelAll,
    CancelOrder,
    Close,
    Effect,
    Flatten,
    Leg,
    Query,
    Read,
    Sent,
    Wake,
)

QUICK_READINGS = 6
SLOWEST_READING = 2.5
"""A reading weighs 95 of 2400 a minute: after the first few, while something resists, one in 2.5 s is what fits."""


def act(state: Flatten) -> tuple[Flatten, tuple[Effect, ...]]:
    if state.outcome is not None:
        return state, ()
    state, deeds = _deeds(state) if state.now >= state.quiet_until else (state, ())
    state = _watch_clocks(state, deeds)
    state, questions = _questions(state)
    state, reading = _reading(state)
    state, wake = _wake(state)
    return state, (*deeds, *questions, *reading, *wake)


def _deeds(state: Flatten) -> tuple[Flatten, tuple[Effect, ...]]:
    cancels = tuple(cancel for symbol in symbols(state) for cancel in _cancels(state, symbol))
    state = replace(state, cancels=state.cancels | set(cancels)) if cancels else state
    under_way = {sent.key for sent in state.closes.values()}
    closes: list[Effect] = []
    for leg in state.legs.values():
        if leg.position.quantity and leg.key not in under_way and _may_close(state, leg):
            state, orders = _closes(state, leg)
            closes += orders
    return state, (*cancels, *closes)


def _cancels(state: Flatten, symbol: str) -> Iterator[Cancel]:
    if state.now < state.cancel_not_before.get(symbol, 0.0):
        return
    orders = state.orders.get(symbol, ())
    algos = state.algos.get(symbol, ()) if state.verified else in_the_way(state, symbol)
    if not orders and not algos:
        return
    one_by_one = [CancelOrder(symbol, order.client_id) for order in orders]
    outlived = [cancel for cancel in one_by_one if cancel in state.answered]
    wanted: list[Cancel] = [*outlived] if len(outlived) == len(one_by_one) else [CancelAll(symbol)]
    wanted += [CancelAlgo(symbol, algo.algo_id) for algo in algos]
    yield from (cancel for cancel in wanted if cancel not in state.cancels)


def _may_close(state: Flatten, leg: Leg) -> bool:
    """A close waits for the cancels of its symbol once; if they fail it goes out anyway, for it can only reduce."""
    symbol = leg.position.symbol
    free = not state.orders.get(symbol) and not in_the_way(state, symbol)
    tried = state.cancel_failures.get(symbol, 0) > 0
    return not leg.stale and state.now >= leg.not_before and (free or tried)


def _closes(state: Flatten, leg: Leg) -> tuple[Flatten, list[Effect]]:
    rules = state.rules.get(leg.position.symbol)
    orders: list[Effect] = []
    sent = dict(state.closes)
    for quantity in pieces(closable(leg, rules), rules, leg.largest)[:FAN_OUT]:
        client_id = f"{state.prefix}{state.sent + len(orders) + 1}"
        request = close_order(state, leg, quantity, client_id)
        sent[client_id] = Sent(leg.key, request)
        orders.append(Close(request))
    return replace(state, closes=sent, sent=state.sent + len(orders)), orders


def _watch_clocks(state: Flatten, deeds: tuple[Effect, ...]) -> Flatten:
    if deeds and state.first_sent_at is None:
        return replace(state, first_sent_at=state.now)
    done = state.first_sent_at is not None and not state.closes and not state.cancels and is_clear(state)
    return replace(state, acknowledged_at=state.now) if done and state.acknowledged_at is None else state


def _questions(state: Flatten) -> tuple[Flatten, tuple[Effect, ...]]:
    due = {client_id: sent for client_id, sent in state.closes.items() if sent.question_due}
    if not due:
        return state, ()
    asked = {client_id: replace(sent, question_due=False) for client_id, sent in due.items()}
    queries = tuple(Query(sent.key[0], client_id, QUESTIONS[sent.asked]) for client_id, sent in due.items())
    return replace(state, closes={**state.closes, **asked}), queries


def _reading(state: Flatten) -> tuple[Flatten, tuple[Effect, ...]]:
    if state.reading or not _wants_reading(state) or state.now < _reading_due(state):
        return state, ()
    return replace(state, reading=True, read_asked_at=state.now), (Read(),)


def _reading_due(state: Flatten) -> float:
    """What looks flat is read at once and again after the spacing; what resists is read ever more slowly."""
    held = max(state.read_not_before, state.quiet_until)
    if not state.readings:
        return held
    if is_clear(state) and not _stops_resist(state):
        return held if state.flat_since is None or state.verified else max(held, state.flat_since + SPACING)
    over = max(0, state.readings - QUICK_READINGS)
    return max(held, state.read_asked_at + min(SPACING * float(2**over), SLOWEST_READING))


def _stops_resist(state: Flatten) -> bool:
    """Flat is verified, and a stop that should go last will not go."""
    return state.verified and any(state.algos.values())


def _wants_reading(state: Flatten) -> bool:
    """At the very start, when only a reading can say what is left, and when nothing seems left at all."""
    if not state.readings:
        return True
    if any(leg.stale and not is_busy(state, leg.position.symbol) for leg in state.legs.values()):
        return True
    return not state.closes and not state.cancels and is_clear(state)


def _wake(state: Flatten) -> tuple[Flatten, tuple[Effect, ...]]:
    """Whatever waits for a time to come needs to be looked at again then."""
    times = [leg.not_before for leg in state.legs.values()]
    times += [_reading_due(state), state.quiet_until, *state.cancel_not_before.values()]
    ahead = [at for at in times if at > state.now]
    if not ahead or (state.wake_at is not None and state.now < state.wake_at <= min(ahead)):
        return state, ()
    return replace(state, wake_at=min(ahead)), (Wake(min(ahead)),)
