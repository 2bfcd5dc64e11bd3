"""Candles for the tests of the signals: drawn by hand, at random, or read from the market data."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import Bars, Evaluation, SignalEngine, SignalSettings
from canary_cli.core.signals.bars import instant, milliseconds, resample

SYMBOL, TICK = "TESTUSDT", Decimal("0.01")
START = datetime(2025, 1, 1, tzinfo=UTC)
SIX = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")
Frames = Mapping[Frame, Bars]

_named = os.environ.get("CANARY_MARKET_DATA")
market_data = pytest.mark.skipif(not _named, reason="CANARY_MARKET_DATA names no folder of market data")


def data_folder() -> Path:
    return Path(os.environ["CANARY_MARKET_DATA"])


def bars_of(rows: Iterable[Sequence[float]], frame: Frame = Frame.M15, start: datetime = START) -> Bars:
    """Consecutive bars from (open, high, low, close[, volume]); volume 100 where none is given."""
    columns = np.array([(*row, 100.0)[:5] for row in rows], float).reshape(-1, 5).T
    times = milliseconds(start) + np.arange(columns.shape[1], dtype=np.int64) * int(
        frame.duration.total_seconds() * 1000
    )
    return Bars(frame, times, *columns)


def random_bars(seed: int, count: int, frame: Frame = Frame.M15, end: datetime | None = None) -> Bars:
    """A walk with wandering drift on a grid of ticks, so that equal highs and untouched levels occur."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0, 0.12, count // 40 + 1), 40)[:count]
    close = np.round(500 + np.cumsum(drift + random.standard_t(4, count) * 0.5), 1)
    open_ = np.concatenate(([500.0], close[:-1]))
    reach = np.round(np.abs(random.normal(0, 0.4, (2, count))), 1)
    high, low = np.maximum(open_, close) + reach[0], np.minimum(open_, close) - reach[1]
    step = int(frame.duration.total_seconds() * 1000)
    first = milliseconds(end) - count * step if end else milliseconds(START)
    times = first + step * np.arange(count, dtype=np.int64)
    return Bars(frame, times, open_, high, low, close, np.round(random.lognormal(5, 0.8, count), 1))


def random_frames(seed: int, decision_bars: int) -> dict[Frame, Bars]:
    """Decision bars with as much history of the longer frames as makes every one of them warm at the start."""
    walk = random_bars(seed, 255 * 96 + decision_bars)
    trends = {frame: resample(walk, frame) for frame in SignalSettings().trend_frames}
    return {Frame.M15: walk[-decision_bars - 250 :], **trends}


def candles(bars: Bars, symbol: str = SYMBOL) -> list[Candle]:
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Candle(symbol, bars.frame, instant(opened), *prices) for opened, *prices in rows]


def in_order(frames: Frames, symbol: str = SYMBOL) -> list[Candle]:
    """As a feed delivers them."""
    return by_close(candle for bars in frames.values() for candle in candles(bars, symbol))


def by_close(every: Iterable[Candle]) -> list[Candle]:
    """The longer of two that close together first."""
    return sorted(every, key=lambda candle: (candle.close_time, -candle.frame.duration))


def stream(engine: SignalEngine, feed: Iterable[Candle]) -> Iterator[Evaluation]:
    for candle in feed:
        evaluation = engine.close(candle)
        if evaluation is not None:
            yield evaluation


def without(bars: Bars, row: int) -> Bars:
    return bars[np.arange(len(bars)) != row]
