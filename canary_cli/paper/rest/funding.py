"""Funding rates that were paid, and symbols whose interval or cap is not the usual one."""

from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, ms, wallet

PUBLIC = Security.NONE


@endpoint("GET", "/fapi/v1/fundingRate", PUBLIC, 0)
def funding_rate(call: Call) -> list[Json]:
    call.venue.limits.spend_funding(call.venue.wall_ms() / 1000)
    symbol, limit = call.maybe_symbol(), call.params.limit(100, 1000)
    start, end = call.params.time("startTime"), call.params.time("endTime")
    symbols = [symbol] if symbol else list(call.state.market.symbols)
    rows = [
        {
            "symbol": each,
            "fundingTime": ms(paid.time),
            "fundingRate": wallet(paid.rate),
            "markPrice": wallet(paid.mark),
            "rateType": "NORMAL",
        }
        for each in symbols
        for paid in call.state.market.funding_history(each, start, end, limit)
    ]
    rows.sort(key=lambda row: str(row["fundingTime"]))
    return rows[:limit]


@endpoint("GET", "/fapi/v1/fundingInfo", PUBLIC, 0)
def funding_info(call: Call) -> list[Json]:
    """Only symbols that differ from every eight hours within the usual bounds, and none of ours does."""
    call.venue.limits.spend_funding(call.venue.wall_ms() / 1000)
    return []
