"""Market in: history by REST, live candles by stream, gaps mended by REST, and each closed decision bar judged once."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from canary_cli.core.clock import Clock
from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import Holding, SignalEngine, SignalSettings
from canary_cli.core.trading.events import CandleClosed, MarketEvent, Stream, StreamUp
from canary_cli.core.trading.inputs import Decided, Input
from canary_cli.errors import CanaryError
from canary_cli.session.exchange import Market

HISTORY = 498
"""Candles of each frame to warm up with: twice what a component needs, at the price of one small request."""

PATIENCE = 2.0
"""Wall seconds to wait for the longer candles that close together with a decision candle before asking REST."""

NOTHING_JUDGED: Mapping[str, datetime] = {}

CONCURRENT = 8
"""Requests under way at once while warming up."""


class Feed:
    """Feeds one engine a pair. `holding` tells what the session holds of a pair; `post` takes what was decided."""

    def __init__(
        self,
        market: Market,
        clock: Clock,
        engines: dict[str, SignalEngine],
        settings: SignalSettings,
        *,
        post: Callable[[Input], None],
        holding: Callable[[str], Holding],
    ) -> None:
        self._market = market
        self._clock = clock
        self._engines = engines
        self._settings = settings
        self._post = post
        self._holding = holding
        self._frames = _longest_first({settings.decision_frame, *settings.trend_frames})
        self._last: dict[tuple[str, Frame], datetime] = {}
        self._waiting: dict[str, dict[Frame, Candle]] = {symbol: {} for symbol in engines}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def frames(self) -> Sequence[Frame]:
        return self._frames

    async def warm(self, judged: Mapping[str, datetime] = NOTHING_JUDGED) -> None:
        """Load every pair's history. Raises ExchangeUnreachable when it cannot be read.

        `judged` names the last bar of a pair that was judged before a restart: those that closed since are judged now.
        """
        gate = asyncio.Semaphore(CONCURRENT)

        async def one(symbol: str) -> None:
            async with gate:
                candles = await self._closed(symbol, lambda _: HISTORY)
            self._take_history(symbol, candles, judged.get(symbol))

        await asyncio.gather(*(one(symbol) for symbol in self._engines))

    def _take_history(self, symbol: str, candles: list[Candle], judged: datetime | None) -> None:
        known = [candle for candle in candles if judged is None or candle.close_time <= judged]
        missed = [candle for candle in candles if judged is not None and candle.close_time > judged]
        self._engines[symbol].warm({frame: [c for c in known if c.frame is frame] for frame in self._frames})
        self._last |= {(symbol, candle.frame): candle.close_time for candle in known}
        for candle in _in_time(missed):
            self._feed(candle)

    async def _closed(self, symbol: str, limit: Callable[[Frame], int]) -> list[Candle]:
        """Every frame as it stood at one instant: a bar closing between two questions would be there in one only."""
        now = self._clock.now()
        pages = [await self._market.candles(symbol, frame, limit(frame)) for frame in self._frames]
        return [candle for page in pages for candle in page if candle.close_time <= now]

    def take(self, event: MarketEvent) -> None:
        """Pass an event of the market stream on; candles go through the engine first."""
        match event:
            case CandleClosed(candle=candle) if candle.symbol in self._engines:
                self._take_candle(candle)
            case StreamUp(stream=Stream.MARKET):
                self._post(event)
                self._start(self._mend_all())
            case _:
                self._post(event)

    def _take_candle(self, candle: Candle) -> None:
        """Hold a candle until every longer one closing at the same instant is there, then feed them longest first."""
        if not self._is_news(candle):
            return
        self._waiting[candle.symbol][candle.frame] = candle
        if self._is_complete(candle.symbol):
            self._take_complete(candle.symbol)
        elif candle.frame is self._settings.decision_frame:
            self._start(self._wait_then_mend(candle))

    def _is_complete(self, symbol: str) -> bool:
        waiting = self._waiting[symbol]
        decision = waiting.get(self._settings.decision_frame)
        return decision is not None and all(frame in waiting for frame in self._due(decision.close_time))

    def _due(self, instant: datetime) -> list[Frame]:
        return [frame for frame in self._frames if frame.floor(instant) == instant]

    def _take_complete(self, symbol: str) -> None:
        """A gap in one frame holds up all: a longer candle fed before what is missing would be ahead of that."""
        if any(map(self._is_ahead, self._waiting[symbol].values())):
            self._start(self._mend(symbol))
        else:
            self._feed_waiting(symbol)

    def _feed_waiting(self, symbol: str) -> None:
        waiting, self._waiting[symbol] = self._waiting[symbol], {}
        for frame in self._frames:
            if frame in waiting:
                self._feed(waiting[frame])

    def _is_news(self, candle: Candle) -> bool:
        return candle.close_time > self._last.get((candle.symbol, candle.frame), candle.open_time)

    def _is_ahead(self, candle: Candle) -> bool:
        last = self._last.get((candle.symbol, candle.frame))
        return last is not None and candle.open_time > last

    def _feed(self, candle: Candle) -> None:
        """What REST does not have either stays a gap, and the engine refuses until it is warm again."""
        self._last[(candle.symbol, candle.frame)] = candle.close_time
        engine = self._engines[candle.symbol]
        evaluation = engine.close(candle, self._holding(candle.symbol))
        if evaluation is not None:
            self._post(Decided(self._clock.now(), evaluation, engine.signal(evaluation)))

    async def _wait_then_mend(self, candle: Candle) -> None:
        await self._clock.pause(PATIENCE)
        if self._waiting[candle.symbol].get(candle.frame) is candle:
            await self._mend(candle.symbol)

    async def _mend_all(self) -> None:
        await asyncio.gather(*(self._mend(symbol) for symbol in self._engines))

    async def _mend(self, symbol: str) -> None:
        """Fetch what the stream did not bring and feed it in the order of time, longest candle first.

        What the stream brings meanwhile, or our clock does not yet call closed, waits and comes after it.
        """
        try:
            candles = await self._closed(symbol, lambda frame: self._missing(symbol, frame))
        except CanaryError:
            return  # the next candle shows the gap again
        for candle in filter(self._is_news, _in_time(candles)):
            self._feed(candle)
        self._waiting[symbol] = {f: candle for f, candle in self._waiting[symbol].items() if self._is_news(candle)}
        if self._is_complete(symbol):
            self._feed_waiting(symbol)

    def _missing(self, symbol: str, frame: Frame) -> int:
        """How many candles to ask for: what has closed since the last one known, and one to spare."""
        last = self._last.get((symbol, frame))
        return HISTORY if last is None else min(HISTORY, int((self._clock.now() - last) / frame.duration) + 2)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()


def _in_time(candles: Iterable[Candle]) -> list[Candle]:
    """In the order of their closes; of those that close together the longest first."""
    return sorted(candles, key=lambda candle: (candle.close_time, -candle.frame.duration))


def _longest_first(frames: set[Frame]) -> tuple[Frame, ...]:
    return tuple(sorted(frames, key=lambda frame: frame.duration, reverse=True))
