"""The four components: each turns figures into a strength 0...1 and a vote, for one direction (+1 long, -1 short)."""

from functools import cache, lru_cache

from canary_cli.core.signals.indicators import Momentum, Trend
from canary_cli.core.signals.model import Component, Vote, Votes
from canary_cli.core.signals.settings import SignalSettings

NO_OPINION = 0.5
AGREE, ABSTAIN, OPPOSE = Vote  # bound once: they are looked up for every bar
Trends = tuple[Trend | None, ...]


def value_names(settings: SignalSettings) -> dict[str, tuple[str, ...]]:
    """What the figures in `Component.values` are, by component."""
    averages = tuple(f"{frame} EMA{period}" for frame in settings.trend_frames for period in settings.ema_periods)
    votes = ("structure", "break", "block", "gap", "sweep")
    return {"smc": votes, "ema": averages, "rsi": ("RSI",), "adx": ("ADX", "+DI", "-DI")}


@cache
def smc(votes: Votes, direction: int, min_votes: int) -> Component:
    """Share of the votes cast that are for the direction; fewer than `min_votes` cast are no opinion."""
    agree, oppose = tally(votes, direction)
    cast = agree + oppose
    if cast < min_votes:
        return Component("smc", ABSTAIN, NO_OPINION, votes)
    return Component("smc", _vote(5 * agree >= 3 * cast, 5 * agree <= 2 * cast), agree / cast, votes)


def tally(votes: Votes, direction: int) -> tuple[int, int]:
    """How many structure votes are for the direction and how many against it."""
    return votes.count(direction), votes.count(-direction)


@lru_cache(maxsize=256)  # a longer frame's averages stand for many decision bars
def ema(trends: Trends, direction: int) -> Component:
    """Share of the orderings fast-middle and middle-slow on every frame that fit the direction.

    Counted in halves: a tie fits both directions by half, so that a flat market is no opinion.
    """
    rising = 0
    for trend in trends:
        if trend is None:
            return Component("ema", ABSTAIN, NO_OPINION)
        fast, middle, slow = trend
        rising += (fast > middle) + (fast >= middle) + (middle > slow) + (middle >= slow)
    possible = 4 * len(trends)
    fitting = rising if direction > 0 else possible - rising
    values = tuple([value for trend in trends if trend for value in trend])
    return Component("ema", _vote(3 * fitting >= 2 * possible, 3 * fitting <= possible), fitting / possible, values)


def rsi(momentum: Momentum | None, direction: int) -> Component:
    if momentum is None:
        return Component("rsi", ABSTAIN, NO_OPINION)
    strength = rsi_strength(momentum, direction)
    return Component("rsi", _vote(strength >= 0.5, strength <= 0.25), strength, (momentum.rsi,))


def rsi_strength(momentum: Momentum | None, direction: int) -> float:
    """Most at 60 on the direction's own scale: with the move, not yet exhausted. 50...70 agrees; 45 and 75 oppose."""
    if momentum is None:
        return NO_OPINION
    level = momentum.rsi if direction > 0 else 100 - momentum.rsi
    return max(0.0, 1 - abs(level - 60) / 20)


def adx(momentum: Momentum | None, direction: int) -> Component:
    if momentum is None:
        return Component("adx", ABSTAIN, NO_OPINION)
    strength = adx_strength(momentum, direction)
    values = (momentum.adx, momentum.plus_di, momentum.minus_di)
    return Component("adx", _vote(strength >= 0.75, strength <= 0.25), strength, values)


def adx_strength(momentum: Momentum | None, direction: int) -> float:
    """0.5 plus the trend's weight for the side of the larger directional index, minus it for the other side.

    A weak trend has no weight, so it is no opinion on either side. ADX 25 agrees.
    """
    if momentum is None:
        return NO_OPINION
    _, _, level, plus, minus = momentum
    lead = (plus > minus) - (plus < minus)
    return NO_OPINION + lead * direction * _trend_weight(level)


def _trend_weight(level: float) -> float:
    """Piecewise linear: 15 -> 0, 25 -> 0.25, 40 -> 0.5, level outside."""
    if level <= 25:
        return 0.25 * max(0.0, level - 15) / 10
    return 0.25 + 0.25 * min(15.0, level - 25) / 15


def _vote(agrees: bool, opposes: bool) -> Vote:
    return AGREE if agrees else OPPOSE if opposes else ABSTAIN
