"""Files of recorded market data: which there are, what they cover, and their rows as whole ticks and steps.

The folder holds `um_1m_*/PAIR_1m.parquet` (each folder a window of time), `um_1h`, `um_1d` and `funding`. Klines have
`open_time` (ms) and floats open, high, low, close, volume; funding has `open_time` and `funding_rate`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from canary_cli.errors import ConfigurationError
from canary_cli.paper.market.bars import HIGH, INTERVALS, LOW, MINUTE, TIME, Floats, Integers, Layer
from canary_cli.paper.market.model import Listing
from canary_cli.paper.market.pairs import with_units
from canary_cli.paper.market.source import FUNDING_SECONDS

_INTEREST = 0.0001  # the usual rate of eight hours
_PRICES = ("open", "high", "low", "close")


class MarketDataError(ConfigurationError):
    slug = "market-data"


@dataclass(frozen=True, slots=True)
class Recording:
    """One pair's file of one-minute candles, and the epoch seconds it covers."""

    path: Path
    start: int
    end: int

    @property
    def symbol(self) -> str:
        return self.path.name.partition("_")[0]

    def __str__(self) -> str:
        return f"{self.path.parent.name}: {_said(self.start)} to {_said(self.end)}"


def recordings(root: Path) -> list[Recording]:
    """Every file of one-minute candles under the data root. Raises `MarketDataError` where there is none."""
    if not root.is_dir():
        raise MarketDataError(f"There is no folder {root}.", "Name the root of the market data in --market-data.")
    found = [_recording(path) for path in sorted(root.glob("um_1m_*/*_1m.parquet"))]
    if not found:
        raise MarketDataError(
            f"{root} has no um_1m_*/PAIR_1m.parquet.", "Name the root of the data, not a folder in it."
        )
    return found


def _recording(path: Path) -> Recording:
    """What a file covers, from the statistics in its footer."""
    try:
        footer = pq.ParquetFile(path)
        column = footer.schema_arrow.names.index("open_time")
        groups = range(footer.num_row_groups)
        ranges: list[Any] = [footer.metadata.row_group(group).column(column).statistics for group in groups]
        first, last = int(min(each.min for each in ranges)), int(max(each.max for each in ranges))
    except (OSError, ValueError, AttributeError) as error:
        raise MarketDataError(f"{path} cannot be read: {error}.", "Fetch the file again.") from error
    return Recording(path, first // 1000, last // 1000 + MINUTE)


def minutes(recording: Recording, listing: Listing) -> tuple[Listing, Integers]:
    """The file's candles, and the listing with the tick and step its prices and volumes lie on."""
    table = columns(recording.path, "open_time", *_PRICES, "volume")
    prices = np.column_stack([table[name] for name in _PRICES])
    listed = listed_as(listing, prices[:: max(1, len(prices) // 5000)], table["volume"][:5000])
    bars = _bars(table, prices, listed)
    if not _sound(bars):
        raise MarketDataError(f"{recording.path} has gaps or impossible candles.", "Fetch the file again.")
    return listed, bars


def layers(root: Path, listing: Listing, minutes: Layer, until: int) -> list[Layer]:
    """The minutes, and candles of the longer files that closed by `until`, as far as they reach to one another."""
    found, reached = [minutes], minutes.start if len(minutes.bars) else until
    for interval in ("1h", "1d"):
        seconds = INTERVALS[interval]
        bars = _candles(root, interval, listing, until)
        if len(bars) and bars[-1, TIME] + seconds >= reached - seconds:
            found.append(Layer(seconds, bars))
            reached = found[-1].start
    return found


def _candles(root: Path, interval: str, listing: Listing, until: int) -> Integers:
    path = root / f"um_{interval}" / f"{listing.symbol}_{interval}.parquet"
    if not path.exists():
        return np.empty((0, 6), dtype=np.int64)
    table = columns(path, "open_time", *_PRICES, "volume")
    bars = _bars(table, np.column_stack([table[name] for name in _PRICES]), listing)
    return bars[bars[:, TIME] + INTERVALS[interval] <= until]


@dataclass(frozen=True, slots=True)
class Rates:
    """Funding rates by time, of which those from `since` on are an unbroken run up to the start of the market."""

    recorded: dict[int, float]
    since: int

    def at(self, time: int) -> float:
        """The recorded rate, or the usual one where none is."""
        return self.recorded.get(time // FUNDING_SECONDS * FUNDING_SECONDS, _INTEREST)


def rates(root: Path, symbol: str, start: int) -> Rates:
    """The pair's funding file; without one nothing is recorded up to `start`."""
    path = root / "funding" / f"{symbol}_funding.parquet"
    since = start // FUNDING_SECONDS * FUNDING_SECONDS
    if not path.exists():
        return Rates({}, since + FUNDING_SECONDS)
    table = columns(path, "open_time", "funding_rate")
    times = np.rint(table["open_time"] / 1000 / FUNDING_SECONDS).astype(np.int64) * FUNDING_SECONDS
    recorded = dict(zip(times.tolist(), table["funding_rate"].tolist(), strict=True))
    while since in recorded:
        since -= FUNDING_SECONDS
    return Rates(recorded, since + FUNDING_SECONDS)


def columns(path: Path, *names: str) -> dict[str, npt.NDArray[np.float64]]:
    """Columns of one file. Raises `MarketDataError`."""
    try:
        table = pq.read_table(path, columns=list(names))
        return {name: table[name].to_numpy() for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise MarketDataError(f"{path} cannot be read: {error}.", "Fetch the file again.") from error


def _bars(table: dict[str, Floats], prices: Floats, listing: Listing) -> Integers:
    ticks = np.rint(prices / float(listing.rules.tick)).astype(np.int64)
    steps = np.rint(table["volume"] / float(listing.rules.step)).astype(np.int64)
    bars: Integers = np.column_stack((table["open_time"].astype(np.int64) // 1000, ticks, steps))
    return bars


def listed_as(listing: Listing, prices: Floats, quantities: Floats) -> Listing:
    """The listing with the tick and step that these prices and quantities lie on."""
    return with_units(listing, _unit(prices, listing.rules.tick), _unit(quantities, listing.rules.step))


def _unit(values: Floats, listed: Decimal) -> Decimal:
    """The listed unit, or the power of ten that the values lie on where it is finer."""
    candidates = (listed, *(Decimal(1).scaleb(-places) for places in range(9)))
    finer = (unit for unit in candidates if unit <= listed)
    return next((unit for unit in finer if _on(values, unit)), Decimal("1e-8"))


def _on(values: Floats, unit: Decimal) -> bool:
    scaled = values / float(unit)
    return bool(np.abs(scaled - np.rint(scaled)).max() < 1e-3)


def _sound(bars: Integers) -> bool:
    ordered = (np.diff(bars[:, TIME]) == MINUTE).all() and (bars[:, LOW] > 0).all()
    inside = (bars[:, LOW, None] <= bars[:, 1:5]).all() and (bars[:, HIGH, None] >= bars[:, 1:5]).all()
    return bool(ordered and inside)


def _said(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%MZ}"
