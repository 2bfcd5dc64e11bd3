"""The way a price takes inside its candle: from open by way of high and low, in either order, to close."""

import numpy as np

from canary_cli.paper.market.bars import CLOSE, HIGH, LOW, MINUTE, OPEN, VOLUME, Floats, Integers

_LOW_FIRST_IF_RISING = 0.7  # a candle that rises has usually seen its low first
_ROUGHNESS = 0.05  # standard deviation of the noise around the way, as a share of the candle's range


def along(bars: Integers, grid: int, chance: np.random.Generator) -> tuple[Integers, Integers]:
    """Prices and volumes each `grid` seconds of consecutive one-minute candles."""
    prices, volumes = within(bars, MINUTE // grid, chance)
    return prices.ravel(), volumes.ravel()


def within(bars: Integers, points: int, chance: np.random.Generator) -> tuple[Integers, Integers]:
    """Prices (ticks) and volumes (steps) at `points` >= 4 equal steps inside each candle, shaped (candles, points).

    The first price is the open, the last the close; high and low are touched and never passed; volumes add up.
    """
    turns, stops = _way(bars, points, chance)
    line = _between(turns, stops, points)
    low, high = bars[:, LOW, None], bars[:, HIGH, None]
    noise = chance.standard_normal(line.shape) * (high - low) * _ROUGHNESS
    prices: Integers = np.clip(np.rint(line + noise).astype(np.int64), low, high)
    np.put_along_axis(prices, turns, stops, axis=1)
    return prices, _shares(bars[:, VOLUME], prices, chance)


def _way(bars: Integers, points: int, chance: np.random.Generator) -> tuple[Integers, Integers]:
    """The four turning points of each candle: their places among the points, and their prices."""
    count = len(bars)
    first = chance.integers(1, points - 2, count)
    second = chance.integers(first + 1, points - 1)
    rising = bars[:, CLOSE] >= bars[:, OPEN]
    low_first = (chance.random(count) < _LOW_FIRST_IF_RISING) == rising
    low, high = bars[:, LOW], bars[:, HIGH]
    stops = (bars[:, OPEN], np.where(low_first, low, high), np.where(low_first, high, low), bars[:, CLOSE])
    turns = (np.zeros(count, np.int64), first, second, np.full(count, points - 1))
    return np.column_stack(turns), np.column_stack(stops)


def _between(turns: Integers, stops: Integers, points: int) -> Floats:
    """Straight lines from each turning point to the next."""
    place = np.arange(points)
    leg = (place >= turns[:, 1, None]).astype(np.int64) + (place >= turns[:, 2, None])
    start, end = np.take_along_axis(turns, leg, 1), np.take_along_axis(turns, leg + 1, 1)
    origin, target = np.take_along_axis(stops, leg, 1), np.take_along_axis(stops, leg + 1, 1)
    line: Floats = origin + (target - origin) * ((place - start) / (end - start))
    return line


def _shares(volumes: Integers, prices: Integers, chance: np.random.Generator) -> Integers:
    """Split each volume over the points: at random, and more where the price moves more."""
    moves = np.abs(np.diff(prices, axis=1, prepend=prices[:, :1]))
    weights = chance.exponential(size=prices.shape) * (1 + moves / np.maximum(moves.mean(axis=1, keepdims=True), 1e-9))
    share = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    traded = np.rint(share * volumes[:, None]).astype(np.int64)
    shares: Integers = np.diff(traded, axis=1, prepend=0)
    return shares
