"""What limits trading without stopping it: conditions, which clear by themselves, and the latches others set."""

from dataclasses import replace
from datetime import datetime

from canary_cli.core.trading.effects import RaiseAlert
from canary_cli.core.trading.facts import (
    ConditionCleared,
    ConditionSet,
    Latched,
    Unlatched,
)
from canary_cli.core.trading.halting import latch, roll_back
from canary_cli.core.trading.inputs import ConditionChanged, LatchChanged
from canary_cli.core.trading.state import Condition, put
from canary_cli.core.trading.turn import Turn

STALE, USER_DOWN, DATABASE = "market-stale", "user-stream", "database"


def hold(turn: Turn, name: str, detail: str) -> None:
    """Set a condition, once; while it lasts its clock of health stands still."""
    present = turn.state.conditions.get(name)
    if present is None:
        turn.learn(ConditionSet(turn.state.now, name, detail))
        turn.ask(RaiseAlert("WARNING", f"no entries: {name} ({detail})", f"condition/{name}"))
    elif not present.holds:
        turn.put(conditions=put(turn.state.conditions, name, Condition(detail, turn.state.now)))


def release(turn: Turn, name: str) -> None:
    """The cause is gone; the condition itself clears after a time of health (see `_clear_healthy`)."""
    present = turn.state.conditions.get(name)
    if present is not None and present.holds:
        turn.put(conditions=put(turn.state.conditions, name, replace(present, since=turn.state.now, holds=False)))


def clear_healthy(turn: Turn, time: datetime) -> None:
    """A condition ends after a reconcile and a minute of health."""
    if not turn.state.reconciled:
        return
    for name, condition in turn.state.conditions.items():
        if not condition.holds and (time - condition.since).total_seconds() >= turn.state.setup.health:
            turn.learn(ConditionCleared(time, name))


def judge_database(turn: Turn, time: datetime) -> None:
    """A ledger that is away stops entries at once; away for too long, nobody can be sure of anything any more."""
    condition = turn.state.conditions.get(DATABASE)
    if condition is not None and condition.holds and time - condition.since >= turn.state.setup.plan.silence.database:
        latch(turn, DATABASE, f"{condition.detail} since {condition.since:%H:%M:%S} UTC")
        roll_back(turn, DATABASE, condition.detail)


def on_condition(turn: Turn, event: ConditionChanged) -> None:
    if event.holds:
        hold(turn, event.name, event.detail)
    else:
        release(turn, event.name)


def on_latches(turn: Turn, event: LatchChanged) -> None:
    """The latch file is the truth about the latch: take over what others set, and what a named human cleared."""
    for source, reason, by in event.latches:
        if source not in turn.state.latches:
            turn.learn(Latched(event.time, source, reason, by))
    for source in event.cleared:
        turn.learn(Unlatched(event.time, source))
