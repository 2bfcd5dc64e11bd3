"""Candles as whole numbers in arrays: prices in ticks, volumes in steps, times in seconds since the epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from canary_cli.paper.market.model import Kline
from canary_cli.paper.market.units import Units

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE, TRADES = range(8)  # the last two where `with_flow` added them
DAY = 86_400
MINUTE = 60

INTERVALS = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
    "1M": 31 * DAY,
}
_MONDAY = 4 * DAY  # the epoch began on a Thursday, weeks begin on Mondays


def candle_open(times: Integers, interval: str) -> Integers:
    """Open time of the candle of `interval` that contains each time."""
    if interval == "1M":
        months = times.astype("datetime64[s]").astype("datetime64[M]")
        return months.astype("datetime64[s]").astype(np.int64)
    shift = _MONDAY if interval == "1w" else 0
    length = INTERVALS[interval]
    return (times - shift) // length * length + shift


def next_open(opened: int, interval: str) -> int:
    """When the candle that opened at `opened` is over, which is when the next one opens."""
    if interval != "1M":
        return opened + INTERVALS[interval]
    return int(candle_open(np.array([opened + 31 * DAY]), "1M")[0])


@dataclass(frozen=True, slots=True)
class Layer:
    """Consecutive candles of one length (`seconds`), six columns: time, open, high, low, close, volume."""

    seconds: int
    bars: Integers

    @property
    def start(self) -> int:
        return int(self.bars[0, TIME])

    @property
    def end(self) -> int:
        return int(self.bars[-1, TIME]) + self.seconds


def resample(bars: Integers, interval: str) -> Integers:
    """Join candles, with whatever summable columns follow the volume, into those of a longer interval."""
    buckets = candle_open(bars[:, TIME], interval)
    first = np.flatnonzero(np.r_[True, buckets[1:] != buckets[:-1]])
    last = np.r_[first[1:], len(bars)] - 1
    return np.column_stack(
        (
            buckets[first],
            bars[first, OPEN],
            np.maximum.reduceat(bars[:, HIGH], first),
            np.minimum.reduceat(bars[:, LOW], first),
            bars[last, CLOSE],
            np.add.reduceat(bars[:, VOLUME:], first, axis=0),
        )
    )


def with_flow(bars: Integers, trade_steps: int) -> Integers:
    """Add what a candle implies of its flow: four times the quote volume, trades, taker volume, four times its quote.

    Quote volume is at the mean of open, high, low and close. Takers bought more in a candle that rose: half of the
    volume, and up to a quarter more or less by where it closed in its range.
    """
    opened, high, low, close, volume = (bars[:, column] for column in (OPEN, HIGH, LOW, CLOSE, VOLUME))
    fourfold = opened + high + low + close
    lean = (close - opened) / np.maximum(high - low, 1)
    taker = np.rint(volume * (0.5 + 0.25 * lean)).astype(np.int64)
    trades = -(-volume // trade_steps)
    return np.column_stack((bars, fourfold * volume, trades, taker, fourfold * taker))


def stack(layers: Sequence[Layer], interval: str, since: int, until: int, limit: int | None) -> Integers:
    """The base candles from which those of `interval` that open in [since, until] are joined.

    Layers come finest first; each instant is told by the finest layer that reaches back to it and divides `interval`.
    With `limit` no more than the last so many candles of `interval` are wanted.
    """
    usable = [layer for layer in layers if len(layer.bars) and INTERVALS[interval] % layer.seconds == 0]
    if not usable:
        return np.empty((0, 6), dtype=np.int64)
    end = min(until + INTERVALS[interval], usable[0].end)
    if limit is not None:
        since = max(since, end - (limit + 1) * INTERVALS[interval])
    parts = []
    for layer in usable:
        whole = int(candle_open(np.array([layer.start + INTERVALS[interval] - 1]), interval)[0])
        start = max(whole, since)
        if start < end:
            times = layer.bars[:, TIME]
            parts.append(layer.bars[np.searchsorted(times, start) : np.searchsorted(times, end)])
            end = start
    return np.concatenate(parts[::-1]) if parts else np.empty((0, 6), dtype=np.int64)


def to_klines(bars: Integers, interval: str, units: Units) -> list[Kline]:
    """Candles with flow, as `with_flow` and `resample` left them, in the exchange's fields."""
    return [
        Kline(
            opened * 1000,
            units.price(open_),
            units.price(high),
            units.price(low),
            units.price(close),
            units.quantity(volume),
            next_open(opened, interval) * 1000 - 1,
            units.quote(quote),
            trades,
            units.quantity(taker),
            units.quote(taker_quote),
        )
        for opened, open_, high, low, close, volume, quote, trades, taker, taker_quote in bars.tolist()
    ]


def closings(after: int, until: int, interval: str) -> Iterator[tuple[int, int]]:
    """(open, close) of the candles that close in (after, until], in order."""
    opened = int(candle_open(np.array([after]), interval)[0])
    while (closed := next_open(opened, interval)) <= until:
        yield opened, closed
        opened = closed
