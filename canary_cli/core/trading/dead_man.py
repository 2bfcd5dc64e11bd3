"""The dead man's switch: while an entry works, the exchange cancels its pair's orders unless we keep asking it not to.

`POST /fapi/v1/countdownCancelAll` reaches regular orders only and closes nothing: the protective stops of positions are
conditional orders and stay. A market entry that is answered before the next tick never needs it.
"""

from datetime import datetime, timedelta

from canary_cli.core.trading.effects import CountdownCancel
from canary_cli.core.trading.state import Session, drop, put
from canary_cli.core.trading.turn import Turn

BEATS = 4
"""A countdown outlasts this many beats: the exchange's own example is 120 s, asked for again every 30 s."""


def on_tick(turn: Turn, time: datetime) -> None:
    """Wind up the countdown of every pair with an entry working, and stop it where none works any more."""
    beat = timedelta(seconds=turn.state.setup.silence)
    working = _working(turn.state)
    for symbol in sorted(working):
        last = turn.state.countdowns.get(symbol)
        if last is None or time - last >= beat:
            turn.put(countdowns=put(turn.state.countdowns, symbol, time))
            turn.ask(CountdownCancel(symbol, BEATS * round(beat.total_seconds() * 1000)))
    for symbol in sorted(turn.state.countdowns.keys() - working):
        turn.put(countdowns=drop(turn.state.countdowns, symbol))
        turn.ask(CountdownCancel(symbol, 0))


def _working(state: Session) -> set[str]:
    return {life.intent.symbol for life in state.orders.values() if life.is_open and life.intent.purpose.adds_risk}
