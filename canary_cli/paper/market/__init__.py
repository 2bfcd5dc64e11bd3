"""Markets of the paper exchange: synthetic ones and replays of recorded prices, behind one protocol.

`synthetic_market` draws one from a seed; what it gives is a `Market`.
"""

from collections.abc import Collection
from datetime import datetime

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
