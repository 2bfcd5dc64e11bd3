"""The account: balances, positions, brackets, fees, income."""

from datetime import timedelta

from canary_cli.core.model import PositionSide
from canary_cli.paper import problems
from canary_cli.paper.account import Holding
from canary_cli.paper.liquidation import DELEVERAGED
from canary_cli.paper.margin import largest_notional
from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.rest.orders import position_side
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import (
    Json,
    assets,
    income,
    plain,
    position_figures,
    queried,
    sides_of,
    totals,
)
from canary_cli.paper.state import State

USER = Security.USER_DATA
WEEK, QUARTER = timedelta(days=7), timedelta(days=92)
ALIAS = "SgsR"

V2_ACCOUNT = (
    "symbol", "initialMargin", "maintMargin", "unrealizedProfit", "positionInitialMargin", "openOrderInitialMargin",
    "leverage", "isolated", "entryPrice", "breakEvenPrice", "maxNotional", "bidNotional", "askNotional", "positionSide",
    "positionAmt", "notional", "isolatedWallet", "updateTime",
)  # fmt: skip
V3_ACCOUNT = (
    "symbol", "positionSide", "positionAmt", "unrealizedProfit", "isolatedMargin", "notional", "isolatedWallet",
    "initialMargin", "maintMargin", "updateTime",
)  # fmt: skip
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


def _row(state: State, held: Holding, fields: tuple[str, ...]) -> Json:
    most = plain(largest_notional(state.account.config(held.symbol).leverage, state.listing(held.symbol).brackets))
    figures = position_figures(state, held) | {"maxNotional": most, "maxNotionalValue": most}
    return {name: figures[name] for name in fields}


def all_rows(state: State, symbol: str | None) -> list[Holding]:
    """A row for every symbol and side, flat or not."""
    symbols = [symbol] if symbol else list(state.listings)
    return [
        state.account.holdings.get((each, side)) or Holding(each, side) for each in symbols for side in sides_of(state)
    ]


def live_rows(state: State, symbol: str | None) -> list[Holding]:
    """Only where there is a position or an open order."""
    return [held for held in all_rows(state, symbol) if held.quantity or state.orders.has_open(held.symbol)]


def account_v2(state: State) -> Json:
    return {
        "feeTier": 0,
        "feeBurn": state.account.fee_burn,
        "canTrade": state.account.can_trade,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": state.account.multi_assets,
        "tradeGroupId": -1,
        **totals(state),
        "assets": [row | {"marginAvailable": True} for row in assets(state)],
        "positions": [_row(state, held, V2_ACCOUNT) for held in all_rows(state, None)],
    }


def account_v3(state: State) -> Json:
    return {
        **totals(state),
        "assets": assets(state),
        "positions": [_row(state, held, V3_ACCOUNT) for held in live_rows(state, None)],
    }


def balances(state: State) -> list[Json]:
    names = ("crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount")
    return [
        {
            "accountAlias": ALIAS,
            "asset": row["asset"],
            "balance": row["walletBalance"],
            **{name: row[name] for name in names},
            "marginAvailable": True,
            "updateTime": row["updateTime"],
        }
        for row in assets(state)
    ]


def positions_v2(state: State, symbol: str | None) -> list[Json]:
    return [_row(state, held, V2_RISK) for held in all_rows(state, symbol)]


def positions_v3(state: State, symbol: str | None) -> list[Json]:
    return [_row(state, held, V3_RISK) for held in live_rows(state, symbol)]


@endpoint("GET", "/fapi/v2/account", USER, 5)
def get_account_v2(call: Call) -> Json:
    return account_v2(call.state)


@endpoint("GET", "/fapi/v3/account", USER, 5)
def get_account_v3(call: Call) -> Json:
    return account_v3(call.state)


@endpoint("GET", "/fapi/v2/balance", USER, 5)
def get_balance_v2(call: Call) -> list[Json]:
    return balances(call.state)


@endpoint("GET", "/fapi/v3/balance", USER, 5)
def get_balance_v3(call: Call) -> list[Json]:
    return balances(call.state)


@endpoint("GET", "/fapi/v2/positionRisk", USER, 5)
def get_positions_v2(call: Call) -> list[Json]:
    return positions_v2(call.state, call.maybe_symbol())


@endpoint("GET", "/fapi/v3/positionRisk", USER, 5)
def get_positions_v3(call: Call) -> list[Json]:
    return positions_v3(call.state, call.maybe_symbol())


@endpoint("GET", "/fapi/v1/symbolConfig", USER, 5)
def symbol_config(call: Call) -> list[Json]:
    state, symbol = call.state, call.maybe_symbol()
    rows = []
    for each in [symbol] if symbol else state.listings:
        config = state.account.config(each)
        rows.append(
            {
                "symbol": each,
                "marginType": "ISOLATED" if config.isolated else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": config.leverage,
                "maxNotionalValue": plain(largest_notional(config.leverage, state.listing(each).brackets)),
            }
        )
    return rows


@endpoint("GET", "/fapi/v1/accountConfig", USER, 5)
def account_config(call: Call) -> Json:
    account = call.state.account
    return {
        "feeTier": 0,
        "canTrade": account.can_trade,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": account.hedge,
        "updateTime": 0,
        "multiAssetsMargin": account.multi_assets,
        "tradeGroupId": -1,
    }


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


@endpoint("GET", "/fapi/v1/commissionRate", USER, 20)
def commission_rate(call: Call) -> Json:
    fees = call.state.fees
    return {
        "symbol": call.symbol(),
        "makerCommissionRate": f"{fees.maker:.6f}",
        "takerCommissionRate": f"{fees.taker:.6f}",
        "rpiCommissionRate": "0.000000",
    }


@endpoint("GET", "/fapi/v1/income", USER, 30)
def get_income(call: Call) -> list[Json]:
    """The last seven days where no start is given, oldest first, page by page."""
    params, limit = call.params, call.params.limit(100, 1000)
    (start, end), page = params.window(QUARTER), params.integer("page", 1) or 1
    start = start or (end or call.state.now) - WEEK
    symbol, kind = params.get("symbol"), params.get("incomeType")
    rows = [
        row
        for row in call.state.income
        if row.time >= start
        and (end is None or row.time <= end)
        and (symbol is None or row.symbol == symbol)
        and (kind is None or row.type == kind)
    ]
    return [income(row) for row in rows[(page - 1) * limit : page * limit]]


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
