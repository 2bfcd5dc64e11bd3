"""The breaker's self-test: a copy of the session, its equity just beyond the limit, must ask for the rollback."""

from dataclasses import replace
from decimal import Decimal

from canary_cli.core.policy.breaker import Breaker
from canary_cli.core.trading.effects import StartRollback
from canary_cli.core.trading.events import MarksUpdated
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.state import Session
from canary_cli.core.trading.valuing import worth

BEYOND = Decimal("0.01")
"""Percent."""


def breaker_trips(state: Session) -> bool | None:
    """Whether the live decider rolls back at 3.01 % down. Nothing is sent; None where equity is unknown."""
    equity = worth(state)
    if equity is None or state.wallet is None or state.peak is None:
        return None
    limits = state.breaker.limits
    target = state.peak * (100 + limits.trip - BEYOND) / 100
    fallen = replace(
        state, wallet=state.wallet + target - equity, breaker=Breaker(limits=limits), latches={}, rolling_back=""
    )
    _, effects = decide(fallen, MarksUpdated(state.now, {}))
    return any(isinstance(effect, StartRollback) for effect in effects)
