"""A market that walks along recorded one-minute candles, with what was recorded before them as its history.

Nothing is invented but the way inside a minute, which touches its open, high, low and close: where no file reaches
back, a frame has fewer candles. Mark and index prices follow the last price.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from canary_cli.paper.market import recorded
from canary_cli.paper.market.bars import MINUTE, TIME, Integers, Layer
from canary_cli.paper.market.chance import generator
from canary_cli.paper.market.model import Listing
from canary_cli.paper.market.pairs import CHARACTERS, LISTINGS, SYMBOLS
from canary_cli.paper.market.path import along
from canary_cli.paper.market.recorded import MarketDataError, Recording
from canary_cli.paper.market.tape import STRETCH

NEEDED = 6 * 3600  # seconds of recorded minutes after the start that make a pair worth taking: a plan and some more


class ReplaySource:
    """A `Source` of recorded candles around `start`. `missing` names the pairs asked for that have none there.

    Raises `MarketDataError` when there is no such folder, or no pair is recorded from before `start` to long enough
    after it. Pairs that were not asked for by name (`symbols` None: all) are not missed.
    """

    books = None

    def __init__(self, root: Path, start: datetime, seed: int, symbols: Collection[str] | None = None) -> None:
        self.seed, self.origin = seed, 0
        second = int(start.timestamp())
        chosen = _chosen(recorded.recordings(root), second, symbols or SYMBOLS, start)
        self.missing = tuple(symbol for symbol in symbols or () if symbol not in chosen)
        self.end = min(recording.end for recording in chosen.values())
        self.listings: dict[str, Listing] = {}
        self._bars: dict[str, Integers] = {}
        for symbol, recording in chosen.items():
            self.listings[symbol], self._bars[symbol] = recorded.minutes(recording, LISTINGS[symbol])
        self.characters = {symbol: CHARACTERS[symbol] for symbol in chosen}
        self._rates = {symbol: recorded.rates(root, symbol, second) for symbol in chosen}
        self._root = root

    def path(self, symbol: str, start: int, end: int, grid: int) -> tuple[Integers, Integers]:
        chance = generator(self.seed, symbol, "path", start - self.origin)
        return along(self.minutes(symbol, start, end), grid, chance)

    def minutes(self, symbol: str, start: int, end: int) -> Integers:
        """One-minute candles that open in [start, end)."""
        bars = self._bars[symbol]
        return bars[np.searchsorted(bars[:, TIME], start) : np.searchsorted(bars[:, TIME], end)]

    def history(self, symbol: str, until: int) -> Sequence[Layer]:
        bars = self._bars[symbol]
        minutes = Layer(MINUTE, bars[: np.searchsorted(bars[:, TIME], until)])
        return recorded.layers(self._root, self.listings[symbol], minutes, until)

    def funding_rate(self, symbol: str, time: int) -> float:
        return self._rates[symbol].at(time)

    def funding_since(self, symbol: str) -> int:
        return self._rates[symbol].since


def _chosen(found: list[Recording], second: int, symbols: Collection[str], start: datetime) -> dict[str, Recording]:
    """For each pair the recording that holds the start, some of what was before, and `NEEDED` after it."""
    known = [recording for recording in found if recording.symbol in symbols and recording.symbol in LISTINGS]
    if not known:
        raise MarketDataError(f"Nothing is recorded of {', '.join(symbols)}.", f"There are {_pairs(found)}.")
    holding = {
        recording.symbol: recording
        for recording in known
        if recording.start <= second // STRETCH * STRETCH - MINUTE and second + NEEDED <= recording.end
    }
    if not holding:
        windows = "; ".join(sorted({_window(known, name) for name in {r.path.parent.name for r in known}}))
        said = f"No pair is recorded from 15 minutes before {start:%Y-%m-%dT%H:%MZ} to {NEEDED // 3600} h after it."
        raise MarketDataError(said, f"Recorded are {windows}.")
    return {symbol: holding[symbol] for symbol in symbols if symbol in holding}


def _window(found: list[Recording], folder: str) -> str:
    """The longest recording of a folder."""
    return str(max((r for r in found if r.path.parent.name == folder), key=lambda r: r.end - r.start))


def _pairs(found: list[Recording]) -> str:
    return ", ".join(sorted({recording.symbol for recording in found}))
