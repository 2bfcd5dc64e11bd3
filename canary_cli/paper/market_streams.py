"""Payloads of Binance's public and market streams, as `<symbol>@kline_15m` or `!bookTicker`, made from ticks.

Field names and types follow the USD-M stream reference of 2026 (the `/public` and `/market` hosts).
"""

from collections.abc import Collection, Iterable
from typing import Any

from canary_cli.paper.market import Market, Tick

Payload = dict[str, Any] | list[dict[str, Any]]


def publications(market: Market, ticks: Iterable[Tick], names: Collection[str]) -> Iterable[tuple[str, Payload]]:
    """(stream name, payload) for every stream of `names` that these ticks touch.

    `ticks` are those that one `Market.advance` gave, all of them: each stream speaks once, of the newest tick,
    but every candle that closed is told (`x` true) exactly once, before the running one.
    """
    raise NotImplementedError
