"""A stretch of one pair's path: fifteen minutes of prices on the grid, with shocks applied, and its candles."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from canary_cli.paper.market.bars import MINUTE, Integers
from canary_cli.paper.market.shocks import Shocks
from canary_cli.paper.market.source import Source
from canary_cli.paper.market.units import MARK_PARTS

STRETCH = 900  # seconds; divides every interval of candles from 15 minutes up
_MARK_SECONDS = 3  # mark price: mean of the last price over so long


class Raw(NamedTuple):
    """The path before shocks. `tail`: the prices before it that its first marks need, oldest first."""

    symbol: str
    times: Integers
    last: Integers
    volume: Integers
    tail: Integers
    basis: float


@dataclass(frozen=True)
class Stretch:
    """Prices in ticks, marks and indices in hundredths of a tick, volumes in steps: one each for every `times`."""

    times: Integers
    last: Integers
    volume: Integers
    marks: Integers
    indices: Integers

    @property
    def start(self) -> int:
        return int(self.times[0])

    @cached_property
    def columns(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Last, mark, index and volume as lists, which are quicker to take one from."""
        return self.last.tolist(), self.marks.tolist(), self.indices.tolist(), self.volume.tolist()

    def candles(self, count: int | None = None) -> Integers:
        """One-minute candles of its first `count` instants; the last of them may be running."""
        count = len(self.times) if count is None else count
        first = np.flatnonzero(self.times[:count] % MINUTE == 0)
        ends = np.r_[first[1:], count] - 1
        return np.column_stack(
            (
                self.times[first],
                self.last[first],
                np.maximum.reduceat(self.last[:count], first),
                np.minimum.reduceat(self.last[:count], first),
                self.last[ends],
                np.add.reduceat(self.volume[:count], first),
            )
        )


def draw(source: Source, symbol: str, start: int, grid: int, tail: Integers | None) -> Raw:
    """The path of the fifteen minutes from `start`, or of what is recorded of them."""
    end = start + STRETCH if source.end is None else min(start + STRETCH, source.end)
    last, volume = source.path(symbol, start, end, grid)
    before = np.full(_memory(grid), last[0]) if tail is None else tail
    return Raw(symbol, np.arange(start, end, grid), last, volume, before, source.funding_rate(symbol, start))


def shaken(raw: Raw, shocks: Shocks, grid: int) -> Stretch:
    """The path with what shocks make of it; instants before a shock stay as they are without it."""
    last, volume = raw.last, raw.volume
    factors = shocks.factors(raw.symbol, raw.times)
    if factors is not None:
        last = np.maximum(1, np.rint(last * factors).astype(np.int64))
    frozen = shocks.frozen(raw.symbol, raw.times)
    if frozen is not None:
        volume = np.where(frozen, 0, volume)
        places = np.where(frozen, 0, np.arange(1, len(last) + 1))
        last = np.r_[raw.tail[-1:], last][np.maximum.accumulate(places)]
    marks = _marks(np.r_[raw.tail, last], len(last), grid)
    indices = np.rint(marks * (1 - raw.basis)).astype(np.int64)
    return Stretch(raw.times, last, volume, marks, indices)


def tail_of(stretch: Stretch, grid: int) -> Integers:
    return stretch.last[-_memory(grid) :]


def _memory(grid: int) -> int:
    return max(1, _MARK_SECONDS // grid - 1)


def _marks(prices: Integers, count: int, grid: int) -> Integers:
    """Mean of the last prices, so that one trade does not move the mark by all of itself."""
    window = max(1, _MARK_SECONDS // grid)
    sums = sum(prices[len(prices) - count - back : len(prices) - back] for back in range(window))
    return np.rint(sums * MARK_PARTS / window).astype(np.int64)
