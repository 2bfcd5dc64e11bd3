"""What rests at the exchange is held against what we believe rests there: no position without its stop.

A stop may trigger and be told of late, be cancelled by another hand, or vanish; where nobody tells, readings show it.
"""

from collections.abc import Iterator

from canary_cli.core.model import AccountSnapshot, AlgoOrder, AlgoStatus
from canary_cli.core.trading import gateway, protection
from canary_cli.core.trading.effects import CancelAlgo, RaiseAlert
from canary_cli.core.trading.facts import AlgoMoved, Intended, Purpose
from canary_cli.core.trading.state import Held, Session
from canary_cli.core.trading.turn import Turn

READINGS = 3
"""An order that so many readings running do not show rests no more; one alone may fall between two moments."""

REPLACES = "the one before rests no more"
"""Why a stop was placed a second time. Where that one vanishes too, the position is closed."""


def missing(state: Session, snapshot: AccountSnapshot) -> tuple[str, ...]:
    """Client ids of what is to guard the positions held here and there, and what the reading does not show.

    While the account is closed, whoever closes it sees to its orders.
    """
    if state.rolling_back:
        return ()
    there = {algo.client_id for algo in snapshot.algo_orders}
    held = (one for one in state.held.values() if not one.probe and not one.exits and _is_there(one, snapshot))
    return tuple(client_id for one in held for client_id in _believed(state, one) if client_id not in there)


def _is_there(held: Held, snapshot: AccountSnapshot) -> bool:
    return any(one.symbol == held.symbol and one.quantity * held.quantity > 0 for one in snapshot.positions)


def _believed(state: Session, held: Held) -> Iterator[str]:
    """Of a stop also one that has triggered: while its position is there it has closed nothing, or not all."""
    stop, target = state.algos.get(held.stop), state.algos.get(held.target)
    if stop is not None and stop.status in protection.ALIVE:
        yield held.stop
    if target is not None and target.status is AlgoStatus.NEW:
        yield held.target


def compare(turn: Turn, snapshot: AccountSnapshot) -> tuple[str, ...]:
    """Replace what is gone, cancel what must not rest on; one plain line for each order that is still in doubt."""
    state = turn.state
    if state.rolling_back:
        return ()
    _cancel_leftovers(turn, snapshot)
    missed = {client_id: state.missed.get(client_id, 0) + 1 for client_id in missing(state, snapshot)}
    turn.put(missed=missed)
    for client_id, times in missed.items():
        if times >= READINGS:
            _on_gone(turn, state.orders[client_id].intent)
    return tuple(f"{client_id} rests at the exchange no more" for client_id, n in missed.items() if n < READINGS)


def _on_gone(turn: Turn, intent: Intended) -> None:
    """A stop goes out once more as it was meant, unless it has triggered; a target is not worth closing for."""
    algo, symbol = turn.state.algos[intent.client_id], intent.symbol
    turn.learn(AlgoMoved(algo.client_id, algo.algo_id, symbol, AlgoStatus.EXPIRED, algo.trigger_price))
    told = f"the {intent.purpose} of {symbol} at {algo.trigger_price} rests at the exchange no more, and nobody told"
    if intent.purpose is Purpose.TARGET:
        turn.ask(RaiseAlert("WARNING", f"{told}; its stop guards it alone", f"resting/{symbol}"))
    elif algo.status is AlgoStatus.NEW and intent.reason != REPLACES and protection.place_anew(turn, intent, REPLACES):
        turn.ask(RaiseAlert("WARNING", f"{told}; placed anew", f"resting/{symbol}"))
    else:
        protection.close_now(turn, symbol, "its protective stop rests at the exchange no more")


def _cancel_leftovers(turn: Turn, snapshot: AccountSnapshot) -> None:
    """An order of ours that guards nothing would open the opposite, or stand in the way of the one that guards."""
    for algo in snapshot.algo_orders:
        if algo.client_id in turn.state.orders and _is_left_over(turn.state, algo, snapshot):
            turn.ask(CancelAlgo(algo.symbol, algo.algo_id, algo.client_id))


def _is_left_over(state: Session, algo: AlgoOrder, snapshot: AccountSnapshot) -> bool:
    """Where we hold nothing and the exchange does, the order may be all that guards it: people are asked instead."""
    held = state.held.get(algo.symbol)
    if held is None:
        return not any(one.symbol == algo.symbol for one in snapshot.positions)
    return algo.client_id not in (held.stop, held.target)


def find_strangers(turn: Turn, snapshot: AccountSnapshot, differing: frozenset[str]) -> None:
    """A conditional order that is not ours is another hand's; one of a position found with it is adopted with that."""
    for algo in snapshot.algo_orders:
        is_known = algo.client_id in turn.state.orders or algo.symbol in turn.state.adopted
        if not is_known and algo.symbol not in differing:
            gateway.stranger(turn, turn.state.now, algo.symbol, algo.client_id)
