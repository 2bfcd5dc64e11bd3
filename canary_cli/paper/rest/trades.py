"""Public trades, one a second and pair, as in the streams."""

from datetime import datetime
from itertools import pairwise

from canary_cli.paper.market.model import Tick
from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, ms, plain

PUBLIC = Security.NONE


@endpoint("GET", "/fapi/v1/trades", PUBLIC, 5)
def trades(call: Call) -> list[Json]:
    return [_trade(tick, seller) for tick, seller in _recent(call)]


@endpoint("GET", "/fapi/v1/historicalTrades", Security.MARKET_DATA, 200)
def historical_trades(call: Call) -> list[Json]:
    return [_trade(tick, seller) for tick, seller in _recent(call)]


@endpoint("GET", "/fapi/v1/aggTrades", PUBLIC, 20)
def aggregate_trades(call: Call) -> list[Json]:
    rows = []
    for tick, seller in _recent(call):
        number, quantity = trade_id(tick.time), plain(tick.volume)
        row = {"a": number, "p": plain(tick.last), "q": quantity, "nq": quantity, "f": number, "l": number}
        rows.append(row | {"T": ms(tick.time), "m": seller})
    return rows


def _recent(call: Call) -> list[tuple[Tick, bool]]:
    """What has traded lately, a row a tick as in the streams, and whether the price fell (the buyer was the maker).

    The newest; from `fromId` on, the oldest.
    """
    symbol, limit, first = call.symbol(), call.params.limit(500, 1000), call.params.integer("fromId")
    start, end = call.params.time("startTime"), call.params.time("endTime")
    ticks = list(call.venue.recent.get(symbol, ()))
    pairs = [(tick, tick.last < before.last) for before, tick in pairwise([*ticks[:1], *ticks]) if tick.volume]
    rows = [row for row in pairs if (not start or row[0].time >= start) and (not end or row[0].time <= end)]
    if first is not None:
        return [row for row in rows if trade_id(row[0].time) >= first][:limit]
    return rows[-limit:]


def trade_id(instant: datetime) -> int:
    return int(instant.timestamp())


def _trade(tick: Tick, seller: bool) -> Json:
    return {
        "id": trade_id(tick.time),
        "price": plain(tick.last),
        "qty": plain(tick.volume),
        "quoteQty": plain(tick.last * tick.volume),
        "time": ms(tick.time),
        "isBuyerMaker": seller,
        "isRPITrade": False,
    }
