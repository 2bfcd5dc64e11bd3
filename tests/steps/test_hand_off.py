"""After the hand-off a real account is watched on; a rehearsal is over."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from canary_cli.errors import ExitCode, Result
from canary_cli.journal.record import Record
from canary_cli.steps import hand_off
from canary_cli.steps.run import Outcome, Progress

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
STOPPED = Outcome("STOPPED", "breaker", Result("ROLLED_BACK", ExitCode.ROLLED_BACK))


class Watched:
    """A run whose breaker trips in the night of the third day."""

    def __init__(self, *, is_paper: bool) -> None:
        account = SimpleNamespace(is_paper=is_paper, log_dir=None)
        self.world = SimpleNamespace(account=account)
        self.progress = Progress(decisions=[Record("signal")])
        self.run_id = "run-1"
        self.now = NOON

    async def until(self, instant: datetime) -> bool:
        self.now = min(instant, NOON + timedelta(days=2, hours=11))
        return self.now == instant

    def cut_short(self) -> Outcome | None:
        return STOPPED


async def test_a_real_account_is_watched_until_something_stops_it(monkeypatch: Any) -> None:
    monkeypatch.setattr(hand_off, "_report", lambda _run, _result: "")
    run: Any = Watched(is_paper=False)

    assert await hand_off.watch_on(run) is STOPPED
    assert run.now == NOON + timedelta(days=2, hours=11)
    assert (run.progress.step, run.progress.decisions) == ("watching", [])


async def test_a_rehearsal_is_over_after_the_hand_off() -> None:
    run: Any = Watched(is_paper=True)

    assert (await hand_off.watch_on(run)).ends is None
    assert run.now == NOON
