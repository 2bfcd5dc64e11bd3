"""What each event changes in what a flatten believes."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from canary_cli.core.model import ZERO, AccountSnapshot, Position
from canary_cli.core.trading.flatten.answers import back_off, cancelled, closed, outlived, queried
from canary_cli.core.trading.flatten.plan import is_busy, is_clear, symbols
from canary_cli.core.trading.flatten.state import (
    AccountSeen,
    Begin,
    Cancelled,
    Closed,
    DeadlinePassed,
    Event,
    Flatten,
    Leg,
    Outcome,
    Queried,
    ReadFailed,
    Woken,
)

V = TypeVar("V")

SPACING = 0.2
"""Seconds at least between the two readings that prove flat."""


def learn(state: Flatten, event: Event) -> Flatten:
    state = replace(state, now=event.now)
    match event:
        case Begin():
            return _begun(state, event)
        case AccountSeen():
            return _seen(state, event)
        case ReadFailed():
            failures = state.read_failures + 1
            return replace(state, reading=False, read_failures=failures, trouble=event.reason,
                           read_not_before=state.now + back_off(failures))  # fmt: skip
        case Cancelled():
            return cancelled(state, event)
        case Closed():
            return closed(state, event.client_id, event.reply)
        case Queried():
            return queried(state, event)
        case Woken():
            return replace(state, wake_at=None)
        case DeadlinePassed():
            return replace(state, outcome=state.outcome or Outcome.INCOMPLETE)


def _begun(state: Flatten, event: Begin) -> Flatten:
    state = replace(state, began_at=event.now if event.tripped is None else event.tripped)
    return _believe(state, event.known, asked=event.now) if event.known else state


def _seen(state: Flatten, event: AccountSeen) -> Flatten:
    """A reading proves flat only if it was asked for after the last deed was answered, on every symbol."""
    told = not state.closes and not state.cancels and all(event.asked >= at for at in state.touched.values())
    state = replace(state, reading=False, readings=state.readings + 1, read_failures=0, balance=event.snapshot.balance)
    state = outlived(_believe(state, event.snapshot, event.asked))
    if not (told and is_clear(state)):
        return replace(state, flat_since=None, verified=False)
    since = event.asked if state.flat_since is None else state.flat_since
    verified = event.asked - since >= SPACING
    state = replace(state, flat_since=since, verified=verified)
    if not verified:
        return state
    state = replace(state, verified_at=state.verified_at or state.now)
    return state if any(state.algos.values()) else replace(state, outcome=_ending(state))


def _ending(state: Flatten) -> Outcome:
    touched = state.sent or state.cancelled
    return Outcome.FLAT if touched else Outcome.NOTHING_OPEN


def _believe(state: Flatten, snapshot: AccountSnapshot, asked: float) -> Flatten:
    """Take over what a reading says, symbol by symbol, except where a deed is or was under way meanwhile."""
    held = {(p.symbol, p.position_side): p for p in snapshot.positions if state.only in (None, p.symbol)}
    orders, algos = _by_symbol(state, snapshot.orders), _by_symbol(state, snapshot.algo_orders)
    known = {*symbols(state), *(symbol for symbol, _ in held), *orders, *algos}
    told = {s for s in known if not is_busy(state, s) and asked >= state.touched.get(s, float("-inf"))}
    legs = dict(state.legs)
    for key in sorted({*legs, *held}):
        if key[0] in told:
            legs[key] = _leg(legs.get(key), held.get(key), state.readings)
    return replace(
        state,
        legs={key: legs[key] for key in sorted(legs)},
        orders={s: (orders if s in told else state.orders).get(s, ()) for s in known},
        algos={s: (algos if s in told else state.algos).get(s, ()) for s in known},
    )


def _leg(before: Leg | None, position: Position | None, reading: int) -> Leg:
    """What the reading of this number (0: a belief) says of a leg. Our closes only shrink it: growth is another's."""
    if before is None:
        assert position is not None
        sign = 1 if position.quantity > 0 else -1
        return Leg(position, abs(position.quantity), sign, read=reading > 0, grown=reading > 1)
    if position is None:
        gone = replace(before.position, quantity=ZERO)
        return replace(before, position=gone, read=True, stale=False, dust=False, trouble="")
    shrunk = abs(position.quantity) < abs(before.position.quantity)
    grown = abs(position.quantity) > abs(before.position.quantity)
    return replace(
        before,
        position=position,
        read=reading > 0,
        grown=before.grown or (before.read and grown),
        opened=max(before.opened, abs(position.quantity)),
        stale=False,
        dust=before.dust and position.quantity == before.position.quantity,
        failures=0 if shrunk else before.failures,
    )


def _by_symbol(state: Flatten, items: Iterable[V]) -> dict[str, tuple[V, ...]]:
    found: dict[str, tuple[V, ...]] = {}
    for item in items:
        symbol: str = item.symbol  # type: ignore[attr-defined]  # Order and AlgoOrder alike
        if state.only in (None, symbol):
            found[symbol] = (*found.get(symbol, ()), item)
    return found
