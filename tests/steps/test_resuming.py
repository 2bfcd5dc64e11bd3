"""Which run goes on when `canary run` is typed again, and when a new one begins."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from canary_cli.bootstrap import World
from canary_cli.errors import PlanError
from canary_cli.journal.record import Record
from canary_cli.steps.plan import load_plan
from canary_cli.steps.resuming import Opening, open_run, standing, unfinished
from canary_cli.steps.viewing import view
from tests.core.trading.conftest import GOLIVE
from tests.steps.conftest import Home

BEGUN = Record("run_started", run_id="one", data={"plan_sha256": "a"})
ROLLED_BACK = Record("incident_updated", run_id="one", data={"state": "STABLE"})
NOT_FLAT = Record("incident_updated", run_id="one", data={"state": "OPEN"})
ENDED = Record("run_ended", run_id="one", data={"outcome": "DONE"})
OF_ANOTHER = Record("run_ended", run_id="two", data={"outcome": "DONE"})


@pytest.mark.parametrize(
    ("lines", "goes_on"),
    [
        ((BEGUN,), True),
        ((BEGUN, OF_ANOTHER), True),
        ((BEGUN, NOT_FLAT), True),
        ((BEGUN, ENDED), False),
        ((BEGUN, ROLLED_BACK), False),
        ((BEGUN, ENDED, BEGUN), True),
    ],
)
def test_a_run_goes_on_unless_it_ended_or_was_rolled_back_by_hand(lines: tuple[Record, ...], goes_on: bool) -> None:
    assert (unfinished(lines) is not None) == goes_on  # type: ignore[arg-type]


@pytest.fixture
def world(home: Home) -> World:
    home.day.journal.close()
    return home.world


def begun(world: World, asked: datetime | None, planned: datetime | None = None) -> datetime:
    plan = replace(load_plan(GOLIVE, GOLIVE.parents[1]), start=planned)
    return open_run(world, plan, GOLIVE, Opening(asked, (), 1, None)).started_at


async def test_a_run_begins_when_asked_to_else_when_its_plan_says(world: World) -> None:
    soon, later = (world.clock.now() + timedelta(hours=hours) for hours in (2, 3))
    assert begun(world, soon, later) == soon


async def test_the_plans_own_instant_counts(world: World) -> None:
    later = world.clock.now() + timedelta(hours=3)
    assert begun(world, None, later) == later


async def test_an_instant_that_has_passed_is_refused(world: World) -> None:
    with pytest.raises(PlanError, match="has passed"):
        begun(world, world.clock.now() - timedelta(hours=1))


def test_a_latch_that_a_person_lifted_while_the_run_was_not_there_stays_lifted() -> None:
    lines = [Record("latch_set", data={"source": source}) for source in ("mismatch", "foreign-order", "rollback")]
    lines.append(Record("latch_cleared", data={"sources": ["mismatch", "rollback"]}))
    lines.append(Record("latch_set", data={"source": "rollback"}))
    assert standing(lines) == {"foreign-order", "rollback"}  # type: ignore[arg-type]


async def test_a_run_that_goes_on_shows_what_its_gates_said_before(world: World) -> None:
    """A phase that had passed was shown as waiting."""
    plan = load_plan(GOLIVE, GOLIVE.parents[1])
    run = open_run(world, plan, GOLIVE, Opening(None, (), 1, None))
    for phase, verdict in ((0, "GO"), (1, "INCONCLUSIVE"), (1, "WARNING")):
        run.scribe.write("gate", data={"phase": phase, "verdict": verdict, "checks": []}, status=verdict)
    again = open_run(world, plan, GOLIVE, Opening(None, (), 2, None))
    assert [line.status for line in view(again, (), "").phases] == ["warned", "waiting", "waiting"]
