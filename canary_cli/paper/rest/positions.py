"""Positions: risk, leverage brackets, the queue of auto-deleveraging, and what was closed by force."""

from canary_cli.core.model import PositionSide
from canary_cli.paper import problems
from canary_cli.paper.account_shapes import all_rows, live_rows, position_figures, position_row
from canary_cli.paper.liquidation import DELEVERAGED
from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.rest.orders import position_side
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, queried

USER = Security.USER_DATA

V2_RISK = (
    "symbol", "positionAmt", "entryPrice", "breakEvenPrice", "markPrice", "unRealizedProfit", "liquidationPrice",
    "leverage", "maxNotionalValue", "marginType", "isolatedMargin", "isAutoAddMargin", "positionSide", "notional",
    "isolatedWallet", "updateTime",
)  # fmt: skip
V3_RISK = (
    "symbol", "positionSide", "positionAmt", "entryPrice", "breakEvenPrice", "markPrice", "unRealizedProfit",
    "liquidationPrice", "isolatedMargin", "notional", "marginAsset", "isolatedWallet", "initialMargin", "maintMargin",
    "positionInitialMargin", "openOrderInitialMargin", "adl", "bidNotional", "askNotional", "updateTime",
)  # fmt: skip


@endpoint("GET", "/fapi/v2/positionRisk", USER, 5)
def positions_v2(call: Call) -> list[Json]:
    return [position_row(call.state, held, V2_RISK) for held in all_rows(call.state, call.maybe_symbol())]


@endpoint("GET", "/fapi/v3/positionRisk", USER, 5)
def positions_v3(call: Call) -> list[Json]:
    return [position_row(call.state, held, V3_RISK) for held in live_rows(call.state, call.maybe_symbol())]


@endpoint("GET", "/fapi/v1/leverageBracket", USER)
def leverage_bracket(call: Call) -> list[Json]:
    symbol = call.maybe_symbol()
    return [
        {"symbol": each, "brackets": _brackets(call, each)} for each in ([symbol] if symbol else call.state.listings)
    ]


def _brackets(call: Call, symbol: str) -> list[Json]:
    return [
        {
            "bracket": row.number,
            "initialLeverage": row.leverage,
            "notionalCap": int(row.cap),
            "notionalFloor": int(row.floor),
            "maintMarginRatio": float(row.maintenance),
            "cum": float(row.cum),
        }
        for row in call.state.listing(symbol).brackets
    ]


@endpoint("GET", "/fapi/v1/adlQuantile", USER, 5)
def adl_quantile(call: Call) -> list[Json]:
    state = call.state
    rows: dict[str, Json] = {}
    for held in live_rows(state, call.maybe_symbol()):
        rows.setdefault(held.symbol, {})[held.side.value] = position_figures(state, held)["adl"]
    return [{"symbol": symbol, "adlQuantile": sides} for symbol, sides in rows.items()]


@endpoint("GET", "/fapi/v1/forceOrders", USER, by_symbol(20, 50))
def force_orders(call: Call) -> list[Json]:
    """Liquidations and deleveraging of the account, the newest last; `autoCloseType` picks one of the two."""
    symbol, limit, kind = call.maybe_symbol(), call.params.limit(50, 100), call.params.get("autoCloseType")
    if kind not in (None, "LIQUIDATION", "ADL"):
        raise problems.bad_data("autoCloseType")
    found = [
        order
        for order in call.state.forced
        if (symbol is None or order.symbol == symbol)
        and (kind is None or (kind == "ADL") == order.client_id.startswith(DELEVERAGED))
    ]
    return [queried(order) for order in found[-limit:]]


def needed_side(call: Call) -> PositionSide:
    side = position_side(call.params)
    if (side is PositionSide.BOTH) == call.state.account.hedge:
        raise problems.position_side_mismatch()
    return side
