"""What is exposed, the margin that takes, and what is left of it: by the leverage and the balance the exchange tells.

Initial margin of a position is its notional divided by its pair's leverage (`symbolConfig`). What the exchange holds
back beyond that (orders that are not ours, isolated wallets) is seen in its available balance, and kept until the next
reading tells it anew; what we take or give back in between is counted by ourselves.
"""

from collections.abc import Iterable
from decimal import Decimal

from canary_cli.core.model import ZERO, AccountSnapshot
from canary_cli.core.trading.effects import Note, ReadLeverage
from canary_cli.core.trading.events import LeverageChanged, LeverageRead
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.order import OrderLife
from canary_cli.core.trading.state import MarginTold, Session
from canary_cli.core.trading.turn import Turn

TOO_OLD = 3
"""Rechecks without an answer after which the leverage once read counts as unknown."""


def on_tick(turn: Turn) -> None:
    """Ask for every pair's leverage at once, and again with every look at the account."""
    state = turn.state
    if state.leverage_asked is None or (state.now - state.leverage_asked).total_seconds() >= state.setup.recheck:
        ask(turn)


def ask(turn: Turn) -> None:
    turn.put(leverage_asked=turn.state.now)
    turn.ask(ReadLeverage())


def on_read(turn: Turn, event: LeverageRead) -> None:
    known = {symbol: told for symbol, told in event.leverages.items() if symbol in turn.state.setup.rules}
    for symbol, told in known.items():
        _note_change(turn, symbol, told)
    turn.put(leverages=known, leverage_read=turn.state.now)


def on_changed(turn: Turn, event: LeverageChanged) -> None:
    """Another hand has set it; the stream tells at once."""
    if event.symbol in turn.state.setup.rules:
        _note_change(turn, event.symbol, event.leverage)
        turn.put(leverages={**turn.state.leverages, event.symbol: event.leverage})


def _note_change(turn: Turn, symbol: str, told: Decimal) -> None:
    before = turn.state.leverages.get(symbol)
    if before is not None and before != told:
        data = {"before": str(before), "now": str(told)}
        turn.ask(Note("leverage_changed", symbol, {"reason": f"leverage {before}x became {told}x"}, data))


def take_balance(turn: Turn, snapshot: AccountSnapshot) -> None:
    """What the exchange says is not available, and the positions that were a part of that."""
    balance = snapshot.balance
    exposed: dict[str, Decimal] = {}
    for position in snapshot.positions:
        exposed[position.symbol] = exposed.get(position.symbol, ZERO) + position.notional
    turn.put(margin=MarginTold(balance.margin - balance.available, exposed))


def leverage_of(state: Session, symbol: str) -> Decimal | None:
    """As the exchange told it lately; None where it did not, or told what makes no sense."""
    read, told = state.leverage_read, state.leverages.get(symbol)
    if read is None or (state.now - read).total_seconds() > TOO_OLD * state.setup.recheck:
        return None
    return told if told is not None and told >= 1 else None


def free_margin(state: Session) -> Decimal | None:
    """USDT that new positions may take; None where equity, a leverage or the available balance is unknown."""
    taken = _initial(state, exposures(state))
    if state.equity is None or state.margin is None or taken is None:
        return None
    then = _initial(state, state.margin.exposed.items())
    return None if then is None else state.equity - taken - max(ZERO, state.margin.used - then)


def _initial(state: Session, exposed: Iterable[tuple[str, Decimal]]) -> Decimal | None:
    total = ZERO
    for symbol, notional in exposed:
        leverage = leverage_of(state, symbol)
        if leverage is None:
            return None
        total += notional / leverage
    return total


def exposures(state: Session) -> Iterable[tuple[str, Decimal]]:
    """Each open position and each entry under way at its mark price, USDT."""
    for held in state.held.values():
        yield held.symbol, abs(held.quantity) * mark_of(state, held.symbol, held.entry_price)
    for life in entering(state):
        yield life.intent.symbol, life.outstanding * mark_of(state, life.intent.symbol, life.intent.decision_price)


def gross_exposure(state: Session) -> Decimal:
    return sum((notional for _, notional in exposures(state)), ZERO)


def entering(state: Session) -> Iterable[OrderLife]:
    return (life for life in state.orders.values() if life.is_under_way and life.intent.purpose is Purpose.ENTRY)


def mark_of(state: Session, symbol: str, otherwise: Decimal) -> Decimal:
    return state.marks.get(symbol, otherwise)
