"""A protective stop rests at the exchange before an entry counts as done; where it cannot, the entry is closed."""

from datetime import datetime
from decimal import Decimal

from canary_cli.core.model import AlgoOrder, AlgoStatus, OrderType, Side
from canary_cli.core.trading.effects import CancelAlgo, RaiseAlert, ReadAccount
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.order import Stage
from canary_cli.core.trading.sending import send
from canary_cli.core.trading.state import Held, Session
from canary_cli.core.trading.turn import Turn

FIRST_RETRY, NEXT_RETRY, LATER_RETRY = 0.2, 2.5, 5.0
"""Wall seconds before an exit is tried again: a reading of five pairs weighs 120 of 2400 a minute."""

RESISTS = 8
"""Exits of a position after which the next ones are tried later: what refuses them lasts, and others need the rate."""

ALIVE = frozenset({AlgoStatus.NEW, AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED, AlgoStatus.FINISHED})
"""States in which a conditional order still guards the position, or is closing it."""


def protect(turn: Turn, held: Held, intent: Intended) -> None:
    """Rest a stop and a target that close the whole position, measured from the price we got."""
    side = held.side.opposite
    stop = _level(turn.state, held, -intent.stop_distance)
    target = _level(turn.state, held, intent.target_distance)
    for purpose, order_type, price in (
        (Purpose.STOP, OrderType.STOP_MARKET, stop),
        (Purpose.TARGET, OrderType.TAKE_PROFIT_MARKET, target),
    ):
        send(turn, purpose, held.symbol, side, Decimal(0), order_type=order_type, trigger_price=price)


def place_anew(turn: Turn, intent: Intended, reason: str = "") -> bool:
    """A stop that a crash kept from the exchange, or that vanished there, goes out as it was meant; whether it did.

    Where that one cannot be placed either, the position is closed.
    """
    held = turn.state.held.get(intent.symbol)
    if intent.purpose is not Purpose.STOP or held is None or held.stop != intent.client_id:
        return False
    send(
        turn,
        Purpose.STOP,
        intent.symbol,
        intent.side,
        Decimal(0),
        order_type=intent.type,
        trigger_price=intent.trigger_price,
        reason=reason,
    )
    return True


def _level(state: Session, held: Held, distance: Decimal) -> Decimal:
    """`distance` beyond the entry in the position's direction, on the tick: stops away from it, targets towards it."""
    price = held.entry_price + distance * held.side.sign
    return state.setup.rules[held.symbol].round_price(price, up=held.side is Side.SELL)


def close_now(turn: Turn, symbol: str, reason: str, purpose: Purpose = Purpose.EXIT) -> None:
    """Close what is held of `symbol`, unless a close is under way, or the exchange says that nothing is held."""
    held = turn.state.held.get(symbol)
    if held is None or symbol in turn.state.absent or closing(turn.state, symbol):
        return
    if purpose is Purpose.EXIT and not held.exits:
        turn.ask(RaiseAlert("WARNING", f"closing {symbol}: {reason}", symbol))
    send(turn, purpose, symbol, held.side.opposite, abs(held.quantity), reason=reason)


def try_again(turn: Turn, symbol: str, reason: str) -> None:
    """Read the account, which sends the next exit if there is still something to close; later each time it resists."""
    held = turn.state.held.get(symbol)
    tried = 0 if held is None else held.exits
    turn.ask(ReadAccount(reason, FIRST_RETRY if tried < 2 else NEXT_RETRY if tried < RESISTS else LATER_RETRY))


def closing(state: Session, symbol: str) -> bool:
    """Whether an exit is under way."""
    return any(
        life.is_under_way and life.intent.symbol == symbol and life.intent.purpose in (Purpose.EXIT, Purpose.PROBE_EXIT)
        for life in state.orders.values()
    )


def last_exit(state: Session, symbol: str) -> datetime | None:
    """When the newest order that was to close the pair was decided on."""
    intents = (life.intent for life in state.orders.values() if life.intent.symbol == symbol)
    return max((one.decided_at for one in intents if one.purpose is Purpose.EXIT), default=None)


def cancel_leftovers(turn: Turn, symbol: str, closed: Held | None) -> None:
    """The position is gone; what was to close it must not rest on and open the opposite."""
    if closed is None:
        return
    for client_id in filter(None, (closed.stop, closed.target)):
        algo = turn.state.algos.get(client_id)
        if algo is not None and algo.status is AlgoStatus.NEW:
            turn.ask(CancelAlgo(symbol, algo.algo_id, client_id))


def on_algo_moved(turn: Turn, algo: AlgoOrder) -> None:
    """A stop that dies while its position lives leaves it naked."""
    held = turn.state.held.get(algo.symbol)
    if held is not None and held.stop == algo.client_id and algo.status not in ALIVE:
        close_now(turn, algo.symbol, f"its protective stop ended {algo.status}")


def unprotected(state: Session) -> tuple[Held, ...]:
    """Open positions of ours whose stop the exchange has not confirmed as resting."""
    return tuple(held for held in state.held.values() if held.is_guarded_here and not is_protected(state, held))


def naked_since(state: Session, held: Held) -> datetime:
    """When the stop that nobody has confirmed was sent, which may be a second one; the position's own time without."""
    life = state.orders.get(held.stop)
    return held.opened_at if life is None else life.intent.decided_at


def is_lost(state: Session, held: Held) -> bool:
    """Whether the stop was refused or has died. One that is still under way is not lost."""
    algo, life = state.algos.get(held.stop), state.orders.get(held.stop)
    return life is None or life.stage is Stage.REJECTED or (algo is not None and algo.status not in ALIVE)


def is_protected(state: Session, held: Held) -> bool:
    algo = state.algos.get(held.stop)
    life = state.orders.get(held.stop)
    return algo is not None and algo.status in ALIVE and life is not None and life.stage is not Stage.REJECTED
