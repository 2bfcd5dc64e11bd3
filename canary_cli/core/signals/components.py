"""The four components: each turns figures into a strength 0...1 and a vote, for one direction (+1 long, -1 short)."""

from canary_cli.core.signals.indicators import Momentum, Trend
from canary_cli.core.signals.model import Component, Structure, Vote
from canary_cli.core.signals.settings import SignalSettings

NO_OPINION = 0.5
ADX_POINTS = ((15.0, 0.0), (25.0, 0.25), (40.0, 0.5))
VOTE_NAMES = ("structure", "break", "block", "gap", "sweep")


def tally(structure: Structure, direction: int) -> tuple[int, int]:
    """How many structure votes are for the direction and how many against it."""
    return structure.votes.count(direction), structure.votes.count(-direction)


def smc(structure: Structure, direction: int, settings: SignalSettings) -> Component:
    """Share of the votes cast that are for the direction; fewer than `min_votes` cast are no opinion."""
    agree, oppose = tally(structure, direction)
    cast = agree + oppose
    values = tuple(zip(VOTE_NAMES, map(float, structure.votes), strict=True))
    if cast < settings.min_votes:
        return Component("smc", Vote.ABSTAIN, NO_OPINION, values)
    return Component("smc", _vote(5 * agree >= 3 * cast, 5 * agree <= 2 * cast), agree / cast, values)


def ema(trends: tuple[Trend | None, ...], direction: int, settings: SignalSettings) -> Component:
    """Share of the orderings fast-middle and middle-slow on every frame that fit; a tie fits both sides by half."""
    if None in trends:
        return Component("ema", Vote.ABSTAIN, NO_OPINION)
    steps = [step for t in trends if t for step in (t.fast - t.middle, t.middle - t.slow)]
    halves = sum(2 if step * direction > 0 else step == 0 for step in steps)
    possible = 2 * len(steps)
    names = [f"{frame}.{period}" for frame in settings.trend_frames for period in settings.ema_periods]
    values = tuple(zip(names, (value for t in trends if t for value in t), strict=True))
    vote = _vote(3 * halves >= 2 * possible, 3 * halves <= possible)
    return Component("ema", vote, halves / possible, values)


def rsi(momentum: Momentum | None, direction: int) -> Component:
    """Strongest at 60 on the direction's own scale: with the move, not yet exhausted."""
    if momentum is None:
        return Component("rsi", Vote.ABSTAIN, NO_OPINION)
    level = momentum.rsi if direction > 0 else 100 - momentum.rsi
    strength = max(0.0, 1 - abs(level - 60) / 20)
    vote = _vote(50 <= level <= 70, level >= 75 or level <= 45)
    return Component("rsi", vote, strength, (("rsi", momentum.rsi),))


def adx(momentum: Momentum | None, direction: int) -> Component:
    """Strength of the trend, for the side of the larger directional index; a weak one is no opinion on either side."""
    if momentum is None:
        return Component("adx", Vote.ABSTAIN, NO_OPINION)
    lead = (momentum.plus_di - momentum.minus_di) * direction
    weight = _interpolate(momentum.adx)
    strength = NO_OPINION + (weight if lead > 0 else -weight if lead < 0 else 0.0)
    values = (("adx", momentum.adx), ("plus_di", momentum.plus_di), ("minus_di", momentum.minus_di))
    return Component("adx", _vote(strength >= 0.75, strength <= 0.25), strength, values)


def _vote(agrees: bool, opposes: bool) -> Vote:
    return Vote.AGREE if agrees else Vote.OPPOSE if opposes else Vote.ABSTAIN


def _interpolate(level: float) -> float:
    """Piecewise linear through `ADX_POINTS`, level outside them."""
    (low, bottom), (middle, centre), (high, top) = ADX_POINTS
    if level <= low:
        return bottom
    if level >= high:
        return top
    if level < middle:
        return bottom + (centre - bottom) * (level - low) / (middle - low)
    return centre + (top - centre) * (level - middle) / (high - middle)
