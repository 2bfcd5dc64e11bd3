"""Orders and a disk that does not answer: nothing new is opened without its line, and exits are not held up by one."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from canary_cli.core.clock import SystemClock
from canary_cli.core.model import OrderType, Side
from canary_cli.core.trading.effects import Place
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.inputs import Input, Replied
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


async def answer_to(
    purpose: Purpose, disk: Callable[..., MemoryJournal], venue: Venue, may_open: Callable[[], bool] = lambda: True
) -> Replied:
    answered: asyncio.Queue[Input] = asyncio.Queue()
    clock = SystemClock()
    one = Executor(
        Twin(venue, clock), Scribe(disk(lambda: NOW), "run-1", "session"), clock, since=NOW,  # type: ignore[arg-type]
        post=answered.put_nowait, symbols=tuple, is_strange=lambda _fill: False, wallet=lambda: None,
        depth_bps=Decimal(50), may_open=may_open, reopen=lambda _: None, set_latch=lambda *_: None,
        roll_back=lambda *_: None, alert=lambda *_: None,
    )  # fmt: skip
    one.perform((Place(order(purpose)),))
    replied = await asyncio.wait_for(answered.get(), 30)
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

    assert isinstance((await answer_to(purpose, Slow, venue, lambda: False)).reply, Denied)
    assert venue.received == []


async def test_an_exit_that_waited_for_the_disk_while_trading_was_stopped_is_sent() -> None:
    venue = Venue().hold(position("BTCUSDT", "2"))

    assert isinstance((await answer_to(Purpose.EXIT, Slow, venue, lambda: False)).reply, Confirmed)
