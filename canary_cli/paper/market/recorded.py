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
from canary_cli.paper.market.bars import HIGH, LOW, MINUTE, TIME, Floats, Integers
from canary_cli.paper.market.model import Listing
from canary_cli.paper.market.pairs import with_units
from canary_cli.paper.market.source import FUNDING_SECONDS

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
    table = _columns(recording.path, "open_time", *_PRICES, "volume")
    prices = np.column_stack([table[name] for name in _PRICES])
    tick = _unit(prices[:: max(1, len(prices) // 5000)], listing.rules.tick)
    step = _unit(table["volume"][:5000], listing.rules.step)
    listed = with_units(listing, tick, step)
    bars = _bars(table, prices, listed)
    if not _sound(bars):
        raise MarketDataError(f"{recording.path} has gaps or impossible candles.", "Fetch the file again.")
    return listed, bars


def candles(root: Path, symbol: str, interval: str, listing: Listing, until: int) -> Integers:
    """Candles of the longer files that closed by `until`; none where there is no file."""
    path = root / f"um_{interval}" / f"{symbol}_{interval}.parquet"
    if not path.exists():
        return np.empty((0, 6), dtype=np.int64)
    table = _columns(path, "open_time", *_PRICES, "volume")
    bars = _bars(table, np.column_stack([table[name] for name in _PRICES]), listing)
    length = int(np.diff(bars[:2, TIME])[0])
    return bars[bars[:, TIME] + length <= until]


def funding(root: Path, symbol: str) -> dict[int, float]:
    """Rates by funding time; empty where there is no file."""
    path = root / "funding" / f"{symbol}_funding.parquet"
    if not path.exists():
        return {}
    table = _columns(path, "open_time", "funding_rate")
    times = np.rint(table["open_time"] / 1000 / FUNDING_SECONDS).astype(np.int64) * FUNDING_SECONDS
    return dict(zip(times.tolist(), table["funding_rate"].tolist(), strict=True))


def _columns(path: Path, *names: str) -> dict[str, npt.NDArray[np.float64]]:
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
