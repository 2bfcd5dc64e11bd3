"""Markets of the paper exchange: synthetic ones and replays of recorded prices, behind one protocol.

`synthetic_market` draws one from a seed, `replay_market` walks along recorded candles or ticks; both give a `Market`.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from canary_cli.paper.market.model import (
    Bracket,
    Day,
    Funding,
    Kline,
    Listing,
    Market,
    Settlement,
    Shock,
    ShockKind,
    Tick,
)
from canary_cli.paper.market.pairs import SYMBOLS
from canary_cli.paper.market.simulated import SimulatedMarket
from canary_cli.paper.market.synthetic import Climate, Drift, SyntheticSource

__all__ = [
    "SYMBOLS",
    "Bracket",
    "Climate",
    "Day",
    "Drift",
    "Funding",
    "Kline",
    "Listing",
    "Market",
    "Settlement",
    "Shock",
    "ShockKind",
    "SimulatedMarket",
    "Tick",
    "replay_market",
    "synthetic_market",
]


def synthetic_market(
    start: datetime,
    seed: int,
    symbols: Collection[str] = SYMBOLS,
    climate: Climate = Climate(),  # noqa: B008
    grid: int = 1,
) -> SimulatedMarket:
    """A market drawn from `seed` that stands at `start`, with a tick every `grid` seconds. KeyError: unknown pair."""
    return SimulatedMarket(SyntheticSource(start, seed, symbols, climate), start, grid)


def replay_market(
    root: Path, start: datetime, seed: int, symbols: Collection[str] | None = None, grid: int = 1
) -> tuple[SimulatedMarket, tuple[str, ...]]:
    """The market of the data in `root` at `start`, and the pairs asked for that are not recorded there.

    A folder that holds trades itself is replayed tick by tick; else it is candles, and the seed draws the way inside
    each minute. Without `symbols`: every pair there is. Raises `MarketDataError`.
    """
    from canary_cli.paper.market.replay import ReplaySource  # reading files needs pyarrow, which is slow to import
    from canary_cli.paper.market.ticks import TickSource

    kind = TickSource if any(root.glob("*_trades_*.parquet")) else ReplaySource
    source = kind(root, start, seed, symbols)
    return SimulatedMarket(source, start, grid), source.missing
