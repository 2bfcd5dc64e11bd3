"""The feed: history first, longer candles first, and after a restart every bar that closed meanwhile is judged."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from canary_cli.core.clock import ManualClock
from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import FLAT, SignalEngine, SignalSettings
from canary_cli.core.trading.events import CandleClosed, Stream, StreamUp
from canary_cli.core.trading.inputs import Decided, Input
from canary_cli.session.feed import Feed

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)


class Recorded:
    """A market that knows every candle that has closed by its clock's time; prices wander a little."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.asked: list[tuple[Frame, int]] = []

    async def candles(self, symbol: str, frame: Frame, limit: int, end: datetime | None = None) -> tuple[Candle, ...]:
        self.asked.append((frame, limit))
        newest = frame.floor(self.clock.now()) - frame.duration
        return tuple(candle(symbol, frame, newest - frame.duration * back) for back in range(limit - 1, -1, -1))


def candle(symbol: str, frame: Frame, opened: datetime) -> Candle:
    price = 100.0 + int(opened.timestamp()) // 900 % 7
    return Candle(symbol, frame, opened, price, price + 2, price - 2, price + 1, 10.0)


def a_feed(clock: ManualClock) -> tuple[Feed, list[Input], Recorded]:
    told: list[Input] = []
    market: Any = Recorded(clock)
    engines = {"BTCUSDT": SignalEngine("BTCUSDT", Decimal("0.1"))}
    feed = Feed(market, clock, engines, SignalSettings(), post=told.append, holding=lambda _symbol: FLAT)
    return feed, told, market


def judged(told: Sequence[Input]) -> list[datetime]:
    return [event.evaluation.time for event in told if isinstance(event, Decided)]


async def test_history_is_taken_in_without_a_word() -> None:
    feed, told, _ = a_feed(ManualClock(NOON))

    await feed.warm()

    assert told == []


async def test_after_a_restart_the_bars_that_closed_meanwhile_are_judged_in_order() -> None:
    feed, told, _ = a_feed(ManualClock(NOON))

    await feed.warm({"BTCUSDT": NOON - timedelta(minutes=60)})

    assert judged(told) == [NOON - timedelta(minutes=m) for m in (45, 30, 15, 0)]
    assert all(event.evaluation.reason not in ("gap", "warmup") for event in told if isinstance(event, Decided))


async def test_a_decision_waits_for_the_longer_candles_that_close_with_it() -> None:
    clock = ManualClock(NOON)
    feed, told, _ = a_feed(clock)
    await feed.warm()
    await clock.advance(3600)

    for opened in (NOON, NOON + timedelta(minutes=15), NOON + timedelta(minutes=30)):
        feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.M15, opened)))
    feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.M15, NOON + timedelta(minutes=45))))
    before = judged(told)
    feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.H1, NOON)))

    assert len(before) == 3
    assert judged(told)[-1] == NOON + timedelta(hours=1)


async def test_what_the_stream_lost_is_fetched_and_judged_without_asking_for_more_than_was_missed() -> None:
    clock = ManualClock(NOON)
    feed, told, market = a_feed(clock)
    await feed.warm()
    market.asked.clear()
    await clock.advance(2700)

    feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.M15, NOON + timedelta(minutes=30))))
    await clock.advance(1)

    assert judged(told) == [NOON + timedelta(minutes=m) for m in (15, 30, 45)]
    assert max(limit for _, limit in market.asked) <= 5


async def test_what_was_lost_is_judged_before_the_longer_candle_that_came_after_it() -> None:
    clock = ManualClock(NOON)
    feed, told, _ = a_feed(clock)
    await feed.warm()
    await clock.advance(3600)

    feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.H1, NOON)))
    feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.M15, NOON + timedelta(minutes=45))))
    await clock.advance(1)

    assert judged(told) == [NOON + timedelta(minutes=m) for m in (15, 30, 45, 60)]
    assert {event.evaluation.reason for event in told if isinstance(event, Decided)}.isdisjoint({"gap", "warmup"})


async def test_a_candle_that_closes_while_the_lost_ones_are_fetched_is_judged_after_them() -> None:
    clock = ManualClock(NOON)
    feed, told, _ = a_feed(clock)
    await feed.warm()
    await clock.advance(1800)

    feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.M15, NOON + timedelta(minutes=15))))
    feed.take(CandleClosed(clock.now(), candle("BTCUSDT", Frame.M15, NOON + timedelta(minutes=30))))
    await clock.advance(1)

    assert judged(told) == [NOON + timedelta(minutes=m) for m in (15, 30, 45)]


async def test_a_bar_that_closed_between_the_history_and_the_first_connection_is_judged_at_that() -> None:
    """The next candle would show the gap a quarter of an hour later, when nobody may trade on it any more."""
    clock = ManualClock(NOON - timedelta(seconds=1))
    feed, told, _ = a_feed(clock)
    await feed.warm()
    await clock.advance(2)

    feed.take(StreamUp(clock.now(), Stream.MARKET))
    await clock.advance(1)

    assert judged(told) == [NOON]
