"""What balances and positions look like in REST replies and WebSocket API results, each endpoint picking its fields."""

from decimal import Decimal

from canary_cli.core.model import ZERO, PositionSide
from canary_cli.paper.account import MARGIN_ASSET, Holding
from canary_cli.paper.margin import largest_notional
from canary_cli.paper.shapes import Json, ms, plain, wallet
from canary_cli.paper.state import State


def assets(state: State) -> list[Json]:
    """Rows of account.assets."""
    return [_asset(state, name) for name in sorted({MARGIN_ASSET, "BNB", *state.account.wallets}, reverse=True)]


def _asset(state: State, name: str) -> Json:
    account, marks = state.account, state.marks
    held = account.wallets.get(name, ZERO)
    if name != MARGIN_ASSET:
        zero = {key: wallet(ZERO) for key in _MARGIN_FIGURES}
        figures = zero | dict.fromkeys(("walletBalance", "marginBalance", "crossWalletBalance"), wallet(held))
        figures |= dict.fromkeys(("availableBalance", "maxWithdrawAmount"), wallet(held))
        return {"asset": name, **figures, "updateTime": ms(account.updated)}
    return {"asset": name, **margin_figures(state), "updateTime": ms(account.updated)} | {
        "walletBalance": wallet(held),
        "crossUnPnl": wallet(account.cross_unrealized(marks)),
    }


_MARGIN_FIGURES = (
    "walletBalance", "unrealizedProfit", "marginBalance", "maintMargin", "initialMargin", "positionInitialMargin",
    "openOrderInitialMargin", "crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount",
)  # fmt: skip


def margin_figures(state: State) -> dict[str, str]:
    """The eleven figures of the account, by the names they have in `assets`."""
    account, marks = state.account, state.marks
    orders, positions = state.order_margin(), ZERO
    for held in account.open_holdings():
        positions += account.initial_of(held, marks)
    unrealized = account.unrealized(marks)
    kept = sum((account.maintenance_of(held, marks) for held in account.open_holdings()), ZERO)
    values = (
        account.wallet, unrealized, account.wallet + unrealized, kept, positions + orders, positions, orders,
        account.cross_wallet, account.cross_unrealized(marks), account.available(marks, orders),
        account.withdrawable(marks, orders),
    )  # fmt: skip
    return {name: wallet(value) for name, value in zip(_MARGIN_FIGURES, values, strict=True)}


def totals(state: State) -> dict[str, str]:
    """The same under the account's own names."""
    figures = margin_figures(state)
    names = {
        "totalInitialMargin": "initialMargin",
        "totalMaintMargin": "maintMargin",
        "totalWalletBalance": "walletBalance",
        "totalUnrealizedProfit": "unrealizedProfit",
        "totalMarginBalance": "marginBalance",
        "totalPositionInitialMargin": "positionInitialMargin",
        "totalOpenOrderInitialMargin": "openOrderInitialMargin",
        "totalCrossWalletBalance": "crossWalletBalance",
        "totalCrossUnPnl": "crossUnPnl",
        "availableBalance": "availableBalance",
        "maxWithdrawAmount": "maxWithdrawAmount",
    }
    return {total: figures[name] for total, name in names.items()}


def position_figures(state: State, held: Holding) -> Json:
    """What all position shapes share; each endpoint picks its own of them."""
    account, mark = state.account, state.marks[held.symbol]
    config = account.config(held.symbol)
    initial, bids_asks = account.initial_of(held, state.marks), state.open_notionals(held.symbol)
    orders = state.order_margin_of(held.symbol)
    unrealized = wallet(held.unrealized(mark))
    digits = Decimal(1).scaleb(-state.listing(held.symbol).price_precision)
    liquidation = account.liquidation_price(held, state.marks)
    return {
        "symbol": held.symbol,
        "positionSide": held.side.value,
        "positionAmt": plain(held.quantity) if held.quantity else _zero(state, held.symbol),
        "entryPrice": plain(held.entry.quantize(digits / 1000)) if held.entry else "0.0",
        "breakEvenPrice": plain(held.break_even.quantize(digits / 1000)) if held.quantity else "0.0",
        "markPrice": wallet(mark),
        "unRealizedProfit": unrealized,
        "unrealizedProfit": unrealized,
        "liquidationPrice": plain(liquidation.quantize(digits)) if liquidation > 0 else "0",
        "isolatedMargin": wallet(held.isolated_wallet + held.unrealized(mark)) if config.isolated else wallet(ZERO),
        "notional": wallet(held.quantity * mark) if held.quantity else "0",
        "marginAsset": MARGIN_ASSET,
        "isolatedWallet": wallet(held.isolated_wallet),
        "initialMargin": wallet(initial + orders),
        "maintMargin": wallet(account.maintenance_of(held, state.marks)),
        "positionInitialMargin": wallet(initial),
        "openOrderInitialMargin": wallet(orders),
        "adl": adl_quantile(state, held),
        "bidNotional": plain(bids_asks[0]),
        "askNotional": plain(bids_asks[1]),
        "leverage": str(config.leverage),
        "isolated": config.isolated,
        "marginType": "isolated" if config.isolated else "cross",
        "isAutoAddMargin": "false",
        "updateTime": ms(held.updated),
    }


def _zero(state: State, symbol: str) -> str:
    return f"{ZERO:.{state.listing(symbol).quantity_precision}f}"


def adl_quantile(state: State, held: Holding) -> int:
    """0 (last in the queue) to 4, by profit relative to the position at its leverage."""
    if not held.quantity:
        return 0
    profit = held.unrealized(state.marks[held.symbol]) / (abs(held.quantity) * held.entry)
    return max(0, min(4, int(2 + profit * state.account.config(held.symbol).leverage * 4)))


def sides_of(state: State) -> tuple[PositionSide, ...]:
    """Position rows a symbol has in the account's mode."""
    return (PositionSide.LONG, PositionSide.SHORT) if state.account.hedge else (PositionSide.BOTH,)


def position_row(state: State, held: Holding, fields: tuple[str, ...]) -> Json:
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
