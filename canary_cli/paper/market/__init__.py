"""Markets of the paper exchange: synthetic ones and replays of recorded prices, behind one protocol.

`open_synthetic`, `open_replay` and `open_ticks` make one; what they give is a `Market`.
"""

from canary_cli.paper.market.model import (
    Bracket,
    Funding,
    Kline,
    Listing,
    Market,
    Settlement,
    Shock,
    ShockKind,
    Tick,
)

__all__ = [
    "Bracket",
    "Funding",
    "Kline",
    "Listing",
    "Market",
    "Settlement",
    "Shock",
    "ShockKind",
    "Tick",
]
