"""Closed candles as columns, and where their unbroken runs begin and end."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from canary_cli.core.model import Candle, Frame

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bars:
    """Columns of one pair and frame, oldest first. `open_time` is int64 milliseconds since the epoch, UTC."""

    frame: Frame
    open_time: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @classmethod
    def of(cls, frame: Frame, candles: Sequence[Candle]) -> "Bars":
        times = np.array([milliseconds(candle.open_time) for candle in candles], np.int64)
        prices = np.array([(c.open, c.high, c.low, c.close, c.volume) for c in candles], np.float64).reshape(-1, 5)
        return cls(frame, times, *(np.ascontiguousarray(column) for column in prices.T))

    def __len__(self) -> int:
        return len(self.open_time)

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> "Bars":
        prices = (self.open, self.high, self.low, self.close, self.volume)
        return Bars(self.frame, self.open_time[rows], *(column[rows] for column in prices))

    @property
    def step(self) -> int:
        """Milliseconds from one bar to the next."""
        return int(self.frame.duration.total_seconds() * 1000)

    def usable(self) -> "Bars":
        """Without the rows that `is_usable` refuses, and without those not younger than the row before."""
        prices = np.stack([self.open, self.high, self.low, self.close])
        with np.errstate(invalid="ignore"):
            sound = np.isfinite(prices).all(0) & np.isfinite(self.volume) & (self.volume >= 0) & (self.low > 0)
            sound &= (self.low <= np.minimum(self.open, self.close)) & (self.high >= np.maximum(self.open, self.close))
        kept = self if sound.all() else self[sound]
        older = kept.open_time[1:] <= np.maximum.accumulate(kept.open_time)[:-1] if len(kept) else np.zeros(0, bool)
        return kept[np.concatenate(([True], ~older))] if older.any() else kept

    def runs(self) -> Iterator[slice]:
        """Stretches without a missing bar. Call on usable bars."""
        if not len(self):
            return
        breaks = np.flatnonzero(np.diff(self.open_time) != self.step) + 1
        edges = [0, *breaks.tolist(), len(self)]
        yield from (slice(start, stop) for start, stop in pairwise(edges))


def is_usable(candle: Candle) -> bool:
    """Finite, positive and in order. Anything else counts as a bar that never came."""
    return (
        0 < candle.low <= candle.open <= candle.high < math.inf
        and candle.low <= candle.close <= candle.high
        and 0 <= candle.volume < math.inf
    )


def milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def instant(milliseconds_since_epoch: int) -> datetime:
    return datetime.fromtimestamp(milliseconds_since_epoch / 1000, UTC)


def resample(bars: Bars, frame: Frame) -> Bars:
    """Longer candles out of shorter ones, aligned to UTC; a bucket counts only if all its sub-bars are present."""
    target = int(frame.duration.total_seconds() * 1000)
    bucket = bars.open_time // target
    first = np.flatnonzero(np.diff(bucket, prepend=-1))
    whole = np.diff(first, append=len(bars)) == target // bars.step
    if not whole.any():
        return Bars.of(frame, ())
    last = np.append(first[1:], len(bars)) - 1
    every = Bars(
        frame,
        bucket[first] * target,
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.add.reduceat(bars.volume, first),
    )
    return every[whole]
