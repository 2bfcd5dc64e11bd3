"""Whether anything is still heard: silence of a stream first stops entries, and at its limit rolls back."""

from datetime import datetime, timedelta
from typing import Any

from canary_cli.core.model import Fill
from canary_cli.core.trading.conditions import STALE, USER_DOWN, hold, release
from canary_cli.core.trading.effects import ReopenStream
from canary_cli.core.trading.events import Stream, StreamAlive, StreamDown, StreamUp
from canary_cli.core.trading.halting import roll_back
from canary_cli.core.trading.state import Session, drop, put
from canary_cli.core.trading.turn import Turn


def judge_silence(turn: Turn, time: datetime) -> None:
    """Silence of all marks or of the user stream first stops entries, and at the limit rolls back.

    What was never heard counts as silent since the session began to tick.
    """
    limit = turn.state.setup.silence
    for stream, condition in ((Stream.MARKET, STALE), (Stream.USER, USER_DOWN)):
        _begin_listening(turn, stream, time)
        silent = (time - turn.state.heard[stream]).total_seconds()
        doubt = _silent_pair(turn.state, time) if stream is Stream.MARKET else turn.state.user_doubt
        if silent > limit:
            roll_back(turn, f"{stream}-stream", f"nothing heard for {silent:.0f} s (limit {limit:.0f} s)")
        if silent > turn.state.setup.stale or doubt:
            hold(turn, condition, doubt or f"silent for {silent:.0f} s")
        else:
            release(turn, condition)


def _silent_pair(state: Session, time: datetime) -> str:
    """A held pair whose mark is too old while others are told: equity has but its last one, and is not to be built on.

    The breaker goes on watching what the others lose; what guards the silent pair is its stop at the exchange.
    """
    for symbol in state.held:
        marked = state.mark_times.get(symbol)
        if marked is not None and (age := (time - marked).total_seconds()) > state.setup.stale:
            return f"no mark price of {symbol} for {age:.0f} s"
    return ""


def heard_user(turn: Turn, event: Any) -> None:
    """A word of the stream's own: it lives, whatever it may have kept from us before."""
    turn.put(heard=put(turn.state.heard, Stream.USER, event.time), told=turn.state.now, user_doubt="")


def on_withheld(turn: Turn, fill: Fill) -> None:
    """A reading has shown what the stream should have told: its pongs are no life any more; a new line is opened."""
    if turn.state.user_doubt or Stream.USER not in turn.state.up:
        return
    doubt = f"the user stream never told of trade {fill.trade_id} of {fill.symbol}"
    turn.put(user_doubt=doubt)
    hold(turn, USER_DOWN, doubt)
    turn.ask(ReopenStream(Stream.USER))


def is_withheld(state: Session, fill: Fill, seen: datetime) -> bool:
    """Whether a reading of the time `seen` shows a trade that the stream, up long enough on either side, kept back."""
    up, settled = state.up.get(Stream.USER), timedelta(seconds=state.setup.stale)
    if up is None or not up + settled < fill.time < seen - settled:
        return False
    return (fill.symbol, fill.trade_id) not in state.trades and fill.time > state.adopted.get(fill.symbol, up)


def on_stream_up(turn: Turn, event: StreamUp) -> None:
    """An open line is no word: a stream that connects again and again and says nothing stays silent."""
    turn.put(up=put(turn.state.up, event.stream, turn.state.now))
    if event.stream is Stream.USER:
        turn.put(user_doubt="")
    _begin_listening(turn, event.stream, turn.state.now)


def _begin_listening(turn: Turn, stream: Stream, time: datetime) -> None:
    if stream not in turn.state.heard:
        turn.put(heard=put(turn.state.heard, stream, time))


def on_stream_alive(turn: Turn, event: StreamAlive) -> None:
    """A pong proves the line, not the data: it counts for the user stream, never for marks."""
    if event.stream is Stream.USER and _is_cross_checked(turn.state):
        turn.put(heard=put(turn.state.heard, event.stream, max(event.time, turn.state.now)))


def _is_cross_checked(state: Session) -> bool:
    """Whether readings still show that the quiet line has lost nothing; none for two intervals: silence is silence."""
    answered = state.read_answered
    if state.user_doubt:
        return False
    return answered is None or (state.now - answered).total_seconds() <= 2 * state.setup.recheck


def on_stream_down(turn: Turn, event: StreamDown) -> None:
    turn.put(up=drop(turn.state.up, event.stream))
    hold(turn, STALE if event.stream is Stream.MARKET else USER_DOWN, event.reason)
