"""What orders, trades and balances look like in REST replies and WebSocket API results: field names, types, digits.

Prices and quantities are strings, wallet figures have eight decimals, times are integer milliseconds of plan time.
Since June 2026 replies to placing, amending and cancelling carry no `avgPrice` and no `cumQuote`; queries do.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.core.model import ZERO, OrderType, PositionSide
from canary_cli.paper.account import CENT, MARGIN_ASSET, Holding
from canary_cli.paper.algo import LIMITS
from canary_cli.paper.orders import Conditional, IncomeRow, RestingOrder, Trade
from canary_cli.paper.state import State

Json = dict[str, Any]


def ms(instant: datetime | None) -> int:
    return int(instant.timestamp() * 1000) if instant else 0


def wallet(value: Decimal) -> str:
    """Eight decimals, never in exponent form."""
    return f"{value.quantize(CENT):f}"


def plain(value: Decimal) -> str:
    """As it is, never in exponent form; zero is `0`."""
    return f"{value:f}" if value else "0"


def placed(order: RestingOrder) -> Json:
    """Reply to placing, amending and cancelling."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status.value,
        "clientOrderId": order.client_id,
        "price": plain(order.price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.executed),
        "cumQty": plain(order.executed),
        "timeInForce": order.time_in_force.value,
        "type": order.type.value,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side.value,
        "positionSide": order.position_side.value,
        "stopPrice": plain(order.trigger_price),
        "workingType": order.working_type.value,
        "priceProtect": order.price_protect,
        "origType": order.original_type.value,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade.value,
        "goodTillDate": ms(order.good_till),
        "updateTime": ms(order.updated),
    }


def acknowledged(order: RestingOrder) -> Json:
    """`newOrderRespType=ACK`: as the order stood before it met the book."""
    return placed(order) | {"status": "NEW", "executedQty": "0", "cumQty": "0"}


def queried(order: RestingOrder) -> Json:
    """GET order, openOrder, openOrders. To REST a forced order is a LIMIT order."""
    average = f"{order.average_price.quantize(Decimal('0.00001')):f}"
    shape = placed(order) | {"avgPrice": average, "cumQuote": plain(order.spent), "time": ms(order.created)}
    del shape["cumQty"]
    if order.type is OrderType.LIQUIDATION:
        shape |= {"type": OrderType.LIMIT.value, "origType": OrderType.LIMIT.value}
    if order.original_type is OrderType.TRAILING_STOP_MARKET:
        shape |= {"activatePrice": plain(order.activate_price), "priceRate": plain(order.callback_rate)}
    return shape


def listed(order: RestingOrder) -> Json:
    """A row of allOrders."""
    return queried(order) | {"pair": order.symbol, "cumBase": plain(order.executed)}


def conditional(order: Conditional) -> Json:
    """Reply to placing a conditional order."""
    trailing = order.type is OrderType.TRAILING_STOP_MARKET
    return {
        "algoId": order.algo_id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.type.value,
        "symbol": order.symbol,
        "side": order.side.value,
        "positionSide": order.position_side.value,
        "timeInForce": "GTE_GTC" if order.with_position else order.time_in_force.value,
        "quantity": plain(order.quantity),
        "algoStatus": order.status.value,
        "triggerPrice": plain(order.trigger_price),
        "price": plain(order.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": order.self_trade.value,
        "workingType": order.working_type.value,
        "priceMatch": order.price_match,
        "closePosition": order.close_position,
        "priceProtect": order.price_protect,
        "reduceOnly": order.reduce_only,
        "activatePrice": plain(order.activate_price) if trailing else "",
        "callbackRate": plain(order.callback_rate) if trailing else "",
        "createTime": ms(order.created),
        "updateTime": ms(order.updated),
        "triggerTime": ms(order.triggered),
        "goodTillDate": ms(order.good_till),
    }


def queried_conditional(order: Conditional, actual: RestingOrder | None) -> Json:
    """GET algoOrder, openAlgoOrders, allAlgoOrders; `actual` is the order it became."""
    shape = conditional(order) | {
        "actualOrderId": str(order.order_id) if order.order_id else "",
        "actualQty": plain(actual.executed) if actual else "0.0",
        "isActivated": order.activated,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
    }
    if order.triggered:
        shape |= {
            "actualPrice": plain(actual.average_price) if actual else "0.00000",
            "actualType": "LIMIT" if order.type in LIMITS else "MARKET",
        }
    return shape


def user_trade(trade: Trade) -> Json:
    return {
        "buyer": trade.side.value == "BUY",
        "commission": wallet(trade.commission),
        "commissionAsset": trade.commission_asset,
        "id": trade.trade_id,
        "maker": trade.maker,
        "orderId": trade.order_id,
        "price": plain(trade.price),
        "qty": plain(trade.quantity),
        "quoteQty": plain(trade.price * trade.quantity),
        "baseQty": plain(trade.quantity),
        "marginAsset": MARGIN_ASSET,
        "realizedPnl": wallet(trade.realized),
        "side": trade.side.value,
        "positionSide": trade.position_side.value,
        "symbol": trade.symbol,
        "pair": trade.symbol,
        "time": ms(trade.time),
    }


def income(row: IncomeRow) -> Json:
    return {
        "symbol": row.symbol,
        "incomeType": row.type,
        "income": wallet(row.amount),
        "asset": row.asset,
        "info": row.info,
        "time": ms(row.time),
        "tranId": row.transaction_id,
        "tradeId": row.trade_id,
    }


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
