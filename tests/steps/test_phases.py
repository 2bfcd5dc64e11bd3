"""A phase that waits for people: what it holds while nobody sits there, and that it lets go again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from canary_cli.accounts import paper_account
from canary_cli.alerts import RecordedAlerts
from canary_cli.bootstrap import World
from canary_cli.core.clock import ManualClock
from canary_cli.core.policy.breaker import Breaker, Zone
from canary_cli.core.policy.gates import GateVerdict, Verdict
from canary_cli.core.policy.plan import Phase
from canary_cli.core.trading.inputs import ConditionChanged
from canary_cli.core.trading.state import Condition
from canary_cli.steps import phases
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run
from tests.docs.commands import ROOT
from tests.steps.test_deciding import Listener

NIGHT, MORNING = datetime(2026, 2, 22, 20, tzinfo=UTC), datetime(2026, 2, 23, 9, 30, tzinfo=UTC)


class Watched(Listener):
    run: Run

    def failure(self) -> None:
        return None


async def test_what_is_held_for_want_of_a_crew_goes_on_when_the_crew_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Semaphore(0)
    verdicts = [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]

    async def judge(_run: Run, _phase: Phase) -> GateVerdict:
        looked.release()
        return GateVerdict(verdicts.pop(), (), ())

    monkeypatch.setattr(phases, "judge_phase", judge)
    async with World(paper_account(tmp_path)) as world:
        world.clock, world.alerts = clock, _ = ManualClock(NIGHT), RecordedAlerts()  # type: ignore[misc]
        plan = load_plan(ROOT / "runbooks" / "golive.toml", ROOT)
        run = Run(world, plan, Path("golive.toml"), "run-7", NIGHT - timedelta(hours=3), 1)
        run.session = session = Watched(run)  # type: ignore[assignment]
        session.state = replace(session.state, reconciled=True)
        phase = plan.phase(1)
        run.progress.first_ends[1] = NIGHT - phase.max_extend
        run.progress.ends[1] = NIGHT
        waiting = asyncio.create_task(phases.hold_phase(run, phase))
        async with asyncio.timeout(20):
            for moment in (MORNING, MORNING + timedelta(hours=1)):
                await looked.acquire()
                await clock.advance((moment - clock.now()).total_seconds())
                run.wake()
            outcome = await waiting
    assert outcome.word == "PASS"
    held = [(one.name, one.holds) for one in session.posted if isinstance(one, ConditionChanged)]
    assert held == [("crew-gone", True), ("crew-gone", False), ("crew-gone", False)]


@pytest.mark.parametrize(
    "held",
    [{"conditions": {"database": Condition("away", NIGHT)}}, {"breaker": Breaker(zone=Zone.PRE_TRIP)}],
    ids=["database", "breaker"],
)
async def test_no_phase_grows_while_entries_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: dict[str, Any]
) -> None:
    looked = asyncio.Semaphore(0)

    async def judge(_run: Run, _phase: Phase) -> GateVerdict:
        looked.release()
        return GateVerdict(Verdict.WARNING, (), ())

    monkeypatch.setattr(phases, "judge_phase", judge)
    async with World(paper_account(tmp_path)) as world:
        world.clock, world.alerts = clock, alerts = ManualClock(NIGHT), RecordedAlerts()  # type: ignore[misc]
        plan = load_plan(ROOT / "runbooks" / "golive.toml", ROOT)
        run = Run(world, plan, Path("golive.toml"), "run-7", NIGHT - timedelta(hours=3), 1)
        run.session = session = Watched(run)  # type: ignore[assignment]
        well = replace(session.state, reconciled=True)
        session.state = replace(well, **held)
        run.progress.first_ends[1] = run.progress.ends[1] = NIGHT
        waiting = asyncio.create_task(phases.hold_phase(run, plan.phase(1)))
        async with asyncio.timeout(20):
            await looked.acquire()
            await asyncio.sleep(0)
            assert not waiting.done()
            session.state = well
            await clock.advance(plan.phase(1).watch.total_seconds())
            run.wake()
            assert (await waiting).word == "WARNING"
    assert len(alerts.sent) == 1
