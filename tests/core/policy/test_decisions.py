"""What comes next, after a gate and after a rollback."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.policy.checks import Check, Decision, Status, verdict
from canary_cli.core.policy.contacts import Contact
from canary_cli.core.policy.decisions import Move, Next, after_gate, after_gate_zero, due, needs_approval, upcoming
from canary_cli.core.policy.gates import Verdict
from canary_cli.core.policy.plan import Plan
from canary_cli.core.policy.rollback import STOPPING, Cause, Rollback, When, decide, escalation
from canary_cli.core.policy.rollback_built_in import BUILT_IN
from canary_cli.steps.plan import load_contacts, load_rollback
from tests.core.policy.conftest import HOME, NIGHT, NOON

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def rollback() -> Rollback:
    return load_rollback(HOME)


def next_move(plan: Plan, verdict: Verdict, now: datetime = NOON, extended: int = 0, approved: bool = True) -> Next:
    phase = plan.phase(1)
    return after_gate(
        verdict, phase, now=now, ends_at=now + extended * phase.extend, first_end=now, crew=plan.crew,
        is_approved=approved,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "move"),
    [
        (Verdict.PASS, Move.PROMOTE),
        (Verdict.WARNING, Move.PROMOTE_WATCHED),
        (Verdict.FAIL, Move.ROLL_BACK),
        (Verdict.INCONCLUSIVE, Move.EXTEND),
    ],
)
def test_each_verdict_leads_somewhere(plan: Plan, verdict: Verdict, move: Move) -> None:
    assert next_move(plan, verdict).move is move


def test_a_warning_halves_the_watch_interval(plan: Plan) -> None:
    assert next_move(plan, Verdict.WARNING).watch == plan.phase(1).watch / 2


def test_too_little_evidence_extends_to_the_cap_then_waits_then_reduces(plan: Plan) -> None:
    assert [next_move(plan, Verdict.INCONCLUSIVE, extended=n).move for n in range(5)] == [Move.EXTEND] * 4 + [Move.WAIT]
    assert next_move(plan, Verdict.INCONCLUSIVE, NIGHT, extended=4).move is Move.REDUCE_ONLY
    assert next_move(plan, Verdict.INCONCLUSIVE).until == NOON + plan.phase(1).extend


@pytest.mark.parametrize(
    ("hour", "minute", "move", "minutes"),
    [(13, 0, Move.WAIT, 30), (14, 50, Move.WAIT, 10), (15, 0, Move.REDUCE_ONLY, 30), (8, 55, Move.REDUCE_ONLY, 5)],
)
def test_who_waits_is_reminded_and_looks_again_when_the_crew_comes_or_goes(
    plan: Plan, hour: int, minute: int, move: Move, minutes: int
) -> None:
    now = NOON.replace(hour=hour, minute=minute)
    found = next_move(plan, Verdict.INCONCLUSIVE, now, extended=4)
    assert (found.move, found.until) == (move, now + minutes * MINUTE)


def test_an_extension_begins_now_where_the_end_passed_while_nobody_was_there(plan: Plan) -> None:
    phase, late = plan.phase(1), NOON + 20 * MINUTE
    found = after_gate(
        Verdict.INCONCLUSIVE, phase, now=late, ends_at=NOON, first_end=NOON, crew=plan.crew, is_approved=True
    )
    assert (found.move, found.until) == (Move.EXTEND, late + phase.extend)


def test_the_time_that_gates_take_costs_no_extension(plan: Plan) -> None:
    phase, moves = plan.phase(1), []
    ends = NOON
    while len(moves) < 9 and (not moves or moves[-1] is Move.EXTEND):
        found = after_gate(
            Verdict.INCONCLUSIVE, phase, now=ends + MINUTE / 6, ends_at=ends, first_end=NOON, crew=plan.crew,
            is_approved=True,
        )  # fmt: skip
        moves.append(found.move)
        ends = found.until or ends
    assert moves == [Move.EXTEND] * 4 + [Move.WAIT]


@given(verdict=st.sampled_from(Verdict), extended=st.integers(0, 9), approved=st.booleans(), hour=st.integers(0, 23))
def test_only_evidence_and_approval_promote_and_only_a_fail_rolls_back(
    plan: Plan, verdict: Verdict, extended: int, approved: bool, hour: int
) -> None:
    move = next_move(plan, verdict, NOON.replace(hour=hour), extended, approved).move
    if move in (Move.PROMOTE, Move.PROMOTE_WATCHED):
        assert approved
        assert verdict in (Verdict.PASS, Verdict.WARNING)
    assert (move is Move.ROLL_BACK) == (verdict is Verdict.FAIL)


def test_who_must_be_asked(plan: Plan) -> None:
    one, two = plan.phase(1), plan.phase(2)
    assert not needs_approval(one, is_live=True, has_finished_once=False)
    assert needs_approval(two, is_live=True, has_finished_once=False)
    assert not needs_approval(two, is_live=True, has_finished_once=True)
    assert not needs_approval(two, is_live=False, has_finished_once=False)


def test_gate_zero_rechecks_for_a_quarter_of_an_hour_then_postpones_by_six(plan: Plan) -> None:
    start = NOON.replace(hour=10)

    def at(minutes: int, is_go: bool = False) -> Next:
        return after_gate_zero(is_go, plan.gate_zero, start, start, start + minutes * MINUTE)

    assert at(14).move is Move.RECHECK
    assert at(14, is_go=True).move is Move.GO
    assert at(15) == Next(Move.POSTPONE, at(15).reason, start.replace(hour=16))


def test_only_a_persons_yes_promotes_on_too_little_evidence(plan: Plan) -> None:
    phase = plan.phase(1)
    late = NOON + phase.max_extend
    asked = after_gate(Verdict.INCONCLUSIVE, phase, now=late, ends_at=late, first_end=NOON, crew=plan.crew,
                       is_approved=True)  # fmt: skip
    told = after_gate(Verdict.INCONCLUSIVE, phase, now=late, ends_at=late, first_end=NOON, crew=plan.crew,
                      is_approved=True, said_yes=True)  # fmt: skip
    failed = after_gate(Verdict.FAIL, phase, now=late, ends_at=late, first_end=NOON, crew=plan.crew,
                        is_approved=True, said_yes=True)  # fmt: skip
    assert (asked.move, told.move, failed.move) == (Move.WAIT, Move.PROMOTE_WATCHED, Move.ROLL_BACK)


def test_a_late_start_skips_no_step(plan: Plan) -> None:
    now = NOON + timedelta(minutes=65)
    assert [one.step.name for one in due(plan, NOON, now, frozenset({"prerequisites", "gate 0"}))] == [
        "phase 1", "gate 1", "phase 2"]  # fmt: skip
    coming = upcoming(plan, NOON, now, frozenset())
    assert coming is not None
    assert (coming.step.name, coming.at) == ("gate 2", NOON + timedelta(hours=3))
    assert upcoming(plan, NOON, NOON + timedelta(days=1), frozenset()) is None


@pytest.mark.parametrize(
    ("seconds", "level", "roles"), [(0, 1, 2), (119, 1, 2), (120, 2, 3), (599, 2, 3), (600, 3, 4), (86400, 3, 4)]
)
def test_escalation_follows_the_age_of_the_incident(rollback: Rollback, seconds: int, level: int, roles: int) -> None:
    reached = escalation(rollback, timedelta(seconds=seconds))
    assert (reached.level, len(reached.roles)) == (level, roles)


@pytest.mark.parametrize(
    ("pnl", "cause", "corrupted", "restart", "first"),
    [
        ("-1.99", Cause.CODE, False, True, "fix the code and redeploy in the next window"),
        ("-1.99", Cause.MARKET, True, True, "restore the database from a clean backup, then restart"),
        ("-2", Cause.INFRA, False, False, "Ops fixes the infrastructure, then redeploy"),
        ("0.5", None, False, False, "find the root cause"),
        (None, Cause.CODE, False, False, "fix the code and redeploy in the next window"),
        ("NaN", Cause.CODE, False, False, "fix the code and redeploy in the next window"),
    ],
)
def test_the_decision_tree(
    rollback: Rollback, pnl: str | None, cause: Cause | None, corrupted: bool, restart: bool, first: str
) -> None:
    answer = decide(rollback.tree, None if pnl is None else Decimal(pnl), cause, is_corrupted=corrupted)
    assert answer.may_restart is restart
    assert answer.actions[0] == first


def test_the_rollback_stops_first_and_restores_only_what_is_corrupt(rollback: Rollback) -> None:
    assert [stage.when for stage in rollback.stages] == [When.ALWAYS, When.ALWAYS, When.CORRUPTION, When.ALWAYS]
    assert rollback.stages[0].steps[:2] == STOPPING
    assert sum((stage.budget for stage in rollback.stages if stage.when is When.ALWAYS), timedelta()) <= rollback.target


def test_what_is_built_in_is_what_is_shipped(rollback: Rollback) -> None:
    assert replace(rollback, sha256="") == BUILT_IN


def test_every_role_that_is_escalated_to_can_be_found(rollback: Rollback) -> None:
    contacts: tuple[Contact, ...] = load_contacts(HOME)
    roles = {contact.role for contact in contacts}
    assert {role for level in rollback.escalations for role in level.roles} <= roles
    assert all(contact.is_placeholder for contact in contacts), "nobody real is in a public repository"


GOOD = Check("clock", Status.PASS, "12 ms off")


@pytest.mark.parametrize(
    ("checks", "decision"),
    [
        ((), Decision.NO_GO),
        ((GOOD,), Decision.GO),
        ((GOOD, replace(GOOD, status=Status.WARN)), Decision.GO),
        ((GOOD, replace(GOOD, status=Status.SKIP)), Decision.GO),
        ((replace(GOOD, status=Status.SKIP),), Decision.NO_GO),
        ((GOOD, replace(GOOD, status=Status.FAIL)), Decision.NO_GO),
        ((GOOD, replace(GOOD, status=Status.ERROR)), Decision.NO_GO),
    ],
)
def test_go_needs_something_proven_and_nothing_broken(checks: tuple[Check, ...], decision: Decision) -> None:
    assert verdict(checks) is decision
