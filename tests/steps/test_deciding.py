"""A trigger asks, a person answers with `canary keep`, and the session hears of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.alerts import RecordedAlerts
from canary_cli.bootstrap import World
from canary_cli.core.trading.facts import TriggerFired
from canary_cli.core.trading.inputs import Input, Keep
from canary_cli.core.trading.state import Session, Setup
from canary_cli.errors import Refused
from canary_cli.steps import incidents
from canary_cli.steps.deciding import Deciding, unanswered
from canary_cli.steps.incidents import Incident, State, of_account
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run
from tests.docs.commands import ROOT


class Listener:
    """A session that only listens."""

    def __init__(self, run: Run) -> None:
        self.state = Session(Setup(run.run_id, "c7-", run.plan, {}), run.now)
        self.posted: list[Input] = []

    def post(self, event: Input) -> None:
        self.posted.append(event)


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    async with World(paper_account(tmp_path)) as world:
        world.alerts = RecordedAlerts()
        plan = load_plan(ROOT / "runbooks" / "golive.toml", ROOT)
        made = Run(world, plan, Path("golive.toml"), "run-7", world.clock.now(), 1)
        made.session = Listener(made)
        Deciding(made)
        yield made


def fire(run: Run, action: str) -> None:
    level = "normal" if action == "release" else "critical"
    run.scribe.write_fact(TriggerFired(run.now, "fill rate", level, "88", "90", 50, action))


async def until(condition: object, run: Run) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await run.world.clock.pause(0.02)


def known(run: Run) -> tuple[Incident, ...]:
    return of_account(run.world.account)


async def test_a_question_opens_an_incident_and_says_how_to_answer(run: Run) -> None:
    fire(run, "investigate")
    await until(lambda: run.world.alerts.sent, run)
    (one,) = known(run)
    assert (one.state, one.trigger, one.cause) == (State.OPEN, "fill rate", "fill rate 88 beyond 90")
    (alert,) = run.world.alerts.sent
    assert alert.incident == one.id
    name = run.world.account.name
    assert f"canary keep --incident {one.id} --by NAME --reason WHY --account {name}" in alert.message
    assert f"canary rollback --account {name}, or" in alert.message


def test_a_question_says_what_becomes_of_it_by_the_hour_it_is_asked_at(run: Run) -> None:
    crew, noon = run.plan.crew, datetime(2026, 2, 22, 12, tzinfo=UTC)
    assert unanswered(crew, noon) == "rollback in 2 min"
    assert unanswered(crew, noon + timedelta(hours=9)) == "REDUCE-ONLY in 2 min, rollback in 10 min"


async def test_the_answer_reaches_the_session_and_closes_the_incident(run: Run) -> None:
    fire(run, "investigate")
    await until(lambda: run.world.alerts.sent, run)
    incidents.keep(run.world, "", "ana", "thin book, known")
    await until(lambda: run.session.posted, run)
    (answer,) = run.session.posted
    assert isinstance(answer, Keep)
    assert (answer.trigger, answer.by, answer.reason) == ("fill rate", "ana", "thin book, known")
    assert known(run)[0].state is State.CLOSED
    with pytest.raises(Refused):
        incidents.keep(run.world, known(run)[0].id, "bob", "again")


async def test_a_metric_that_is_well_again_answers_for_itself(run: Run) -> None:
    fire(run, "investigate")
    await until(lambda: run.world.alerts.sent, run)
    fire(run, "release")
    await until(lambda: known(run)[0].state is State.CLOSED, run)
    assert known(run)[0].reason == "fill rate is well again"
    assert run.session.posted == []


async def test_an_incident_of_a_decision_needs_no_review_afterwards(run: Run) -> None:
    from canary_cli.steps.plan import load_rollback

    fire(run, "investigate")
    await until(lambda: run.world.alerts.sent, run)
    tree = load_rollback(ROOT).tree
    assert "is OPEN" in incidents.obstacle(known(run), tree, "desk")[0]
    incidents.keep(run.world, "", "ana", "known")
    assert incidents.obstacle(known(run), tree, "desk") == ("", "")
    assert tree.review_below == Decimal(-2)
