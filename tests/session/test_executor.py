"""What an executor waits for and what it does not: the disk for what adds risk, the rate for what may be read later."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from canary_cli.core.binance.unreachable import ReadsThrottled
from canary_cli.core.clock import ManualClock, SystemClock
from canary_cli.core.model import AccountSnapshot, Fill, Order, OrderType, Side
from canary_cli.core.trading.effects import Effect, Place, QueryOrder, ReadAccount
from canary_cli.core.trading.events import AccountRead, ReadFailed
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.inputs import Input, QueryAnswered, Replied
from canary_cli.core.trading.replies import Confirmed, Denied
from canary_cli.session import executor
from canary_cli.session.executor import Executor
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.journal import MemoryJournal
from tests.core.trading.venue import Venue, position
from tests.session.twin import Twin

NOW = datetime(2026, 2, 22, 10, tzinfo=UTC)


class Hanging(MemoryJournal):
    """A disk that takes lines and never brings one down."""

    async def durable(self) -> None:
        await asyncio.Event().wait()


class Failing(MemoryJournal):
    async def durable(self) -> None:
        raise OSError(5, "Input/output error")


def order(purpose: Purpose) -> Intended:
    side = Side.BUY if purpose.adds_risk else Side.SELL
    return Intended(f"c1-1-{purpose}", "BTCUSDT", side, Decimal(2), OrderType.MARKET, purpose, NOW, Decimal(100),
                    reduce_only=not purpose.adds_risk)  # fmt: skip


class Slow(MemoryJournal):
    """A disk that takes its time over each line."""

    async def durable(self) -> None:
        await asyncio.sleep(0.05)


def an_executor(twin: Twin, answered: asyncio.Queue[Input], disk: Callable[..., MemoryJournal] = MemoryJournal,
                **asked: Callable[[], Any]) -> Executor:  # fmt: skip
    """Of a session that may open and presses nothing, unless it is `asked` otherwise."""
    told = {"may_open": lambda: True, "is_pressing": lambda: False, "wallet": lambda: None, **asked}
    return Executor(
        twin, Scribe(disk(lambda: NOW), "run-1", "session"), twin.clock, since=NOW,  # type: ignore[arg-type]
        post=answered.put_nowait, symbols=lambda: ("BTCUSDT",), is_strange=lambda _: False, depth_bps=Decimal(50),
        reopen=lambda _: None, set_latch=lambda *_: None, roll_back=lambda *_: None, alert=lambda *_: None, **told,
    )  # fmt: skip


async def answer(twin: Twin, *effects: Effect, disk: Callable[..., MemoryJournal] = MemoryJournal,
                 may_open: bool = True, is_pressing: bool = False) -> Input:  # fmt: skip
    """What an executor that is asked for `effects` tells the session first."""
    answered: asyncio.Queue[Input] = asyncio.Queue()
    one = an_executor(twin, answered, disk, may_open=lambda: may_open, is_pressing=lambda: is_pressing)
    one.perform(effects)
    return await asyncio.wait_for(answered.get(), 5)


async def answer_to(
    purpose: Purpose, disk: Callable[..., MemoryJournal], venue: Venue, *, may_open: bool = True
) -> Replied:
    replied = await answer(Twin(venue, SystemClock()), Place(order(purpose)), disk=disk, may_open=may_open)
    assert isinstance(replied, Replied)
    return replied


@pytest.mark.parametrize("disk", [Hanging, Failing])
@pytest.mark.parametrize("purpose", [Purpose.ENTRY, Purpose.PROBE])
async def test_an_order_that_adds_risk_is_not_sent_without_its_line_on_disk(
    purpose: Purpose, disk: Callable[..., MemoryJournal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "WRITTEN_WITHIN", 0.05)
    venue = Venue()

    assert isinstance((await answer_to(purpose, disk, venue)).reply, Denied)
    assert venue.received == []


@pytest.mark.parametrize("disk", [Hanging, Failing])
async def test_an_exit_goes_whatever_the_disk_does(
    disk: Callable[..., MemoryJournal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "WRITTEN_WITHIN", 0.05)
    venue = Venue().hold(position("BTCUSDT", "2"))

    assert isinstance((await answer_to(Purpose.EXIT, disk, venue)).reply, Confirmed)
    assert [request.client_id for request in venue.received] == ["c1-1-exit"]


async def test_an_order_whose_line_is_written_in_time_is_sent() -> None:
    venue = Venue().hold(position("BTCUSDT", "-2"))

    assert isinstance((await answer_to(Purpose.ENTRY, MemoryJournal, venue)).reply, Confirmed)
    assert [request.client_id for request in venue.received] == ["c1-1-entry"]


@pytest.mark.parametrize("purpose", [Purpose.ENTRY, Purpose.PROBE])
async def test_an_entry_that_waited_for_the_disk_while_trading_was_stopped_is_not_sent(purpose: Purpose) -> None:
    """Otherwise it would open a position that a rollback, quicker than the disk, has just called flat."""
    venue = Venue()

    assert isinstance((await answer_to(purpose, Slow, venue, may_open=False)).reply, Denied)
    assert venue.received == []


async def test_an_exit_that_waited_for_the_disk_while_trading_was_stopped_is_sent() -> None:
    venue = Venue().hold(position("BTCUSDT", "2"))

    assert isinstance((await answer_to(Purpose.EXIT, Slow, venue, may_open=False)).reply, Confirmed)


@pytest.mark.parametrize("is_pressing", [True, False])
async def test_a_reading_takes_what_is_kept_for_exits_as_a_whole_or_not_at_all(is_pressing: bool) -> None:
    """Half of one that was spent, and the other half refused, told nothing: each second the next took as much again."""
    twin = Twin(Venue(), SystemClock())

    assert isinstance(await answer(twin, ReadAccount("a look"), is_pressing=is_pressing), AccountRead)
    assert twin.urgent == [is_pressing] * 3


class Throttled(Twin):
    async def trades(self, *_: object, **__: object) -> tuple[Fill, ...]:
        raise ReadsThrottled("asks for quiet", 42.0)


async def test_a_reading_that_was_refused_for_its_rate_says_how_long_that_lasts() -> None:
    failed = await answer(Throttled(Venue(), SystemClock()), ReadAccount("a look"))
    assert isinstance(failed, ReadFailed) and failed.retry_after == 42.0


class Garbled(Twin):
    """Answers with what our client does not understand."""

    async def snapshot(self, **_: object) -> AccountSnapshot:
        raise KeyError("positionAmt")

    async def order(self, *_: object, **__: object) -> Order | None:
        raise ValueError("'NEW_ADL' is not a valid OrderStatus")


@pytest.mark.parametrize("effect", [ReadAccount("a look"), QueryOrder("c1-1-exit", "BTCUSDT", 0.0)])
async def test_an_answer_that_nobody_understands_is_none_and_is_asked_for_again(effect: Effect) -> None:
    """Swallowed, it would leave an exit without an answer for ever, and every later one of its pair unsent."""
    told = await answer(Garbled(Venue(), SystemClock()), effect)
    assert isinstance(told, ReadFailed) or (isinstance(told, QueryAnswered) and not told.answered)


async def test_a_reading_that_is_wanted_now_does_not_wait_for_one_that_is_put_off() -> None:
    """After a refusal the next look is a minute away; what an exit has left is wanted at once."""
    twin = Twin(Venue(), SystemClock())
    put_off, now = ReadAccount("again, after: asks for quiet", 60.0), ReadAccount("the exit before left a rest")

    assert isinstance(await answer(twin, put_off, now), AccountRead)
    assert len(twin.urgent) == 3, "one reading for both: the account, its trades, its transfers"


async def test_a_reading_that_is_wanted_now_waits_for_the_one_under_way_and_not_for_the_next_put_off_one() -> None:
    twin, answered = Twin(Venue(), ManualClock(NOW), latency=1.0), asyncio.Queue[Input]()
    one = an_executor(twin, answered)
    one.perform((ReadAccount("a look"),))
    await twin.clock.advance(0.5)
    one.perform((ReadAccount("an exit was refused", 2.5), ReadAccount("the exit before left a rest")))
    await twin.clock.advance(3.0)
    assert len(twin.urgent) == 4, "three lists make one, and the next has begun"


async def test_a_reading_that_the_end_cuts_short_has_no_successor() -> None:
    twin, answered = Twin(Venue(), ManualClock(NOW), latency=10.0), asyncio.Queue[Input]()
    one = an_executor(twin, answered)
    one.perform((ReadAccount("a look"),))
    await twin.clock.advance(0.5)
    one.perform((ReadAccount("the exit before left a rest"),))
    await one.finish(within=0.01)
    await twin.clock.advance(30)
    assert len(twin.urgent) == 1


async def test_transfers_are_asked_for_each_minute_and_whenever_the_wallet_is_not_ours() -> None:
    twin, answered = Twin(Venue(), ManualClock(NOW)), asyncio.Queue[Input]()
    ours = [twin.venue.snapshot().balance.wallet]
    one = an_executor(twin, answered, wallet=lambda: ours[0])

    async def asked() -> int:
        before = twin.incomes
        one.perform((ReadAccount("a look"),))
        await asyncio.wait_for(answered.get(), 5)
        return twin.incomes - before

    assert [await asked(), await asked()] == [1, 0]
    await twin.clock.advance(60)
    assert [await asked(), await asked()] == [1, 0]
    ours[0] -= 1
    assert await asked() == 1
