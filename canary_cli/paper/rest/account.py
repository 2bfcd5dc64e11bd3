"""The account as a whole: balances, permissions, settings by symbol, fees, income."""

from datetime import timedelta

from canary_cli.paper.account_shapes import all_rows, assets, live_rows, position_row, totals
from canary_cli.paper.margin import largest_notional
from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, income, plain

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


@endpoint("GET", "/fapi/v2/account", USER, 5)
def account_v2(call: Call) -> Json:
    return {
        "feeTier": 0,
        "feeBurn": call.state.account.fee_burn,
        "canTrade": call.state.account.can_trade,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": call.state.account.multi_assets,
        "tradeGroupId": -1,
        **totals(call.state),
        "assets": [row | {"marginAvailable": True} for row in assets(call.state)],
        "positions": [position_row(call.state, held, V2_ACCOUNT) for held in all_rows(call.state, None)],
    }


@endpoint("GET", "/fapi/v3/account", USER, 5)
def account_v3(call: Call) -> Json:
    return {
        **totals(call.state),
        "assets": assets(call.state),
        "positions": [position_row(call.state, held, V3_ACCOUNT) for held in live_rows(call.state, None)],
    }


@endpoint("GET", "/fapi/v2/balance", USER, 5)
@endpoint("GET", "/fapi/v3/balance", USER, 5)
def balances(call: Call) -> list[Json]:
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
        for row in assets(call.state)
    ]


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
    """The seven days before `endTime` where no start is given, oldest first, page by page; three months are kept."""
    params, limit = call.params, call.params.limit(100, 1000)
    end, page = params.time("endTime"), params.integer("page", 1) or 1
    start = max(params.time("startTime") or (end or call.state.now) - WEEK, call.state.now - QUARTER)
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
