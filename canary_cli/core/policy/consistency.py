"""What no value of a plan shows alone: phases that overlap, gates that cannot fail, losses beyond the breaker."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from canary_cli.core.policy.fields import Problem
from canary_cli.core.policy.plan import Action, Phase, Plan, Trigger
from canary_cli.core.policy.vocabulary import METRICS, PER_PAIR, WHOLE_PHASE

HOLDING = (Action.STOP, Action.SUSPEND_SIGNALS)
RECENT = f"watch {', '.join(name for name in METRICS if name.endswith('_recent'))}, or another that looks back"
LOOKS_BACK_A_DAY = frozenset({"signals_per_hour"})
NO_PAIR, BY_PAIR = "check slippage_mean or slippage_worst_pair", f"watch {', '.join(sorted(PER_PAIR))}"


def contradictions(plan: Plan) -> list[Problem]:
    return [*_schedule(plan), *_phases(plan), *_triggers(plan), *_breaker(plan)]


def _schedule(plan: Plan) -> Iterator[Problem]:
    if not plan.phases:
        yield Problem("phase", "there is none", "add [[phase]]")
        return
    if not _is_numbered(plan):
        numbers = [phase.number for phase in plan.phases]
        yield Problem("phase", f"numbers are {numbers}", "number the phases 1, 2, 3, ... in order")
    for before, after in pairwise(plan.phases):
        if after.starts_at < before.ends_at:
            yield Problem(
                f"phase {after.number}.at",
                f"starts {after.starts_at} after the start, while phase {before.number} lasts until {before.ends_at}",
                f"start it at {before.ends_at} or later",
            )
        if after.fraction < before.fraction:
            yield Problem(f"phase {after.number}.fraction", "is smaller than the phase before", "phases only grow")
    decided = plan.gate_zero.at + plan.gate_zero.decide + plan.gate_zero.troubleshoot
    if plan.phases[0].starts_at < decided:
        yield Problem("phase 1.at", f"starts before gate 0 is decided at {decided}", f"start it at {decided} or later")


def _is_numbered(plan: Plan) -> bool:
    return [phase.number for phase in plan.phases] == list(range(1, len(plan.phases) + 1))


def _phases(plan: Plan) -> Iterator[Problem]:
    for phase in plan.phases:
        where = f"phase {phase.number}"
        if not phase.gate.checks:
            yield Problem(
                f"{where}.gate", "has no checks", "add checks = [...]: a gate that checks nothing cannot fail"
            )
        for check in phase.gate.checks:
            if check.metric in PER_PAIR:
                yield Problem(f"{where}.gate {check.metric}", "is measured pair by pair, for triggers", NO_PAIR)
            if check.metric in LOOKS_BACK_A_DAY:
                yield Problem(
                    f"{where}.gate {check.metric}", "is never a gate: it takes a day", "make it a [[trigger]]"
                )
        for what, count in _counted([check.metric for check in phase.gate.checks]):
            yield Problem(f"{where}.gate", f"checks {what} {count} times", "keep one (orders and covered are built in)")
        for pair, count in _counted(phase.pairs):
            yield Problem(f"{where}.pairs", f"names {pair} {count} times", "name it once")
        if len(phase.pairs) > plan.risk.max_pairs:
            yield Problem(f"{where}.pairs", f"names {len(phase.pairs)} pairs", f"at most {plan.risk.max_pairs}")
        if phase.extend > phase.max_extend:
            yield Problem(f"{where}.extend", "is longer than max_extend", "shorten it")
        yield from _drawdown(plan, phase)


def _drawdown(plan: Plan, phase: Phase) -> Iterator[Problem]:
    where, trip = f"phase {phase.number}", plan.breaker.trip
    if phase.caps.open_risk >= -trip:
        yield Problem(
            f"{where}.caps.open_risk",
            f"all stops filled lose {phase.caps.open_risk} % of equity, which reaches the breaker at {trip} %",
            f"lower it under {-trip}",
        )
    for check in phase.gate.checks:
        if check.metric == "drawdown" and check.limit < trip:
            yield Problem(
                f"{where}.gate drawdown", f"allows {check.limit} %, beyond the breaker at {trip} %", f"at least {trip}"
            )


def _triggers(plan: Plan) -> Iterator[Problem]:
    for name, count in _counted([trigger.name for trigger in plan.triggers]):
        yield Problem(f"trigger {name}", f"is there {count} times", "give each its own name")
    numbers = {phase.number for phase in plan.phases}
    for trigger in plan.triggers:
        where = f"trigger {trigger.name}"
        if trigger.warning is None and trigger.critical is None:
            yield Problem(where, "has no limit", "add warning = N, critical = N, or both")
        if trigger.action is Action.CHECK_MARKET and trigger.metric not in PER_PAIR:
            yield Problem(f"{where}.action", f"holds one pair, and {trigger.metric} is of all", BY_PAIR)
        elif trigger.action in HOLDING and trigger.metric in WHOLE_PHASE:
            yield Problem(f"{where}.metric", f"{trigger.metric} forgets nothing, so its hold would never end", RECENT)
        if _is_reversed(trigger):
            yield Problem(where, "its warning lies beyond its critical limit", "swap them")
        for number in trigger.phases:
            if number not in numbers and _is_numbered(plan) and numbers:
                yield Problem(f"{where}.phases", f"names phase {number}", "there is no such phase")


def _is_reversed(trigger: Trigger) -> bool:
    if trigger.warning is None or trigger.critical is None:
        return False
    if trigger.worse == "above":
        return trigger.warning > trigger.critical
    return trigger.warning < trigger.critical


def _breaker(plan: Plan) -> Iterator[Problem]:
    if plan.breaker.pre_trip <= plan.breaker.trip:
        yield Problem("breaker.pre_trip", "is not reached before trip", "bring it nearer to zero")


def _counted(names: list[str] | tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name, count) for name, count in Counter(names).items() if count > 1]
