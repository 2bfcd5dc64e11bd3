"""Whether anything is still heard: silence of a stream first stops entries, and at its limit rolls back."""

from datetime import datetime
from typing import Any

from canary_cli.core.trading.conditions import STALE, USER_DOWN, hold, release
from canary_cli.core.trading.events import Stream, StreamAlive, StreamDown, StreamUp
from canary_cli.core.trading.halting import roll_back
from canary_cli.core.trading.state import Session, put
from canary_cli.core.trading.turn import Turn


def judge_silence(turn: Turn, time: datetime) -> None:
    """Silence of all marks or of the user stream first stops entries, and at the limit rolls back.

    What was never heard counts as silent since the session began to tick.
    """
    limit = turn.state.setup.silence
    for stream, condition in ((Stream.MARKET, STALE), (Stream.USER, USER_DOWN)):
        _begin_listening(turn, stream, time)
        silent = (time - turn.state.heard[stream]).total_seconds()
        if silent > limit:
            roll_back(turn, f"{stream}-stream", f"nothing heard for {silent:.0f} s (limit {limit:.0f} s)")
        if silent > turn.state.setup.stale:
            hold(turn, condition, f"silent for {silent:.0f} s")
        else:
            release(turn, condition)


def heard_user(turn: Turn, event: Any) -> None:
    turn.put(heard=put(turn.state.heard, Stream.USER, event.time))


def on_stream_up(turn: Turn, event: StreamUp) -> None:
    """An open line is no word: a stream that connects again and again and says nothing stays silent."""
    turn.put(up=put(turn.state.up, event.stream, turn.state.now))
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
    return answered is None or (state.now - answered).total_seconds() <= 2 * state.setup.recheck


def on_stream_down(turn: Turn, event: StreamDown) -> None:
    hold(turn, STALE if event.stream is Stream.MARKET else USER_DOWN, event.reason)
