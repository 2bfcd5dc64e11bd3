"""What triggers hold, and how a named person lets it go: while nothing trades, no figure of orders gets well again."""

from collections.abc import Iterator
from dataclasses import dataclass

from canary_cli.core.trading.effects import RaiseAlert
from canary_cli.core.trading.facts import ConditionCleared, TriggersReleased
from canary_cli.core.trading.inputs import ArmAgain
from canary_cli.core.trading.state import Session
from canary_cli.core.trading.turn import Turn


@dataclass(frozen=True, slots=True)
class HeldBack:
    """`what` is held by `trigger`; `waits` for a decision, which is `canary keep`, and for no other word."""

    trigger: str
    what: str
    detail: str
    waits: bool = False


def held_back(state: Session) -> tuple[HeldBack, ...]:
    """Everything that triggers hold. Conditions that the world sets, and ends, are none of these."""
    return tuple(_held_back(state))


def _held_back(state: Session) -> Iterator[HeldBack]:
    asked = {clock.trigger for clock in state.triggers.clocks}
    for name, condition in state.conditions.items():
        if condition.holds and state.setup.plan.watched_by(name) is not None:
            yield HeldBack(name, "all entries", condition.detail, name in asked)
    for name, hold in state.holds.items():
        what = f"entries on {hold.pair}" if hold.pair else "entries by signal"
        yield HeldBack(name, what, hold.detail, name in asked)


def on_arm(turn: Turn, event: ArmAgain) -> None:
    """Let go what the person saw held, and nothing that began to hold since, or that waits for a decision."""
    state = turn.state
    names = tuple(one.trigger for one in held_back(state) if not one.waits and one.trigger in event.releases)
    if not names:
        return
    for name in names:
        if name in state.conditions:
            turn.learn(ConditionCleared(event.time, name))
    turn.learn(TriggersReleased(event.time, names, event.by, event.reason))
    turn.ask(RaiseAlert("WARNING", f"{', '.join(names)} released by {event.by}: {event.reason}", "trigger/released"))
