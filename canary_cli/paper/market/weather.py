"""How synthetic prices move: correlated, fat-tailed, clustered in volatility and volume, with regimes and jumps.

A pair's return of a candle is `sigma * exp(h) * (load * common + sqrt(1 - load^2) * own)`, plus trend and jumps. The
log volatility h sums a regime, autoregressive waves and the flicker of the candle, most of it common to all pairs.
Highs and lows are the extremes of a Brownian bridge between open and close. Sizes are fitted to one-minute candles of
eleven USD-M pairs, May and June 2025.
"""

from itertools import accumulate
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from canary_cli.paper.market.bars import DAY, MINUTE, Floats, Integers
from canary_cli.paper.market.pairs import Character

State = tuple[float, ...]


class Wave(NamedTuple):
    """An autoregression that forgets within `minutes`, with standard deviation `size`."""

    minutes: float
    size: float


COMMON_WAVES = (Wave(2 * 24 * 60, 0.22), Wave(25, 0.30))
OWN_WAVES = (Wave(6 * 60, 0.18), Wave(15, 0.14))
VOLUME_WAVE = Wave(40, 0.42)
FLICKER = 0.33  # common noise of a candle's log volatility
REGIMES = (log(0.62), 0.0, log(1.55))  # quiet, usual, turbulent
REGIME_HOURS = 4
REGIME_STAYS = 0.75
TRENDS = (-0.3, 0.0, 0.3)  # drift of a regime, in daily standard deviations a day
JUMPS_A_DAY = 1.2  # of all pairs together, and as many of each pair alone
JUMP_SIZE = 7.0  # standard deviation of a jump, in those of a minute's return
BRIDGE = 0.85  # recorded ranges are a little narrower than those of a Brownian path
VOLUME_NOISE = 0.32
CALM_STATE: State = (1.0, 0.0, 0.0, 0.0)  # usual regime, no trend, waves at rest
CALM_OWN_STATE: State = (0.0, 0.0, 0.0)


class Block(NamedTuple):
    """Consecutive candles that are drawn at once; `start` and `seconds` (their length) in seconds."""

    name: str
    start: int
    seconds: int
    candles: int

    @property
    def times(self) -> Integers:
        return self.start + self.seconds * np.arange(self.candles)

    @property
    def step(self) -> float:
        """Minutes a candle."""
        return self.seconds / MINUTE


class Common(NamedTuple):
    """What all pairs share. Returns and jumps are in standard deviations of a candle's and of a minute's return."""

    returns: Floats
    jumps: Floats
    volatility: Floats
    trend: Floats


class Own(NamedTuple):
    """A pair's candles: logs of open, high, low, close against the block's first open (four columns), and USDT."""

    logs: Floats
    turnover: Floats


def draw_common(block: Block, state: State, chance: np.random.Generator) -> tuple[Common, State]:
    """The block, and the state from which the next one goes on."""
    regimes, trends = _regimes(block, state, chance)
    waves = [_wave(wave, start, block, chance) for wave, start in zip(COMMON_WAVES, state[2:], strict=True)]
    flicker = chance.standard_normal(block.candles) * FLICKER / sqrt(block.step)
    common = Common(
        returns=chance.standard_normal(block.candles),
        jumps=_jumps(block, chance),
        volatility=np.array(REGIMES)[regimes] + sum(waves) + flicker,
        trend=np.array(TRENDS)[trends],
    )
    return common, (float(regimes[-1]), float(trends[-1]), *(float(wave[-1]) for wave in waves))


def draw_own(
    block: Block, state: State, chance: np.random.Generator, character: Character, common: Common, pull: Floats
) -> tuple[Own, State]:
    """One pair's block. `pull` is its drift in each candle, in daily standard deviations a day."""
    waves = [_wave(wave, start, block, chance) for wave, start in zip(OWN_WAVES, state, strict=False)]
    volatility = common.volatility + sum(waves) - _SPREAD
    minute = character.sigma * 1e-4 * _WITHOUT_JUMPS
    scale = minute * np.exp(volatility) * sqrt(block.step)
    own = chance.standard_normal(block.candles)
    returns = scale * (character.load * common.returns + sqrt(1 - character.load**2) * own)
    returns += minute * (common.jumps * character.load + _jumps(block, chance))
    returns += (pull + common.trend) * minute * block.step / sqrt(DAY / MINUTE)
    turnover, wave = _turnover(block, state[-1], chance, volatility, np.abs(returns) / (minute * sqrt(block.step)))
    after = (*(float(wave[-1]) for wave in waves), wave)
    return Own(_bridged(returns, scale * BRIDGE, chance), character.turnover * block.step * turnover), after


def _wave(wave: Wave, start: float, block: Block, chance: np.random.Generator) -> Floats:
    keeps = exp(-block.step / wave.minutes)
    noise = (chance.standard_normal(block.candles) * wave.size * sqrt(1 - keeps**2)).tolist()
    return np.array(list(accumulate(noise, lambda level, push: level * keeps + push, initial=start))[1:])


def _regimes(block: Block, state: State, chance: np.random.Generator) -> tuple[Integers, Integers]:
    """Regime and trend of each candle: a chain that changes, or not, at the start of each few hours."""
    each = REGIME_HOURS * 3600 // block.seconds
    regime, trend = int(state[0]), int(state[1])
    chain = []
    for stays in (chance.random(-(-block.candles // each)) < REGIME_STAYS).tolist():
        candidates = chance.integers(0, 3, 2).tolist()
        regime, trend = (regime, trend) if stays else candidates
        chain.append((regime, trend))
    spread = np.repeat(np.array(chain, dtype=np.int64), each, axis=0)[: block.candles]
    return spread[:, 0], spread[:, 1]


def _jumps(block: Block, chance: np.random.Generator) -> Floats:
    happens = chance.random(block.candles) < JUMPS_A_DAY * block.seconds / DAY
    return np.where(happens, chance.standard_normal(block.candles) * JUMP_SIZE, 0.0)


def _turnover(
    block: Block, start: float, chance: np.random.Generator, volatility: Floats, moves: Floats
) -> tuple[Floats, float]:
    """Shares of the mean turnover: more where it is volatile, where the price moves, and where it was more before."""
    wave = _wave(VOLUME_WAVE, start, block, chance)
    noise = chance.standard_normal(block.candles) * VOLUME_NOISE
    return np.exp(volatility + 0.45 * np.log(0.25 + moves) + wave + noise), float(wave[-1])


def _bridged(returns: Floats, scale: Floats, chance: np.random.Generator) -> Floats:
    """Open, high, low, close. The maximum of a Brownian bridge from a to b is (a+b+sqrt((b-a)^2-2 s^2 ln u))/2."""
    closes = np.cumsum(returns)
    opens = closes - returns
    up, down = (np.sqrt(returns**2 - 2 * scale**2 * np.log(chance.random(len(returns)))) for _ in range(2))
    middle = opens + closes
    return np.column_stack((opens, (middle + up) / 2, (middle - down) / 2, closes))


_REGIME_SECOND_MOMENT = sum(exp(2 * regime) for regime in REGIMES) / 3
_WAVES_VARIANCE = sum(wave.size**2 for wave in (*COMMON_WAVES, *OWN_WAVES)) + FLICKER**2
_SPREAD = log(_REGIME_SECOND_MOMENT) / 2 + _WAVES_VARIANCE  # makes the mean square of exp(h) one
_WITHOUT_JUMPS = 1 / sqrt(1 + 2 * JUMPS_A_DAY / (DAY / MINUTE) * JUMP_SIZE**2)
