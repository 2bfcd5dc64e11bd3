"""Once an hour a run's decisions are put to the batch engine, and the session hears how many it has otherwise."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import ManualClock
from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import Evaluation, SignalEngine, to_record
from canary_cli.core.trading.facts import PhaseEntered
from canary_cli.core.trading.inputs import Compared, Input
from canary_cli.core.trading.state import Session, Setup
from canary_cli.errors import ExchangeUnreachable
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.steps import comparing
from canary_cli.steps.comparing import Comparing
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run
from tests.core.signals.market import SYMBOL, TICK, by_close, candles, random_frames, stream
from tests.core.trading.conftest import rules
from tests.docs.commands import ROOT

HOUR = timedelta(hours=1)


class Market:
    """An exchange that knows candles, or is away."""

    def __init__(self, frames: dict[Frame, list[Candle]]) -> None:
        self.frames, self.is_away = frames, False

    async def candles(self, symbol: str, frame: Frame, limit: int, end: datetime | None = None) -> tuple[Candle, ...]:
        if self.is_away:
            raise ExchangeUnreachable("no route")
        known = [one for one in self.frames[frame] if end is None or one.close_time <= end]
        return tuple(known[-limit:])

    async def close(self) -> None: ...


class Listener:
    """A session in phase 2 that only listens."""

    def __init__(self, run: Run) -> None:
        setup = Setup(run.run_id, "c7-", run.plan, {SYMBOL: rules(SYMBOL, str(TICK), "0.001")})
        self.state = replace(Session(setup, run.now), phase=run.plan.phase(2), pairs=(SYMBOL,))
        self.posted: list[Input] = []

    def post(self, event: Input) -> None:
        self.posted.append(event)


class Story:
    """A run at the hour in which eight bars are going to be decided on, and the comparing beside it."""

    def __init__(self, run: Run, market: Market, decided: list[Evaluation], clock: ManualClock) -> None:
        self.run, self.market, self.decided, self.clock = run, market, decided, clock
        self.session = Listener(run)
        run.session = self.session  # type: ignore[assignment]
        self.comparing = Comparing(run)

    def decide(self, *evaluations: Evaluation) -> None:
        for one in evaluations:
            event = "signal" if one.is_signal else "signal_refused"
            for heard in self.run.scribe.heard:
                heard(Record(event, pair=one.symbol, data=to_record(one)))

    async def hear(self, after: timedelta) -> list[tuple[int, int | None]]:
        """What the session has heard when so much time has passed."""
        await self.clock.advance(after.total_seconds())
        await self.comparing.look()
        return [(one.compared, one.differing) for one in self.session.posted if isinstance(one, Compared)]


@pytest.fixture
async def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Story]:
    monkeypatch.setattr(comparing, "LATE", 0.0)
    monkeypatch.setattr(comparing, "BETWEEN", 0.0)
    market = {frame: candles(bars) for frame, bars in random_frames(31, 30).items()}
    feed = by_close(bar for bars in market.values() for bar in bars)
    decided = list(stream(SignalEngine(SYMBOL, TICK), feed))[-8:]
    async with World(paper_account(tmp_path)) as world:
        clock = ManualClock(decided[0].time - timedelta(minutes=1))
        world.clock, world.exchange = clock, Market(market)  # type: ignore[misc, assignment]
        plan = load_plan(ROOT / "runbooks" / "golive.toml", ROOT)
        run = Run(world, plan, Path("golive.toml"), "run-7", clock.now(), 1)
        made = Story(run, world.exchange, decided, clock)  # type: ignore[arg-type]
        await made.comparing.look()
        yield made


async def test_each_hour_is_compared_when_it_is_over_and_by_itself(story: Story) -> None:
    story.decide(*story.decided[:4])
    assert await story.hear(HOUR - timedelta(seconds=1)) == []
    assert await story.hear(timedelta(seconds=1)) == [(4, 0)]
    wrong, *right = story.decided[4:]
    story.decide(replace(wrong, confluence=wrong.confluence + 0.5), *right)
    assert await story.hear(HOUR) == [(4, 0), (4, 1)]
    (told,) = (one for one in read(story.run.world.account.log_dir) if one.event == "parity_mismatch")
    assert (told.pair, told.reason, told.data["time"]) == (SYMBOL, "confluence", wrong.time.isoformat())


async def test_a_bar_that_was_never_judged_is_one_that_differs(story: Story) -> None:
    story.decide(*story.decided[1:4])
    assert await story.hear(HOUR) == [(3, 1)]


async def test_candles_that_cannot_be_read_leave_parity_unknown_and_the_run_alone(story: Story) -> None:
    story.market.is_away = True
    story.decide(*story.decided[:4])
    assert await story.hear(HOUR) == [(4, None)]
    story.market.is_away = False
    story.decide(*story.decided[4:])
    assert await story.hear(HOUR) == [(4, None), (4, 0)]


async def test_another_phase_begins_its_own_hours(story: Story) -> None:
    story.decide(*story.decided[:2])
    await story.hear(timedelta(minutes=30))
    phase = story.run.plan.phase(3)
    story.run.scribe.write_fact(PhaseEntered(story.run.now, 3, phase.name, phase.fraction, (SYMBOL,), None))
    story.decide(*story.decided[2:4])
    assert await story.hear(timedelta(minutes=30)) == []
    story.decide(*story.decided[4:6])
    assert await story.hear(timedelta(minutes=30)) == [(4, 0)]
