"""After the hand-off a real account is watched on; a rehearsal is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from canary_cli.core.model import (
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    AlgoStatus,
    Balance,
    OrderType,
    Position,
    Side,
)
from canary_cli.errors import ExchangeUnreachable, ExitCode, Result
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


class Answers:
    """An exchange that answers with these, one after the other; the last for ever."""

    def __init__(self, *answers: AccountSnapshot | ExchangeUnreachable) -> None:
        self.answers = list(answers)

    async def snapshot(self) -> AccountSnapshot:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ExchangeUnreachable):
            raise answer
        return answer


HELD = Position("BTCUSDT", Decimal(1), Decimal(100), Decimal(100))
STOP = AlgoOrder(1, "s", "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, AlgoStatus.NEW, Decimal(90), close_position=True)
MODE = AccountMode(hedge=False, multi_assets=False)
NAKED = AccountSnapshot(NOON, Balance(*[Decimal(1000)] * 4), MODE, (HELD,))
GUARDED = replace(NAKED, algo_orders=(STOP,))


async def test_a_hand_off_asks_again_what_was_not_answered_and_waits_for_a_stop_that_is_on_its_way() -> None:
    """Either ended the run, with everything open and nobody watching any more."""
    run: Any = Watched(is_paper=False)
    run.world.exchange = Answers(ExchangeUnreachable("away"), NAKED, GUARDED)
    assert (await hand_off.hand_off(run)).ends is None


async def test_a_hand_off_fails_where_a_position_stays_without_a_stop_and_ends_when_the_run_does() -> None:
    run: Any = Watched(is_paper=False)
    run.world.exchange = Answers(NAKED)
    assert (await hand_off.hand_off(run)).detail == "no stop rests for BTCUSDT"
    run = Watched(is_paper=False)
    run.world.exchange = Answers(ExchangeUnreachable("away"))
    assert await hand_off.hand_off(run) is STOPPED
