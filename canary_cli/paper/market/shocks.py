"""What shocks do to a path: how far they have moved the price, and when it stands still. Pure functions of time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import log1p

import numpy as np
import numpy.typing as npt

from canary_cli.paper.market.bars import Floats, Integers
from canary_cli.paper.market.model import Shock, ShockKind

_MOVING = (ShockKind.GAP, ShockKind.CRASH, ShockKind.RECOVER)
_FREEZING = (ShockKind.FLAT, ShockKind.HALT)


class Shocks:
    """The shocks of a market, past and to come. All have an `at`; seconds are since the epoch."""

    def __init__(self) -> None:
        self._all: list[Shock] = []

    def add(self, shock: Shock, now: datetime) -> None:
        """A shock without a time, or with one that has passed, happens `now`."""
        happens = max(shock.at or now, now)
        self._all.append(replace(shock, at=happens))
        self._all.sort(key=_start)

    def factors(self, symbol: str, times: Integers) -> Floats | None:
        """By how much the price is multiplied at each time; None where nothing has moved it."""
        moving = [shock for shock in self._of(symbol, _MOVING) if _start(shock) <= times[-1]]
        return np.exp(_level(moving, times.astype(np.float64))) if moving else None

    def frozen(self, symbol: str, times: Integers) -> npt.NDArray[np.bool_] | None:
        """Where the price stands still; None where it never does."""
        during = [
            (times >= _start(shock)) & (times < _end(shock))
            for shock in self._of(symbol, _FREEZING)
            if _start(shock) <= times[-1] and _end(shock) > times[0]
        ]
        return np.logical_or.reduce(during) if during else None

    def halted(self, symbol: str, time: float) -> bool:
        return any(_start(shock) <= time < _end(shock) for shock in self._of(symbol, (ShockKind.HALT,)))

    def depth(self, symbol: str, time: float) -> float:
        """The share of its usual quantity that the book holds."""
        thin = [s.depth for s in self._of(symbol, (ShockKind.THIN,)) if _start(s) <= time < _end(s)]
        return min(thin, default=1.0)

    def _of(self, symbol: str, kinds: Sequence[ShockKind]) -> list[Shock]:
        return [s for s in self._all if s.kind in kinds and (not s.symbols or symbol in s.symbols)]


def _start(shock: Shock) -> float:
    assert shock.at is not None
    return shock.at.timestamp()


def _end(shock: Shock) -> float:
    return _start(shock) + shock.duration.total_seconds()


def _level(shocks: Sequence[Shock], times: Floats) -> Floats:
    """Sum of the moves begun so far, as logarithms: each grows from nothing to its size over its duration."""
    total = np.zeros(len(times))
    for count, shock in enumerate(shocks):
        start, seconds = _start(shock), shock.duration.total_seconds()
        share = np.clip((times - start) / seconds, 0, 1) if seconds else (times >= start).astype(np.float64)
        total += share * _size(shock, shocks[:count])
    return total


def _size(shock: Shock, earlier: Sequence[Shock]) -> float:
    if shock.kind is not ShockKind.RECOVER:
        return log1p(shock.move)
    return -float(_level(earlier, np.array([_start(shock)]))[0])
