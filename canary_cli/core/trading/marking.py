"""Marks and quotes: equity, its breaker, and who may arm that again."""

from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.model import AccountSnapshot
from canary_cli.core.policy import breaker
from canary_cli.core.trading import valuing
from canary_cli.core.trading.effects import RaiseAlert
from canary_cli.core.trading.events import MarksUpdated, Quoted, Stream
from canary_cli.core.trading.facts import BreakerMoved, EquityMarked, WalletMoved
from canary_cli.core.trading.halting import roll_back
from canary_cli.core.trading.inputs import ArmAgain
from canary_cli.core.trading.moves import is_told
from canary_cli.core.trading.state import Session, drop, put
from canary_cli.core.trading.turn import Turn

EQUITY_EVERY = timedelta(minutes=1)
NEW_PEAK = Decimal("1.001")
"""A peak so many times the last one on record is put on record at once: a thirtieth of what the breaker allows."""


def on_marks(turn: Turn, event: MarksUpdated) -> None:
    """Mark the account; the breaker sees every mark, the journal one a minute.

    A mark that makes no sense is a missing one. Where it leaves a position without a mark, nothing has been heard: an
    account that cannot be valued must not pass for one that is watched.
    """
    state = turn.state
    marks, times = {**state.marks, **event.marks}, {**state.mark_times, **dict.fromkeys(event.marks, event.time)}
    broken = [symbol for symbol, mark in event.marks.items() if not _is_price(mark)]
    for symbol in broken:
        del marks[symbol], times[symbol]
    turn.put(marks=marks, mark_times=times)
    if len(broken) < len(event.marks) and state.held.keys() <= marks.keys():
        turn.put(heard=put(state.heard, Stream.MARKET, event.time))
    _mark_equity(turn, event.time)


def _mark_equity(turn: Turn, time: datetime) -> None:
    state = turn.state
    curve = state.curve.marked(valuing.worth(state), time)
    moved, change = breaker.step(state.breaker, curve.equity, curve.peak, time)
    turn.put(curve=curve, breaker=moved)
    if change is not None:
        _breaker_moved(turn, change, time)
    if _is_worth_a_note(turn.state, time):
        note_equity(turn, time)


def _is_worth_a_note(state: Session, time: datetime) -> bool:
    """Once a minute, and a peak that a crash within that minute would forget."""
    if state.equity_noted is None or time - state.equity_noted >= EQUITY_EVERY:
        return True
    return state.peak is not None and state.peak_noted is not None and state.peak >= state.peak_noted * NEW_PEAK


def move_wallet(turn: Turn, *told: WalletMoved) -> None:
    """Money that moved without a trade, where nobody had told of it. The peak goes with it, and to the journal at once:
    a crash must not move it."""
    for moved in [one for one in told if not is_told(turn.state, one)]:
        turn.learn(moved)
        note_equity(turn, moved.time)


def take_marks(turn: Turn, snapshot: AccountSnapshot) -> None:
    """A reading marks what the stream is silent about. Its age stays: a reading's mark is no word of the stream's."""
    state, stale = turn.state, timedelta(seconds=turn.state.setup.stale)
    heard = {symbol for symbol, time in state.mark_times.items() if snapshot.time - time <= stale}
    marks = {p.symbol: p.mark_price for p in snapshot.positions if p.symbol not in heard and _is_price(p.mark_price)}
    turn.put(marks={**state.marks, **marks})


def note_equity(turn: Turn, time: datetime) -> None:
    state = turn.state
    if state.equity is None or state.peak is None or state.wallet is None or state.drawdown_pct is None:
        return
    unrealized = state.equity - state.wallet
    turn.learn(
        EquityMarked(
            time,
            state.wallet,
            unrealized,
            state.equity,
            state.peak,
            state.drawdown_pct,
            state.metrics.fresh_seconds,
            state.metrics.stale_seconds,
        )
    )


def _breaker_moved(turn: Turn, change: breaker.ZoneChange, time: datetime) -> None:
    """PRE_TRIP stops entries and pages; TRIGGERED starts the rollback in the same breath, which pages for itself."""
    state = turn.state
    detail = f"drawdown {change.drawdown_pct:.2f} % of equity (peak {state.peak:.2f} USDT)"
    if change.zone is breaker.Zone.TRIGGERED:
        roll_back(turn, "breaker", detail)
    turn.learn(
        BreakerMoved(time, change.zone.value, change.drawdown_pct, state.equity or Decimal(0), state.peak or Decimal(0))
    )
    note_equity(turn, time)
    if change.zone is not breaker.Zone.TRIGGERED:
        severity = "WARNING" if change.zone is breaker.Zone.ARMED else "CRITICAL"
        turn.ask(RaiseAlert(severity, f"breaker {change.zone.value}: {detail}", "breaker"))


def on_arm(turn: Turn, event: ArmAgain) -> None:
    """Where equity is still beyond a limit the next mark trips it again, and pages again."""
    state = turn.state
    if state.breaker.zone is breaker.Zone.ARMED:
        return
    drawdown, equity, peak = (value or Decimal(0) for value in (state.drawdown_pct, state.equity, state.peak))
    turn.learn(BreakerMoved(event.time, breaker.Zone.ARMED.value, drawdown, equity, peak, event.by, event.reason))
    turn.ask(RaiseAlert("WARNING", f"breaker armed again by {event.by}: {event.reason}", "breaker"))


def on_quote(turn: Turn, event: Quoted) -> None:
    """A pair whose book is empty has no price to decide on."""
    symbol, mid = event.book.symbol, event.book.mid
    turn.put(mids=put(turn.state.mids, symbol, mid) if _is_price(mid) else drop(turn.state.mids, symbol))


def _is_price(value: Decimal) -> bool:
    return value.is_finite() and value > 0
