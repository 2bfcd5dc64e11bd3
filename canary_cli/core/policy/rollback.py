"""The rollback as written down: stages and budgets, who is told when, what may follow. Made by `parse_rollback`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from canary_cli.core.policy.fields import Fields, Problem
from canary_cli.core.policy.parsing import describe
from canary_cli.errors import PlanError

REPEAT_EVERY = timedelta(minutes=10)
"""How often a level that nobody has acknowledged is told again."""

OPENERS_WORD = timedelta(seconds=30)
"""Whoever opens an incident tells its first level; where that has reached nobody by then, others do."""


class Cause(StrEnum):
    CODE = "CODE"
    INFRA = "INFRA"
    MARKET = "MARKET"


class Step(StrEnum):
    """What a stage can be made of; `steps.rollback.pieces` has the deed of each. Most are called like their verb."""

    LATCH = "latch"
    FLATTEN = "flatten"
    ALERT = "alert"
    CAPTURE_LOGS = "capture-logs"
    SNAPSHOT_DB = "snapshot-db"
    ACCOUNT = "account"
    PNL = "pnl"
    METRICS = "metrics"
    BOOKS = "books"
    CONFIGURATION = "configuration"
    VERIFY_DB = "verify-db"
    RESTORE = "restore"
    DECISION_TREE = "decision tree"
    POSTMORTEM = "postmortem"
    MANIFEST = "manifest"


STOPPING = (Step.LATCH, Step.FLATTEN)
"""What the first stage begins with, and no other has: these wait for nothing, not even for this file to be read."""

STAGES = 4
"""Stop, investigate, restore, post-mortem: each has a status block of its own, and `--stage N` names one."""


class When(StrEnum):
    ALWAYS = "always"
    CORRUPTION = "corruption"  # verify-db, asked just before, finds the ledger's rows damaged, or --restore was given


@dataclass(frozen=True, slots=True)
class Stage:
    """Done within `budget`, wall time. `parallel`: its steps need not wait for one another."""

    number: int
    name: str
    budget: timedelta
    steps: tuple[Step, ...]
    parallel: bool
    when: When


@dataclass(frozen=True, slots=True)
class Escalation:
    """From the age `after` on, `roles` are told too, and asked for `decision`."""

    level: int
    after: timedelta
    roles: tuple[str, ...]
    decision: str


@dataclass(frozen=True, slots=True)
class Restart:
    """What the decision tree answers; gate 0 obeys it. `actions` in order."""

    may_restart: bool
    needs_review: bool
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionTree:
    """`review_below`: at this P&L in % of starting equity, or worse, no restart without a full review."""

    review_below: Decimal
    by_cause: Mapping[Cause, str]
    restore_first: str


@dataclass(frozen=True, slots=True)
class Rollback:
    sha256: str
    target: timedelta
    stages: tuple[Stage, ...]
    escalations: tuple[Escalation, ...]
    tree: DecisionTree


def escalation(rollback: Rollback, age: timedelta) -> Escalation:
    """The highest level an unresolved incident of this age has reached. An ack does not hold off the next."""
    reached = [level for level in rollback.escalations if age >= level.after]
    return max(reached, key=lambda level: level.after)


def to_tell(
    rollback: Rollback, age: timedelta, told: Mapping[int, timedelta], acked: Collection[int]
) -> Escalation | None:
    """The level to be told now, None while nobody must be. `told`: how long ago a level's word was last taken."""
    level = escalation(rollback, age)
    last = told.get(level.level)
    if last is None:
        return level if age >= OPENERS_WORD else None
    return level if level.level not in acked and last >= REPEAT_EVERY else None


def decide(tree: DecisionTree, pnl_pct: Decimal | None, cause: Cause | None, *, is_corrupted: bool) -> Restart:
    """The brief's tree. An unknown loss or an unknown cause is answered like the worst."""
    lost = pnl_pct is None or not pnl_pct.is_finite() or pnl_pct <= tree.review_below
    actions = (
        *((tree.restore_first,) if is_corrupted else ()),
        tree.by_cause[cause] if cause else "find the root cause",
        *(("postpone; full review and approval before any restart",) if lost else ()),
    )
    return Restart(may_restart=not lost and cause is not None, needs_review=lost, actions=actions)


def parse_rollback(document: Mapping[str, Any], sha256: str) -> Rollback:
    """Raises PlanError with one line for every problem."""
    problems: list[Problem] = []
    fields = Fields(document, "", problems)
    head = fields.table("rollback")
    made = Rollback(
        sha256=sha256,
        target=head.span("target", low=timedelta(seconds=1)),
        stages=tuple(_stage(stage, number) for number, stage in enumerate(fields.tables("stage", "stage"), 1)),
        escalations=tuple(
            _escalation(level, number) for number, level in enumerate(fields.tables("escalation", "escalation"), 1)
        ),
        tree=_tree(fields.table("decision_tree")),
    )
    head.finish()
    fields.finish()
    problems += _contradictions(made)
    if problems:
        raise PlanError(describe(problems), "mend the file, then: canary plan check")
    return made


def _stage(fields: Fields, number: int) -> Stage:
    made = Stage(
        number=number,
        name=fields.text("name"),
        budget=fields.span("budget", low=timedelta(seconds=1)),
        steps=_steps(fields),
        parallel=fields.flag("parallel"),
        when=When(fields.choice("when", [word.value for word in When], "always")),
    )
    fields.finish()
    return made


def _steps(fields: Fields) -> tuple[Step, ...]:
    words, known = fields.words("steps"), [step.value for step in Step]
    for word in words:
        if word not in known:
            fields.wrong("steps", f'has "{word}", which is no step', f"use {', '.join(known)}")
    return tuple(Step(word) for word in words if word in known)


def _escalation(fields: Fields, number: int) -> Escalation:
    made = Escalation(number, fields.span("after"), fields.words("roles"), fields.text("decision"))
    fields.finish()
    return made


def _tree(fields: Fields) -> DecisionTree:
    causes = fields.table("cause")
    made = DecisionTree(
        review_below=fields.number("review_below", "-100", "0"),
        by_cause={cause: causes.text(cause.value) for cause in Cause},
        restore_first=fields.text("restore_first"),
    )
    causes.finish()
    fields.finish()
    return made


def _contradictions(rollback: Rollback) -> list[Problem]:
    problems = []
    first, later = rollback.stages[:1], rollback.stages[1:]
    if not first or first[0].when is not When.ALWAYS or first[0].steps[: len(STOPPING)] != STOPPING:
        problems.append(Problem("stage 1", "does not stop first, always", 'begin its steps with "latch", "flatten"'))
    if any(step in STOPPING for stage in later for step in stage.steps):
        problems.append(Problem("stage", "stops again later", 'leave "latch" and "flatten" to stage 1'))
    if len(rollback.stages) != STAGES:
        problems.append(Problem("stage", f"is there {len(rollback.stages)} times", f"write {STAGES}, as shipped"))
    if any(stage.when is When.ALWAYS and Step.RESTORE in stage.steps for stage in rollback.stages):
        problems.append(Problem("stage", "restores whatever was found", 'add when = "corruption" to it'))
    ages = [level.after for level in rollback.escalations]
    if not ages or ages[0] != timedelta() or ages != sorted(set(ages)):
        problems.append(Problem("escalation", "does not begin at 0 and rise", "order the levels by `after`"))
    return problems
