"""What facts of limits change in a session: phases, conditions, latches, breaker, triggers, parity."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from canary_cli.core.accounting.metrics import Metrics
from canary_cli.core.policy import breaker, triggers
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.plan import Action
from canary_cli.core.trading import facts as f
from canary_cli.core.trading.state import Condition, Hold, Session, drop, put


def phase_entered(state: Session, fact: f.PhaseEntered) -> Session:
    phase = state.setup.plan.phase(fact.number)
    return replace(
        state,
        phase=phase,
        pairs=fact.pairs,
        phase_entered=fact.time,
        phase_ends=fact.ends_at,
        metrics=Metrics(asked_seconds=_seconds(fact.time, fact.ends_at)),
        triggers=replace(state.triggers, beyond={}),
        last_probe=None,
    )


def _seconds(began: datetime, ends: datetime | None) -> Decimal | None:
    return None if ends is None else Decimal(str((ends - began).total_seconds()))


def condition_set(state: Session, fact: f.ConditionSet) -> Session:
    return replace(state, conditions=put(state.conditions, fact.name, Condition(fact.detail, fact.time)))


def condition_cleared(state: Session, fact: f.ConditionCleared) -> Session:
    return replace(state, conditions=drop(state.conditions, fact.name))


def latched(state: Session, fact: f.Latched) -> Session:
    return replace(state, latches=put(state.latches, fact.source, fact.reason))


def unlatched(state: Session, fact: f.Unlatched) -> Session:
    return replace(state, latches=drop(state.latches, fact.source), rolling_back="")


def breaker_moved(state: Session, fact: f.BreakerMoved) -> Session:
    if fact.by:
        return replace(state, breaker=breaker.reset(state.breaker, fact.by, fact.reason, fact.time))
    return replace(state, breaker=replace(state.breaker, zone=Zone(fact.zone), since=fact.time))


def trigger_fired(state: Session, fact: f.TriggerFired) -> Session:
    """What is well again holds nothing any more; a condition clears after a time of health."""
    if triggers.is_crossing(state.triggers, state.setup.plan, fact.name, fact.level):
        state = replace(state, metrics=state.metrics.warned())
    state = replace(state, triggers=triggers.told(state.triggers, fact.name, fact.level))
    if fact.action in (Action.CHECK_MARKET, Action.SUSPEND_SIGNALS):
        detail = f"{fact.name} {Decimal(fact.value):.4g} beyond {fact.limit} (n={fact.n})"
        return replace(state, holds=put(state.holds, fact.name, Hold(detail, fact.pair)))
    if fact.action != Action.RELEASE:
        return state
    state, condition = replace(state, holds=drop(state.holds, fact.name)), state.conditions.get(fact.name)
    if condition is None:
        return state
    return replace(state, conditions=put(state.conditions, fact.name, replace(condition, since=fact.time, holds=False)))


def released(state: Session, fact: f.TriggersReleased) -> Session:
    """A trigger that the plan no longer has holds nothing any more, and has nothing to begin afresh."""
    metrics, names = state.metrics, frozenset(fact.triggers)
    for name in fact.triggers:
        watched = state.setup.plan.watched_by(name)
        if watched is not None:
            metrics = metrics.afresh(watched[0].metric, watched[1])
    return replace(
        state,
        metrics=metrics,
        triggers=triggers.let_go(state.triggers, names),
        holds={name: hold for name, hold in state.holds.items() if name not in names},
    )


def parity_checked(state: Session, fact: f.ParityChecked) -> Session:
    return replace(state, metrics=state.metrics.repeated(fact.compared, fact.differing))
