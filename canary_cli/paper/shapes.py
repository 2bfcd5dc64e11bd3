"""What orders, trades and income look like in REST replies and WebSocket API results: field names, types, digits.

Prices and quantities are strings, wallet figures have eight decimals, times are integer milliseconds of plan time.
Since June 2026 replies to placing, amending and cancelling carry no `avgPrice` and no `cumQuote`; queries do.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.core.model import OrderType
from canary_cli.paper.account import CENT, MARGIN_ASSET
from canary_cli.paper.algo import LIMITS
from canary_cli.paper.orders import Conditional, IncomeRow, RestingOrder, Trade

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
