"""An incident from opening to closing, as journal and gate 0 have it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.accounts import paper_account
from canary_cli.alerts import Alert, Delivery, Fate, Receipt, RecordedAlerts
from canary_cli.bootstrap import World
from canary_cli.core.clock import ManualClock
from canary_cli.core.policy.checks import Status
from canary_cli.core.policy.rollback import OPENERS_WORD, REPEAT_EVERY, Cause, decide, escalation, to_tell
from canary_cli.errors import Refused, UsageError
from canary_cli.journal.record import Record
from canary_cli.steps import incidents
from canary_cli.steps.escalating import SAY_AGAIN, Clock, Crier, clock
from canary_cli.steps.incidents import Incident, State, obstacle, of_account
from canary_cli.steps.plan import load_rollback
from canary_cli.steps.preflight import state
from canary_cli.steps.preflight.scene import Scene
from tests.docs.commands import ROOT
from tests.steps.runs import START

PLAN = load_rollback(ROOT)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "runbooks").symlink_to(ROOT / "runbooks")
    made = World(paper_account(tmp_path))
    made.clock, made.alerts = ManualClock(START), RecordedAlerts()
    yield made
    made.journal.close()


def opened(world: World, **more: object) -> Incident:
    name = incidents.new_incident(world, "breaker: -3.1 %", "run-7", "rollback")
    if more:
        incidents.update(world, incidents.pick(world.account, name), "rollback", **more)
    return incidents.pick(world.account, name)


def rolled_back(world: World, pnl_pct: str | None, **more: object) -> Incident:
    return opened(world, state="STABLE", missing={}, pnl_pct=pnl_pct and Decimal(pnl_pct), **more)


def in_the_way(world: World) -> str:
    return obstacle(of_account(world.account), PLAN.tree, "desk")[0]


def test_numbers_count_the_day_for_all_accounts_of_a_home(world: World) -> None:
    other = World(paper_account(world.home, name="other"))
    other.clock = ManualClock(START)
    names = [incidents.new_incident(one, "x", "", "t") for one in (world, other, world)]
    other.journal.close()
    assert names == [f"CB-2026-0222-00{n}" for n in (1, 2, 3)]


def test_closing_wants_a_cause_and_a_verified_flat_account(world: World) -> None:
    one = opened(world)
    with pytest.raises(UsageError, match="has no cause"):
        incidents.close(world, one.id, "ana", None, "", "")
    with pytest.raises(Refused, match="nobody has verified"):
        incidents.close(world, one.id, "ana", Cause.CODE, "", "")
    incidents.update(world, one, "rollback", state="STABLE", missing={})
    closed = incidents.close(world, one.id, "ana", Cause.CODE, "", "off by one")
    assert (closed.state, closed.root_cause, closed.closed_by) == (State.CLOSED, Cause.CODE, "ana")
    assert closed.reason == "off by one"
    with pytest.raises(UsageError, match="has no incident that is unresolved"):
        incidents.pick(world.account, "")


@pytest.mark.parametrize(
    ("pnl_pct", "reviewed_by", "goes"),
    [("-1.99", "", True), ("-2", "", False), ("-2.4", "", False), ("-2.4", "bob", True), (None, "", False)],
)
def test_a_loss_of_two_percent_or_one_that_nobody_knows_wants_a_review(
    world: World, pnl_pct: str | None, reviewed_by: str, goes: bool
) -> None:
    one = rolled_back(world, pnl_pct)
    assert in_the_way(world) == f"{one.id} is STABLE: breaker: -3.1 %"
    incidents.close(world, one.id, "ana", Cause.INFRA, reviewed_by, "")
    assert (in_the_way(world) == "") == goes
    incidents.close(world, one.id, "ana", None, "bob", "")  # a review may come later
    assert in_the_way(world) == ""


def test_a_corrupted_database_stands_in_the_way_until_it_is_mended_however_little_was_lost(world: World) -> None:
    one = rolled_back(world, "-0.1", is_corrupted=True)
    incidents.close(world, one.id, "ana", Cause.INFRA, "bob", "")
    incidents.update(world, one, "rollback", missing={}, is_corrupted=None)  # a later stage that did not look
    assert "corrupted" in in_the_way(world)
    incidents.note_sound(world, "restore-db")
    assert in_the_way(world) == ""


def test_nobody_reviews_what_they_have_closed(world: World) -> None:
    one = rolled_back(world, "-24")
    with pytest.raises(Refused, match="another person"):
        incidents.close(world, one.id, "ana", Cause.CODE, " Ana ", "")
    incidents.close(world, one.id, "ana", Cause.CODE, "", "")
    with pytest.raises(Refused, match="another person"):
        incidents.close(world, one.id, "bob", None, "ana", "")
    reviewed = incidents.close(world, one.id, "bob", None, "bob", "")  # bob types his own review
    assert (reviewed.closed_by, reviewed.reviewed_by) == ("ana", "bob")
    assert in_the_way(world) == ""


def test_the_answer_that_was_stored_is_obeyed_whatever_the_file_says_now(world: World) -> None:
    asked = decide(PLAN.tree, Decimal("-1.5"), Cause.CODE, is_corrupted=False)
    one = rolled_back(world, "-1.5", decision=replace(asked, needs_review=True))
    incidents.close(world, one.id, "ana", Cause.CODE, "", "")
    assert "not reviewed" in in_the_way(world)


async def test_gate_0_obeys(world: World) -> None:
    scene = Scene(world, ROOT / "runbooks" / "golive.toml")
    assert (await state.incident(scene)).status is Status.PASS
    one = rolled_back(world, "-0.5")
    found = await state.incident(scene)
    assert (found.status, found.hint) == (Status.FAIL, one.next_command(world.account.name))
    incidents.close(world, one.id, "ana", Cause.MARKET, "", "")
    assert (await state.incident(scene)).status is Status.PASS


def test_pieces_done_are_remembered_until_the_rollback_has_ended(world: World) -> None:
    one = opened(world)
    for step, outcome in (("alert", "DONE"), ("snapshot-db", "NOT DONE")):
        data = {"incident": one.id, "step": step, "outcome": outcome, "detail": "x"}
        world.journal.append(Record("step_finished", data=data))
    assert of_account(world.account)[0].done == {"alert": "x"}
    incidents.update(world, one, "rollback", state="STABLE", missing={})
    assert of_account(world.account)[0].done == {}


async def advance(world: World, span: timedelta) -> None:
    assert isinstance(world.clock, ManualClock)
    await world.clock.advance(span.total_seconds())


def at(world: World) -> Clock:
    return clock(world, of_account(world.account)[-1])


@pytest.fixture
def crier(world: World) -> Crier:
    return Crier(world)


async def test_each_level_is_told_when_its_time_comes_with_its_people_and_its_decision(
    world: World, crier: Crier
) -> None:
    one = rolled_back(world, "-0.5")
    said = world.alerts.sent
    crier.tell_due(at(world))
    assert said == []  # whoever opened it tells the first level
    await advance(world, OPENERS_WORD)
    for _ in range(3):
        crier.tell_due(at(world))
    assert len(said) == 1  # nobody had
    assert said[0].incident == one.id
    assert "Dev @dev, Ops @elo: automatic rollback; tell the internal channel" in said[0].message
    await advance(world, 2 * MINUTE)
    crier.tell_due(at(world))
    assert "Dev @dev, Ops @elo, Trader @alpha: restart, or investigate deeper?" in said[1].message
    await advance(world, 8 * MINUTE)
    crier.tell_due(at(world))
    assert "C-level @exec: continue, or abort?" in said[2].message


async def test_an_ack_stops_repeats_at_its_level_and_never_the_next_level(world: World, crier: Crier) -> None:
    one = rolled_back(world, "-0.5")
    await advance(world, 3 * MINUTE)
    crier.tell_due(at(world))
    incidents.update(world, one, "ana", acked=2, by="ana")
    await advance(world, 7 * MINUTE)
    crier.tell_due(at(world))
    assert len(world.alerts.sent) == 2
    for _ in range(3):
        await advance(world, REPEAT_EVERY)
        crier.tell_due(at(world))
    assert len(world.alerts.sent) == 5
    incidents.update(world, one, "ana", acked=3, by="ana")
    await advance(world, 100 * REPEAT_EVERY)
    crier.tell_due(at(world))
    assert len(world.alerts.sent) == 5


class Deaf:
    """One channel that does with a word what it is told to."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        self.receipts: list[Receipt] = []

    def send(self, _alert: Alert) -> Receipt:
        self.receipts.append(Receipt(("slack",)))
        self.receipts[-1].record(Delivery("slack", self.fate))
        return self.receipts[-1]


async def test_a_level_counts_as_told_only_when_a_channel_took_its_word(world: World, crier: Crier) -> None:
    rolled_back(world, "-0.5")
    await advance(world, OPENERS_WORD)
    world.alerts = slack = Deaf(Fate.WAITING)
    for _ in range(3):
        crier.tell_due(at(world))
    assert len(slack.receipts) == 1  # the courier carries on with it
    assert not of_account(world.account)[-1].told
    slack.receipts[0].record(Delivery("slack", Fate.SENT))
    crier.tell_due(at(world))
    assert set(of_account(world.account)[-1].told) == {1}


async def test_a_word_that_was_refused_is_offered_again(world: World, crier: Crier) -> None:
    rolled_back(world, "-0.5")
    await advance(world, OPENERS_WORD)
    world.alerts = slack = Deaf(Fate.FAILED)
    for _ in range(3):
        crier.tell_due(at(world))
    assert len(slack.receipts) == 1
    await advance(world, SAY_AGAIN)
    slack.fate = Fate.SENT
    crier.tell_due(at(world))
    assert len(slack.receipts) == 2
    assert set(of_account(world.account)[-1].told) == {1}


async def test_a_broken_runbook_silences_nobody(world: World, crier: Crier) -> None:
    rolled_back(world, "-0.5")
    (world.home / "runbooks").unlink()
    await advance(world, 3 * MINUTE)
    crier.tell_due(at(world))
    assert "Dev, Ops, Trader: restart, or investigate deeper?" in world.alerts.sent[0].message


@given(st.integers(30, 10_000), st.sets(st.integers(1, 3)))
def test_a_level_that_was_never_told_is_told_whatever_was_acknowledged(seconds: int, acked: set[int]) -> None:
    age = timedelta(seconds=seconds)
    reached = escalation(PLAN, age)
    told = {level: timedelta() for level in range(1, reached.level)}
    assert to_tell(PLAN, age, told, acked) == reached
