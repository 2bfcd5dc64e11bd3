"""Thresholds watched at every tick, and the clocks of decisions that wait for a human.

Unmeasured changes nothing: neither does a metric without its minimum of samples raise an alarm, nor does its silence
end one. Each trigger speaks once per change of level. One whose metric is measured pair by pair is a trigger of its own
for each pair: its levels, its samples and what it holds bear the name `TRIGGER PAIR`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from canary_cli.core.accounting.numbers import finite
from canary_cli.core.accounting.reading import Reading
from canary_cli.core.policy.comparing import holds
from canary_cli.core.policy.plan import Action, Check, Level, Phase, Plan, Trigger, name_of
from canary_cli.core.policy.vocabulary import PER_PAIR

__all__ = [
    "Action",
    "DecisionClock",
    "Fired",
    "Level",
    "TriggerStates",
    "is_crossing",
    "keep",
    "let_go",
    "step",
    "told",
]

_RANK = {Level.NORMAL: 0, Level.WARNING: 1, Level.CRITICAL: 2}
_ERRORS = {"order_error_rate": "errors", "order_success": "errors", "order_error_rate_recent": "errors_recent"}
"""Which count of errors stands behind a rate."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger changed its level. `detail` names what it was measured on, `pair` the one it watches by itself."""

    name: str
    level: Level
    value: Decimal
    limit: Decimal
    n: int
    action: Action
    detail: str = ""
    pair: str = ""


@dataclass(frozen=True, slots=True)
class DecisionClock:
    """A human has been asked at `asked`; `stopped` once the size was held for want of an answer."""

    trigger: str
    asked: datetime
    fired: Fired
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class TriggerStates:
    """`levels` of triggers that are not normal; `beyond` since when one is building up; `broken` hard limits told.

    `kept` are those over which a named human went on, `crossed` those that have counted as a warning since they were
    last well: a restart, which judges afresh, asks nobody again, and counts none twice.
    """

    levels: Mapping[str, Level] = field(default_factory=lambda: MappingProxyType({}))
    beyond: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    clocks: tuple[DecisionClock, ...] = ()
    broken: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    crossed: frozenset[str] = frozenset()


def step(
    states: TriggerStates, readings: Mapping[str, Reading], now: datetime, phase: Phase, plan: Plan
) -> tuple[TriggerStates, tuple[Fired, ...]]:
    """One tick: hard limits of the phase's gate, thresholds, decision clocks. Money never waits for a clock."""
    fired: list[Fired] = []
    states = _hard_limits(states, readings, phase, fired)
    for trigger in plan.triggers:
        if not trigger.phases or phase.number in trigger.phases:
            for reading in _watched(trigger, readings):
                states = _judge(states, trigger, reading, _errors(trigger, readings), now, fired)
    return (_clocks(states, now, plan, fired) if states.clocks else states), tuple(fired)


def keep(states: TriggerStates, trigger: str) -> TriggerStates:
    """A named human decided against the rollback: the clock of that trigger ends, its level stays."""
    return replace(states, clocks=_others(states, trigger), kept=states.kept | {trigger})


def told(states: TriggerStates, name: str, level: str) -> TriggerStates:
    """A trigger has changed its level: what was decided about it goes for as long as it stays critical."""
    crossed = states.crossed - {name} if level == Level.NORMAL else states.crossed | {name}
    return replace(states, kept=states.kept if level == Level.CRITICAL else states.kept - {name}, crossed=crossed)


def is_crossing(states: TriggerStates, plan: Plan, name: str, level: str) -> bool:
    """Whether a change of level, not yet told, is a warning threshold crossed: one warning in the gate's count."""
    watched = plan.watched_by(name)
    has_warning = watched is not None and watched[0].warning is not None
    return has_warning and level != Level.NORMAL and name not in states.crossed


def _others(states: TriggerStates, trigger: str) -> tuple[DecisionClock, ...]:
    return tuple(clock for clock in states.clocks if clock.trigger != trigger)


def let_go(states: TriggerStates, names: Iterable[str]) -> TriggerStates:
    """A named human released what these hold: each is judged from the beginning."""
    gone = frozenset(names)
    levels = {name: level for name, level in states.levels.items() if name not in gone}
    beyond = {name: since for name, since in states.beyond.items() if name not in gone}
    return replace(states, levels=levels, beyond=beyond, crossed=states.crossed - gone)


def _watched(trigger: Trigger, readings: Mapping[str, Reading]) -> Iterator[Reading]:
    """What is measured well enough to be judged, pair by pair where the metric is."""
    if trigger.metric in PER_PAIR:
        found = [reading for reading in readings.values() if reading.metric == trigger.metric]
    else:
        found = [reading] if (reading := readings.get(trigger.metric)) else []
    for reading in found:
        if reading.value is not None and reading.value.is_finite() and reading.n >= trigger.min_samples:
            yield reading


def _hard_limits(
    states: TriggerStates, readings: Mapping[str, Reading], phase: Phase, fired: list[Fired]
) -> TriggerStates:
    for check in phase.gate.checks:
        if not check.at_once:
            continue
        name = f"phase {phase.number} {check.metric}"
        reading = readings.get(check.metric)
        if name not in states.broken and _is_broken(check, reading) and reading is not None:
            assert reading.value is not None
            states = replace(states, broken=states.broken | {name})
            fired.append(
                Fired(name, Level.CRITICAL, reading.value, check.limit, reading.n, Action.ROLLBACK, reading.population)
            )
    return states


def _is_broken(check: Check, reading: Reading | None) -> bool:
    """Only a measured value breaks a limit: stale or missing data is a condition, never a loss."""
    if reading is None or reading.value is None or not reading.value.is_finite():
        return False
    return not holds(reading.value, check.op, check.limit)


def _judge(
    states: TriggerStates, trigger: Trigger, reading: Reading, errors: int, now: datetime, fired: list[Fired]
) -> TriggerStates:
    assert reading.value is not None
    name = name_of(trigger, reading.pair)
    before = states.levels.get(name, Level.NORMAL)
    level = _level(trigger, reading.value, before, errors)
    if _RANK[level] > _RANK[before] and trigger.lasting:
        since = states.beyond.get(name, now)
        if now - since < trigger.lasting:
            return states if name in states.beyond else replace(states, beyond={**states.beyond, name: since})
    elif name in states.beyond and level is before:
        states = replace(states, beyond={k: v for k, v in states.beyond.items() if k != name})
    if level is before and not _is_untold(states, name, level):
        return states
    one = _fired(trigger, reading, level, before)
    if one.action is Action.INVESTIGATE and name in states.kept:
        one = replace(one, action=Action.ALERT)
    fired.append(one)
    return _entered(states, name, level, one, now)


def _is_untold(states: TriggerStates, name: str, level: Level) -> bool:
    """Whether it is well and was not when it was last told: it may have become so while nobody was there to tell."""
    return level is Level.NORMAL and name in states.kept | states.crossed


def _errors(trigger: Trigger, readings: Mapping[str, Reading]) -> int:
    """Errors behind a rate. Where they are not counted the rate speaks alone, as any other metric does."""
    counted = readings.get(_ERRORS.get(trigger.metric, ""))
    errors = finite(counted.value) if counted is not None else None
    return trigger.min_errors if errors is None else int(errors)


def _level(trigger: Trigger, value: Decimal, before: Level, errors: int) -> Level:
    """The worst level whose limit is crossed; a level held already is left only beyond its margin."""
    for level, limit in ((Level.CRITICAL, trigger.critical), (Level.WARNING, trigger.warning)):
        if limit is None:
            continue
        if level is Level.CRITICAL and errors < trigger.min_errors:
            continue
        held = _RANK[before] >= _RANK[level]
        if _is_beyond(trigger, value, _eased(trigger, limit) if held else limit):
            return level
    return Level.NORMAL


def _eased(trigger: Trigger, limit: Decimal) -> Decimal:
    slack = abs(limit) * trigger.margin
    return limit - slack if trigger.worse == "above" else limit + slack


def _is_beyond(trigger: Trigger, value: Decimal, limit: Decimal) -> bool:
    return value > limit if trigger.worse == "above" else value < limit


def _fired(trigger: Trigger, reading: Reading, level: Level, before: Level) -> Fired:
    assert reading.value is not None
    crossed = before if _RANK[before] > _RANK[level] else level
    limit = trigger.critical if crossed is Level.CRITICAL else trigger.warning
    if level is Level.CRITICAL:
        action = trigger.action
    else:
        action = Action.RELEASE if before is Level.CRITICAL or level is Level.NORMAL else Action.ALERT
    return Fired(
        name_of(trigger, reading.pair),
        level,
        reading.value,
        limit or Decimal(0),
        reading.n,
        action,
        reading.population,
        pair=reading.pair,
    )


def _entered(states: TriggerStates, name: str, level: Level, fired: Fired, now: datetime) -> TriggerStates:
    levels = {other: held for other, held in states.levels.items() if other != name}
    if level is not Level.NORMAL:
        levels[name] = level
    moved = replace(states, clocks=_others(states, name), levels=levels)
    if fired.action is Action.INVESTIGATE:
        moved = replace(moved, clocks=(*moved.clocks, DecisionClock(name, now, fired)))
    return moved


def _clocks(states: TriggerStates, now: datetime, plan: Plan, fired: list[Fired]) -> TriggerStates:
    """No answer to what was asked in the crew's window: the rollback; outside it first REDUCE-ONLY, then the rollback.

    The time is the one that was named when it was asked.
    """
    left: list[DecisionClock] = []
    for clock in states.clocks:
        watched, waited = plan.crew.is_watching(clock.asked), now - clock.asked
        due = plan.crew.rollback_inside if watched else plan.crew.rollback_outside
        if waited >= due:
            fired.append(_unanswered(clock, Action.ROLLBACK, waited))
        elif not watched and not clock.stopped and waited >= plan.crew.stop_outside:
            fired.append(_unanswered(clock, Action.STOP, waited))
            left.append(replace(clock, stopped=True))
        else:
            left.append(clock)
    return states if tuple(left) == states.clocks else replace(states, clocks=tuple(left))


def _unanswered(clock: DecisionClock, action: Action, waited: timedelta) -> Fired:
    minutes = waited / timedelta(minutes=1)
    return replace(clock.fired, action=action, detail=f"no answer for {minutes:.0f} min")
