"""What the picture of a run says when the run has ended: what nobody watches any more, and what its gate said."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import ManualClock
from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.core.policy.gates import GateVerdict, Verdict
from canary_cli.core.trading.state import Held, Session, Setup
from canary_cli.session.view import RunView
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run
from canary_cli.steps.watching import Watch
from tests.docs.commands import ROOT
from tests.render.views import check

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
JUDGED = check("latency_p95", "212.4", "<", "500", Verdict.PASS)


class Screen:
    """The last picture that was shown."""

    picture: RunView

    def show(self, picture: RunView) -> None:
        self.picture = picture

    def tell(self, _record: Any) -> None: ...


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    """In its third phase, with one position open and a breaker of its own."""
    plan = replace(load_plan(ROOT / "runbooks" / "golive.toml", ROOT), breaker=BreakerLimits(Decimal(-1), Decimal(-2)))
    async with World(paper_account(tmp_path)) as world:
        world.clock = ManualClock(NOON)  # type: ignore[misc]
        run = Run(world, plan, Path("golive.toml"), "run-7", NOON, 1)
        held = {"BTCUSDT": Held("BTCUSDT", Decimal(1), Decimal(100), NOON)}
        state = Session(Setup("run-7", "cb-1-", plan, {}), NOON, held=held, phase=plan.phase(3))
        run.session = SimpleNamespace(state=state)  # type: ignore[assignment]
        yield run


def shown(run: Run) -> RunView:
    screen: Any = Screen()
    Watch(run, screen).close()
    picture: RunView = screen.picture
    return picture


async def test_a_run_that_ended_says_that_only_stops_guard_what_it_left_open(run: Run) -> None:
    run.progress.ended = "INTERRUPTED"
    picture = shown(run)
    assert (picture.headline, picture.why) == (
        "STOPPED",
        "run ended: INTERRUPTED; 1 open positions have only their resting stops",
    )


async def test_a_run_that_ended_shows_what_its_gate_judged_and_not_what_is_measured_after_it(run: Run) -> None:
    run.progress.verdicts[3] = GateVerdict(Verdict.PASS, (JUDGED,), ())
    assert JUDGED not in shown(run).checks
    run.progress.ended = "DONE"
    assert shown(run).checks == (JUDGED,)


async def test_the_breakers_lines_are_those_of_the_plan(run: Run) -> None:
    assert shown(run).limits == BreakerLimits(Decimal(-1), Decimal(-2))
