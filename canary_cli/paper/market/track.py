"""What the market holds of one pair: the stretch of path it is on, the one before, and all candles behind them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from zlib import crc32

import numpy as np

from canary_cli.core.model import Book
from canary_cli.paper.market import depth
from canary_cli.paper.market.bars import CLOSE, MINUTE, TIME, Integers, Layer
from canary_cli.paper.market.model import Tick
from canary_cli.paper.market.shocks import Shocks
from canary_cli.paper.market.source import Source
from canary_cli.paper.market.tape import Stretch, draw, shaken, tail_of
from canary_cli.paper.market.units import Units

_THINNING = 2.5  # a minute's range of so many standard deviations of its return starts to empty the book


class Track:
    """One pair of a market whose first stretch starts at `start` (epoch seconds), told every `grid` seconds."""

    def __init__(self, source: Source, symbol: str, start: int, grid: int, shocks: Shocks) -> None:
        self.symbol = symbol
        self.units = Units.of(source.listings[symbol].rules)
        self.character = source.characters[symbol]
        self.trade_steps = max(1, round(self.character.trade / self.character.price / float(self.units.step)))
        self._source, self._grid, self._shocks = source, grid, shocks
        self._key = crc32(f"{source.seed} {symbol} book".encode()) << 32
        minutes, *self._coarse = source.history(symbol, start)
        self._minutes = _Minutes(minutes.bars)
        self._before: Stretch | None = None
        self._raw = draw(source, symbol, start, grid, None)
        self.shake()

    def shake(self) -> None:
        """Work the shocks known by now into the current stretch."""
        self.stretch = shaken(self._raw, self._shocks, self._grid)

    def roll(self, start: int) -> None:
        """Go on to the next stretch."""
        self._minutes.keep(self.stretch.candles())
        self._before = self.stretch
        self._raw = draw(self._source, self.symbol, start, self._grid, tail_of(self.stretch, self._grid))
        self.shake()

    def tick(self, second: int, time: datetime) -> Tick:
        place = (second - self.stretch.start) // self._grid
        last, mark, index, volume = self.stretch.columns
        units = self.units
        return Tick(
            self.symbol,
            time,
            units.price(last[place]),
            units.mark_price(mark[place]),
            units.mark_price(index[place]),
            units.quantity(volume[place]),
        )

    def layers(self, second: int) -> Sequence[Layer]:
        """All candles up to the tick at `second`, finest first; the last minute is told as far as it has come."""
        place = (second - self.stretch.start) // self._grid
        newest = self.stretch.candles(place + 1)
        return [Layer(MINUTE, self._minutes.with_newest(newest)), *self._coarse]

    def close_at(self, time: int, second: int) -> int | None:
        """The last price in ticks before `time`, from the finest candles that reach back to it."""
        for layer in self.layers(second):
            if layer.start < time <= layer.end:
                place = int(np.searchsorted(layer.bars[:, TIME], time)) - 1
                return int(layer.bars[place, CLOSE])
        return None

    def book(self, second: int, levels: int) -> Book:
        recorded = self._source.books and self._source.books(self.symbol, second)
        bids, asks = recorded or self._drawn(second, levels)
        return Book(
            self.symbol,
            self._levels(bids, -1, levels),
            self._levels(asks, 1, levels),
            datetime.fromtimestamp(second, UTC),
        )

    def _drawn(self, second: int, levels: int) -> tuple[depth.Side, depth.Side]:
        last, share = self._liquidity(second)
        scene = depth.Scene(last, second - self._source.origin, share * self._shocks.depth(self.symbol, second))
        return depth.sides(self._key, scene, self.character, self.units, levels)

    def _levels(self, side: depth.Side, direction: int, count: int) -> tuple[tuple[Decimal, Decimal], ...]:
        units = self.units
        held = ((side.best + direction * place, steps) for place, steps in enumerate(side.steps) if steps)
        return tuple((units.price(price), units.quantity(steps)) for price, steps in islice(held, count))

    def _liquidity(self, second: int) -> tuple[int, float]:
        """Last price, and the share of the usual depth that the range of the last minute leaves."""
        stretch = self.stretch if second >= self.stretch.start else self._before
        if stretch is None or second < stretch.start:
            raise ValueError(f"the book of {self.symbol} is no longer known as of {second}")
        place = (second - stretch.start) // self._grid
        recent = stretch.last[max(0, place - MINUTE // self._grid) : place + 1]
        last = int(stretch.last[place])
        reach = int(recent.max() - recent.min()) / last * 1e4
        return last, min(1.0, max(0.1, _THINNING * self.character.sigma / max(reach, 1e-9)))


class _Minutes:
    """One-minute candles in a buffer that grows by a day at a time."""

    def __init__(self, bars: Integers) -> None:
        self._buffer = np.concatenate((bars, np.empty((1440, 6), dtype=np.int64)))
        self._kept = len(bars)

    def with_newest(self, candles: Integers) -> Integers:
        """All kept candles and these after them: a view, good until the next call."""
        end = self._kept + len(candles)
        if end > len(self._buffer):
            self._buffer = np.concatenate((self._buffer, np.empty((1440, 6), dtype=np.int64)))
        self._buffer[self._kept : end] = candles
        return self._buffer[:end]

    def keep(self, candles: Integers) -> None:
        self._kept = len(self.with_newest(candles))
