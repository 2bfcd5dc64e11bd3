"""Everything that happens because time passed: silence, health, coverage, thresholds, naked positions."""

from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.trading import alarms, listening, protection
from canary_cli.core.trading.conditions import STALE, USER_DOWN, clear_healthy, judge_database
from canary_cli.core.trading.inputs import Tick
from canary_cli.core.trading.turn import Turn


def on_tick(turn: Turn, event: Tick) -> None:
    _count_covered(turn, event.time)
    listening.judge_silence(turn, event.time)
    judge_database(turn, event.time)
    clear_healthy(turn, event.time)
    alarms.judge(turn, event.time)
    if turn.state.read_answered is None:
        return  # after a start only the exchange can tell what still is open, and what guards it
    _close_naked(turn, event.time)


def _close_naked(turn: Turn, time: datetime) -> None:
    """Not again at the next tick: an exit that is refused at once would use up the rates that all exits need."""
    limit = timedelta(seconds=turn.state.setup.silence)
    for held in protection.unprotected(turn.state):
        tried = protection.last_exit(turn.state, held.symbol)
        is_tried = tried is not None and time - tried < limit / 6
        if time - protection.naked_since(turn.state, held) > limit and not is_tried:
            protection.close_now(turn, held.symbol, "its stop was never confirmed")


def _count_covered(turn: Turn, time: datetime) -> None:
    """Phase time counts only while readings are fresh: downtime earns nothing."""
    state = turn.state
    if state.phase is None or state.ticked is None:
        turn.put(ticked=time)
        return
    seconds = Decimal(str((time - state.ticked).total_seconds()))
    is_fresh = state.equity is not None and not {STALE, USER_DOWN} & state.conditions.keys()
    turn.put(ticked=time, metrics=state.metrics.fresh(seconds) if is_fresh else state.metrics.stale(seconds))
