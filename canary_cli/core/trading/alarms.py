"""Thresholds: what a crossing does, and how a person decides against it."""

from collections.abc import Callable
from datetime import datetime

from canary_cli.core.policy import triggers
from canary_cli.core.policy.plan import Action, Level
from canary_cli.core.policy.triggers import Fired
from canary_cli.core.trading.conditions import hold, release
from canary_cli.core.trading.effects import Note, RaiseAlert, SnapshotBook
from canary_cli.core.trading.facts import (
    TriggerFired,
)
from canary_cli.core.trading.halting import roll_back
from canary_cli.core.trading.inputs import Keep
from canary_cli.core.trading.standing import session_readings
from canary_cli.core.trading.turn import Turn

KEPT = "decision_kept"
WORD = "canary trading enable --by NAME --reason WHY"


def judge(turn: Turn, time: datetime) -> None:
    state = turn.state
    if state.phase is None:
        return
    moved, fired = triggers.step(state.triggers, session_readings(state), time, state.phase, state.setup.plan)
    turn.put(triggers=moved)
    for one in fired:
        _on_fired(turn, one, time)


def _on_fired(turn: Turn, fired: Fired, time: datetime) -> None:
    turn.learn(
        TriggerFired(
            time,
            fired.name,
            fired.level.value,
            str(fired.value),
            str(fired.limit),
            fired.n,
            fired.action.value,
            fired.pair,
        )
    )
    detail = f"{fired.name} {fired.value:.4g} beyond {fired.limit} (n={fired.n}, {fired.detail})"
    _ACTIONS[fired.action](turn, fired, detail)


def _roll_back(turn: Turn, fired: Fired, detail: str) -> None:
    roll_back(turn, fired.name, detail)


def _stop(turn: Turn, fired: Fired, detail: str) -> None:
    """REDUCING until the metric is well again, and somebody is paged."""
    hold(turn, fired.name, detail)
    _alert_held(turn, fired, detail)


def _check_market(turn: Turn, fired: Fired, detail: str) -> None:
    """Entries on the pair wait; its book goes into the journal with the alert."""
    turn.ask(SnapshotBook(fired.pair, fired.name))
    _alert_held(turn, fired, detail)


def _alert(turn: Turn, fired: Fired, detail: str) -> None:
    severity = "CRITICAL" if fired.level is Level.CRITICAL else "WARNING"
    turn.ask(RaiseAlert(severity, detail, f"trigger/{fired.name}"))


def _alert_held(turn: Turn, fired: Fired, detail: str) -> None:
    """With the way out, where the hold is not itself what a missing answer brought."""
    is_asked = any(clock.trigger == fired.name for clock in turn.state.triggers.clocks)
    _alert(turn, fired, detail if is_asked else f"{detail}; held until it is well again, or by word: {WORD}")


def _investigate(turn: Turn, fired: Fired, detail: str) -> None:
    """The run pages again, with the incident's number and the time that is left."""
    _alert(turn, fired, f"{detail}; decide: canary rollback, or canary keep --by NAME --reason WHY")


def _release(turn: Turn, fired: Fired, _detail: str) -> None:
    """What the trigger held may go on."""
    release(turn, fired.name)


_ACTIONS: dict[Action, Callable[[Turn, Fired, str], None]] = {
    Action.ALERT: _alert,
    Action.INVESTIGATE: _investigate,
    Action.CHECK_MARKET: _check_market,
    Action.SUSPEND_SIGNALS: _alert_held,
    Action.STOP: _stop,
    Action.ROLLBACK: _roll_back,
    Action.RELEASE: _release,
}


def on_keep(turn: Turn, event: Keep) -> None:
    """The run goes on: the clock of that trigger ends, and so does what was held for want of an answer."""
    turn.put(triggers=triggers.keep(turn.state.triggers, event.trigger))
    release(turn, event.trigger)
    data = {"trigger": event.trigger, "by": event.by, "reason": event.reason}
    turn.ask(Note(KEPT, data=data))
