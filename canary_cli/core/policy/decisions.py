"""What comes next: after a gate, while nobody answers, and after a rollback. Values in, a named move out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from canary_cli.core.policy.gates import Verdict
from canary_cli.core.policy.plan import Crew, GateZero, Phase, Plan, Promote, Step

REMIND_EVERY = timedelta(minutes=30)
"""How often people are told that a phase waits for them."""


class Move(StrEnum):
    PROMOTE = "promote"
    PROMOTE_WATCHED = "promote, watch interval halved"
    EXTEND = "extend"
    WAIT = "wait for a human"
    REDUCE_ONLY = "reduce-only"
    ROLL_BACK = "roll back"
    RECHECK = "re-check"
    POSTPONE = "postpone"
    GO = "go"


@dataclass(frozen=True, slots=True)
class Next:
    """`until`: the new end of an extended phase, or new start of a postponed run. `watch`: how often to look."""

    move: Move
    reason: str = ""
    until: datetime | None = None
    watch: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A step of the plan and when it falls due."""

    step: Step
    at: datetime


def schedule(plan: Plan, started_at: datetime) -> tuple[Due, ...]:
    """Every step of the plan with its clock time."""
    return tuple(Due(step, started_at + step.at) for step in plan.sequence)


def due(plan: Plan, started_at: datetime, now: datetime, done: frozenset[str]) -> tuple[Due, ...]:
    """Steps whose time has come and that are not done, in order: a late start does not skip any."""
    return tuple(one for one in schedule(plan, started_at) if one.at <= now and one.step.name not in done)


def upcoming(plan: Plan, started_at: datetime, now: datetime, done: frozenset[str]) -> Due | None:
    """The first step that is neither done nor due yet; None after the last."""
    waiting = (one for one in schedule(plan, started_at) if one.at > now and one.step.name not in done)
    return next(waiting, None)


def after_gate_zero(is_go: bool, gate: GateZero, opened_at: datetime, start: datetime, now: datetime) -> Next:
    """GO begins; red is looked at again until the time to troubleshoot is over, then the start is put off."""
    if is_go:
        return Next(Move.GO)
    deadline = opened_at + gate.troubleshoot
    if now < deadline:
        return Next(Move.RECHECK, "red; troubleshoot", deadline)
    return Next(Move.POSTPONE, "still red when the time to troubleshoot was over", start + gate.postpone)


def needs_approval(phase: Phase, *, is_live: bool, has_finished_once: bool) -> bool:
    """`promote = "ask"` asks on a live account until this very plan has been through once; paper never waits."""
    return phase.promote is Promote.ASK and is_live and not has_finished_once


def after_gate(
    verdict: Verdict,
    phase: Phase,
    *,
    now: datetime,
    ends_at: datetime,
    first_end: datetime,
    crew: Crew,
    is_approved: bool,
    said_yes: bool = False,
) -> Next:
    """What a verdict leads to. `ends_at` is the phase's end as extended so far, `first_end` as planned.

    `is_approved`: nobody needs to be asked, or somebody has said yes. Too little evidence never promotes and never
    rolls back: the phase is extended, then waits at its size for a human, and is REDUCE-ONLY once nobody sits there.
    `said_yes`: a person who has seen that there is too little promotes all the same.
    """
    if verdict is Verdict.FAIL:
        return Next(Move.ROLL_BACK, f"gate {phase.number} failed")
    if verdict is Verdict.INCONCLUSIVE:
        if said_yes:
            return Next(Move.PROMOTE_WATCHED, f"gate {phase.number} is INCONCLUSIVE; approved", watch=phase.watch / 2)
        return _unproven(phase, now, ends_at, first_end, crew)
    if not is_approved:
        return Next(Move.WAIT, f"gate {phase.number} is {verdict}; promotion needs an approval", watch=phase.watch)
    if verdict is Verdict.WARNING:
        return Next(Move.PROMOTE_WATCHED, f"gate {phase.number} is WARNING", watch=phase.watch / 2)
    return Next(Move.PROMOTE, watch=phase.watch)


def _unproven(phase: Phase, now: datetime, ends_at: datetime, first_end: datetime, crew: Crew) -> Next:
    """The end may have passed a moment ago, since a gate takes its time, or long ago, while nobody was there."""
    latest = first_end + phase.max_extend
    if max(ends_at, now) < latest:
        return Next(Move.EXTEND, "too little evidence", min(max(ends_at, now) + phase.extend, latest))
    until = min(now + REMIND_EVERY, crew.changes_at(now))
    if crew.is_watching(now):
        return Next(Move.WAIT, "too little evidence, and extended as far as the plan allows", until)
    return Next(Move.REDUCE_ONLY, "too little evidence, and the crew's window is over", until)
