"""A market that replays recorded trades, best quotes and one snapshot of the depth, second by second.

The folder holds `PAIR_trades_DATE.parquet` with `trade_ms`, `price`, `qty`; `PAIR_bookTicker_DATE.parquet` with
`tx_ms`, `bid`, `bid_qty`, `ask`, `ask_qty`; and `PAIR_depth_snapshot_DATE.json.gz` as `/depth` gives it. Best levels
are those recorded at the end of each second; behind them the levels of the snapshot move along. Shocks move prices but
not recorded books.
"""

import gzip
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson

from canary_cli.paper.market import recorded
from canary_cli.paper.market.bars import MINUTE, Integers, Layer
from canary_cli.paper.market.depth import Side
from canary_cli.paper.market.model import Listing
from canary_cli.paper.market.pairs import CHARACTERS, LISTINGS, SYMBOLS
from canary_cli.paper.market.recorded import MarketDataError
from canary_cli.paper.market.units import Units


@dataclass(frozen=True, slots=True)
class _Pair:
    """Seconds from `start`: last price and traded volume; best bid and ask with their quantities (four columns)."""

    listing: Listing
    start: int
    last: Integers
    volume: Integers
    quotes: Integers
    behind: tuple[list[int], list[int]]


class TickSource:
    """A `Source` of recorded ticks, up to their last whole minute (`end`). `missing`: pairs asked for without any.

    Raises `MarketDataError` where none are recorded at `start`.
    """

    def __init__(self, folder: Path, start: datetime, seed: int, symbols: Collection[str] | None = None) -> None:
        found = {symbol: sorted(folder.glob(f"{symbol}_trades_*.parquet")) for symbol in symbols or SYMBOLS}
        if not any(found.values()):
            raise MarketDataError(f"{folder} has no trades of {', '.join(found)}.", "Leave --pairs out.")
        self.seed, self.origin, self._root = seed, 0, folder.parent
        self._pairs = {symbol: _read(paths[-1], LISTINGS[symbol]) for symbol, paths in found.items() if paths}
        self.missing = tuple(symbol for symbol in symbols or () if symbol not in self._pairs)
        self.listings = {symbol: pair.listing for symbol, pair in self._pairs.items()}
        self.characters = {symbol: CHARACTERS[symbol] for symbol in self._pairs}
        first = max(pair.start for pair in self._pairs.values())
        self.end = min(pair.start + len(pair.last) for pair in self._pairs.values()) // MINUTE * MINUTE
        if not first <= start.timestamp() < self.end:
            window = " to ".join(f"{datetime.fromtimestamp(one, UTC):%Y-%m-%dT%H:%M:%SZ}" for one in (first, self.end))
            raise MarketDataError(f"No ticks are recorded at {start:%Y-%m-%dT%H:%M:%SZ}.", f"Recorded are {window}.")
        self._rates = {symbol: recorded.rates(self._root, symbol, first) for symbol in self._pairs}

    def path(self, symbol: str, start: int, end: int, grid: int) -> tuple[Integers, Integers]:
        """Before the first trade its price stands still, and nothing is traded."""
        pair = self._pairs[symbol]
        places = np.arange(start, end) - pair.start
        last = pair.last[np.clip(places, 0, len(pair.last) - 1)]
        volume = np.where(places >= 0, pair.volume[np.clip(places, 0, len(pair.last) - 1)], 0)
        return last[::grid], np.add.reduceat(volume, np.arange(0, len(volume), grid))

    def books(self, symbol: str, second: int) -> tuple[Side, Side] | None:
        pair = self._pairs[symbol]
        place = second - pair.start
        if not 0 <= place < len(pair.quotes):
            return None
        bid, bids, ask, asks = pair.quotes[place].tolist()
        sides = zip(((bid, bids), (ask, asks)), pair.behind, strict=True)
        below, above = (Side(best, [steps, *behind]) for (best, steps), behind in sides)
        return below, above

    def history(self, symbol: str, until: int) -> Sequence[Layer]:
        nothing = Layer(MINUTE, np.empty((0, 6), dtype=np.int64))
        return recorded.layers(self._root, self.listings[symbol], nothing, until)

    def funding_rate(self, symbol: str, time: int) -> float:
        return self._rates[symbol].at(time)

    def funding_since(self, symbol: str) -> int:
        return self._rates[symbol].since


def _read(trades: Path, listing: Listing) -> _Pair:
    table = recorded.columns(trades, "trade_ms", "price", "qty")
    listing = recorded.listed_as(listing, table["price"], table["qty"])
    units = Units.of(listing.rules)
    seconds = table["trade_ms"].astype(np.int64) // 1000
    start = int(seconds[0]) + 1
    every = np.arange(start, int(seconds[-1]) + 1)
    prices = np.rint(table["price"] / float(units.tick)).astype(np.int64)
    steps = np.rint(table["qty"] / float(units.step)).astype(np.int64)
    last = prices[np.searchsorted(seconds, every, side="right") - 1]
    volume = np.bincount(seconds - start + 1, steps)[1 : len(every) + 1].astype(np.int64)
    quotes = _quotes(trades.with_name(trades.name.replace("_trades_", "_bookTicker_")), every, units)
    snapshot = trades.with_name(trades.name.replace("_trades_", "_depth_snapshot_")).with_suffix(".json.gz")
    return _Pair(listing, start, last, volume, quotes, _behind(snapshot, units))


def _quotes(path: Path, seconds: Integers, units: Units) -> Integers:
    """The quote that stood at the end of each second."""
    table = recorded.columns(path, "tx_ms", "bid", "bid_qty", "ask", "ask_qty")
    at = np.searchsorted(table["tx_ms"], (seconds + 1) * 1000) - 1
    columns = (("bid", units.tick), ("bid_qty", units.step), ("ask", units.tick), ("ask_qty", units.step))
    return np.column_stack([np.rint(table[name][at] / float(unit)).astype(np.int64) for name, unit in columns])


def _behind(path: Path, units: Units) -> tuple[list[int], list[int]]:
    """Steps at one, two, three... ticks behind the best bid and ask of the snapshot; none where a level was empty."""
    try:
        snapshot = orjson.loads(gzip.decompress(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise MarketDataError(f"{path} cannot be read: {error}.", "Fetch the file again.") from error
    bids, asks = ([(units.ticks(float(p)), float(q)) for p, q in snapshot[name]] for name in ("bids", "asks"))
    return _ladder(bids, units), _ladder(asks, units)


def _ladder(levels: list[tuple[int, float]], units: Units) -> list[int]:
    best, last = levels[0][0], levels[-1][0]
    ladder = [0] * (abs(last - best) + 1)
    for price, quantity in levels:
        ladder[abs(price - best)] = round(quantity / float(units.step))
    return ladder[1:]
