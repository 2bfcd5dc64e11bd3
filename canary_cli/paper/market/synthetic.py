"""A market drawn from a seed.

Every day of every pair has a generator of its own, so a pair looks the same whoever else is asked for, however far the
market has been walked, and in whatever portions.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from canary_cli.paper.market import weather
from canary_cli.paper.market.bars import DAY, MINUTE, TIME, Floats, Integers, Layer
from canary_cli.paper.market.chance import generator
from canary_cli.paper.market.pairs import CHARACTERS, LISTINGS, SYMBOLS
from canary_cli.paper.market.path import along
from canary_cli.paper.market.source import FUNDING_SECONDS
from canary_cli.paper.market.weather import Block, Common, Own, State

_QUARTER = 15 * MINUTE
_COARSE_DAYS = 320  # of history in candles of fifteen minutes, before
_FINE_DAYS = 6  # of history in candles of one minute, before the day of the start
_PREMIUM = 0.0004  # standard deviation of the premium from which funding is made
_INTEREST = 0.0001

Drawn = TypeVar("Drawn")


@dataclass(frozen=True, slots=True)
class Drift:
    """Pulls prices from `start` to `end`: `strength` daily standard deviations a day, for `symbols` (none: all)."""

    start: datetime
    end: datetime
    strength: float
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Climate:
    """What a scenario asks of a synthetic market: its volatility as a multiple of the usual, and its drifts."""

    volatility: float = 1.0
    drifts: tuple[Drift, ...] = ()


class _Chain(Generic[Drawn]):
    """Blocks that follow from one another: day after day, after the coarse history. Drops what lies days behind."""

    def __init__(self, midnight: int, origin: State, draw: Callable[[Block, State], tuple[Drawn, State]]) -> None:
        self.origin, self._draw = midnight, draw
        self._states = {-_FINE_DAYS - 1: origin}
        self._blocks: dict[int, Drawn] = {}

    def day(self, number: int) -> Drawn:
        """The minutes of a day, counted from the day of the start; the day before the first stands for the history."""
        for missing in range(max(self._states), number):
            self._make(missing)
        return self._blocks[number] if number in self._blocks else self._make(number)

    def _make(self, number: int) -> Drawn:
        drawn, self._states[number + 1] = self._draw(self.block(number), self._states[number])
        self._blocks[number] = drawn
        if len(self._blocks) > _FINE_DAYS + 2:
            del self._blocks[min(self._blocks)]
        return drawn

    def block(self, number: int) -> Block:
        start = self.origin + number * DAY
        if number >= -_FINE_DAYS:
            return Block(f"day {number}", start, MINUTE, DAY // MINUTE)
        return Block("history", start - (_COARSE_DAYS - 1) * DAY, _QUARTER, _COARSE_DAYS * DAY // _QUARTER)


class SyntheticSource:
    """A `Source` for a market that starts at `start`: prices are at their usual level at that day's midnight.

    So the same seed gives the same day whatever the date, and the time of day chooses where to stand in it.
    Raises KeyError for a pair it does not know.
    """

    end = None
    books = None

    def __init__(
        self,
        start: datetime,
        seed: int,
        symbols: Collection[str] = SYMBOLS,
        climate: Climate = Climate(),
    ) -> None:
        self.seed = seed
        self.listings = {symbol: LISTINGS[symbol] for symbol in symbols}
        self.characters = {symbol: CHARACTERS[symbol] for symbol in symbols}
        self.origin = int(start.timestamp()) // DAY * DAY
        self._climate = climate
        self._common: _Chain[Common] = _Chain(self.origin, weather.CALM_STATE, self._draw_common)
        self._own: dict[str, _Chain[Own]] = {
            symbol: _Chain(self.origin, weather.CALM_OWN_STATE, partial(self._draw_own, symbol)) for symbol in symbols
        }
        self._levels = {symbol: self._levels_to_midnight(symbol) for symbol in symbols}
        self._candles: dict[tuple[str, int], Integers] = {}

    def path(self, symbol: str, start: int, end: int, grid: int) -> tuple[Integers, Integers]:
        chance = generator(self.seed, symbol, "path", start - self.origin)
        return along(self.minutes(symbol, start, end), grid, chance)

    def minutes(self, symbol: str, start: int, end: int) -> Integers:
        """One-minute candles that open in [start, end)."""
        first, last = (start - self.origin) // DAY, (end - 1 - self.origin) // DAY
        bars = np.concatenate([self._day(symbol, day) for day in range(first, last + 1)])
        return bars[np.searchsorted(bars[:, TIME], start) : np.searchsorted(bars[:, TIME], end)]

    def history(self, symbol: str, until: int) -> Sequence[Layer]:
        fine = self.minutes(symbol, self.origin - _FINE_DAYS * DAY, until)
        return Layer(MINUTE, fine), Layer(_QUARTER, self._bars(symbol, -_FINE_DAYS - 1))

    def funding_rate(self, symbol: str, time: int) -> float:
        """Premium + clamp(interest - premium, -0.05 %, 0.05 %): mostly the interest of 0.01 % itself."""
        slot = (time - self.origin) // FUNDING_SECONDS
        premium = _PREMIUM * float(generator(self.seed, symbol, "funding", slot).standard_normal())
        return premium + min(max(_INTEREST - premium, -0.0005), 0.0005)

    def funding_since(self, symbol: str) -> int:
        return self._own[symbol].block(-_FINE_DAYS - 1).start + FUNDING_SECONDS

    def _draw_common(self, block: Block, state: State) -> tuple[Common, State]:
        return weather.draw_common(block, state, generator(self.seed, "all pairs", block.name))

    def _draw_own(self, symbol: str, block: Block, state: State) -> tuple[Own, State]:
        chance = generator(self.seed, symbol, block.name)
        common = self._common.day((block.start + block.seconds * block.candles - 1 - self.origin) // DAY)
        usual = self.characters[symbol]
        character = replace(usual, sigma=usual.sigma * self._climate.volatility)
        return weather.draw_own(block, state, chance, character, common, self._pull(symbol, block))

    def _pull(self, symbol: str, block: Block) -> Floats:
        times = block.times
        pull = np.zeros(block.candles)
        for drift in self._climate.drifts:
            if not drift.symbols or symbol in drift.symbols:
                within = (times >= drift.start.timestamp()) & (times < drift.end.timestamp())
                pull += np.where(within, drift.strength, 0.0)
        return pull

    def _levels_to_midnight(self, symbol: str) -> dict[int, float]:
        """Log price at each day's open, against that of the start's midnight."""
        levels = {0: 0.0}
        for day in range(-1, -_FINE_DAYS - 2, -1):
            levels[day] = levels[day + 1] - float(self._own[symbol].day(day).logs[-1, -1])
        return levels

    def _level(self, symbol: str, day: int) -> float:
        levels = self._levels[symbol]
        for known in range(max(levels), day):
            levels[known + 1] = levels[known] + float(self._own[symbol].day(known).logs[-1, -1])
        return levels[day]

    def _day(self, symbol: str, day: int) -> Integers:
        """The day's candles; the two newest days are kept."""
        key = symbol, day
        if key not in self._candles:
            self._candles.pop((symbol, day - 2), None)
            self._candles[key] = self._bars(symbol, day)
        return self._candles[key]

    def _bars(self, symbol: str, day: int) -> Integers:
        """A block's candles in ticks and steps: each opens where the one before closed."""
        chain, level, rules = self._own[symbol], self._level(symbol, day), self.listings[symbol].rules
        own, block = chain.day(day), chain.block(day)
        price = self.characters[symbol].price
        prices = price * np.exp(level + own.logs)
        ticks = np.maximum(1, np.rint(prices / float(rules.tick)).astype(np.int64))
        steps = np.rint(own.turnover / prices[:, -1] / float(rules.step)).astype(np.int64)
        bars: Integers = np.column_stack((block.times, ticks, steps))
        return bars
