"""How much the book holds, level by level, around a last price. Calibrated to BTC and ETH snapshots of August 2024.

There the spread was one tick in 94 % of updates, and the bid held within 1, 5, 10 and 20 basis points, as a share of
what it held within 10: 0.20, 0.45, 1 and 2.5 (BTC); -, 0.34, 1 and 3.5 (ETH).
"""

from bisect import bisect_right
from itertools import pairwise
from math import log
from typing import NamedTuple

from canary_cli.paper.market.chance import mixed, uniform
from canary_cli.paper.market.pairs import Character
from canary_cli.paper.market.units import Units

_REACH = (0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 200.0, 1000.0, 10_000.0)  # basis points from the best price
_SHARE = (0.0, 0.18, 0.42, 1.0, 2.7, 6.0, 18.0, 40.0, 100.0)  # of the quantity within 10 basis points
_BEST = 0.02  # the best level holds at least this share
_SPREADS = (0.94, 0.985, 0.995)  # chance that the spread is at most 1, 2, 3 ticks; else it is 4
_REFRESH = 20  # seconds after which the quantity of a level is another


class Side(NamedTuple):
    """One side of the book: the price of its best level in ticks, and the steps each level holds, one tick apart."""

    best: int
    steps: list[int]


class Scene(NamedTuple):
    """What the book is drawn from: the last price in ticks, the second, and the share it has of its usual depth."""

    last: int
    second: int
    share: float = 1.0


def sides(key: int, scene: Scene, character: Character, units: Units, levels: int) -> tuple[Side, Side]:
    """Bids and asks; never crossed, every level at least one step, no bid below one tick. Same arguments, same book."""
    draw = mixed(key + scene.second)
    spread = 1 + bisect_right(_SPREADS, uniform(draw)) if scene.share >= 0.5 else round(1 + 2 / scene.share)
    bid = max(1, scene.last - spread * (draw & 1))
    expected = _expected(character, units, scene.last, levels)
    return _side(key, scene, bid, -1, expected), _side(key, scene, bid + spread, 1, expected)


def _side(key: int, scene: Scene, best: int, direction: int, expected: list[float]) -> Side:
    """Levels of the bids (`direction` -1, down from the best) or of the asks (+1, up)."""
    count = min(len(expected), best) if direction < 0 else len(expected)
    steps = []
    for place in range(count):
        name = mixed(key ^ (best + direction * place) * 2 + (direction > 0))
        epoch = (scene.second + name % _REFRESH) // _REFRESH if place else scene.second
        steps.append(max(1, int(-log(uniform(name + epoch)) * expected[place] * scene.share)))
    return Side(best, steps)


def _expected(character: Character, units: Units, last: int, levels: int) -> list[float]:
    """Mean steps of each level, from the cumulated depth at its distance."""
    price = last * float(units.tick)
    width = 1e4 / last
    to_steps = character.depth / price / float(units.step)
    reach = [_cumulated((place + 1) * width) for place in range(levels)]
    shares = [reach[0], *(far - near for near, far in pairwise(reach))]
    shares[0] = max(shares[0], _BEST)
    return [share * to_steps for share in shares]


def _cumulated(distance: float) -> float:
    place = min(bisect_right(_REACH, distance), len(_REACH) - 1)
    near, far = _REACH[place - 1], _REACH[place]
    slope = (_SHARE[place] - _SHARE[place - 1]) / (far - near)
    return _SHARE[place - 1] + (distance - near) * slope
