"""One input being decided: facts are applied as they are stated, effects keep their order."""

from typing import Any

from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.effects import Effect, Journal
from canary_cli.core.trading.facts import Fact
from canary_cli.core.trading.state import Session


class Turn:
    """Lives for one call of `decide`, so the decider stays a function from values to values."""

    __slots__ = ("effects", "state")

    def __init__(self, state: Session) -> None:
        self.state = state
        self.effects: list[Effect] = []

    def learn(self, fact: Fact) -> None:
        """Change the state by something worth writing down."""
        self.state = apply(self.state, fact)
        self.effects.append(Journal(fact))

    def ask(self, effect: Effect) -> None:
        self.effects.append(effect)

    def put(self, **changes: Any) -> None:
        """Change what is not worth writing down: prices, and when we last heard from whom."""
        self.state = self.state.but(**changes)
