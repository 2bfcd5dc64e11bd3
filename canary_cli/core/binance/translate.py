"""From the exchange's JSON to our words, and from its refusals to a `Reply`. Pure.

Shapes: Binance USD-M REST as of 2026-11. Numbers arrive as strings; an untouched price may be "0" or "0.00000".
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from canary_cli.core.model import (
    ZERO,
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    AlgoStatus,
    Balance,
    Book,
    Candle,
    Fill,
    Frame,
    Income,
    KeyRights,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Position,
    PositionSide,
    Side,
    SymbolRules,
    TradingLock,
)
from canary_cli.core.trading.replies import Failed, Rejected, Throttled, Unknown

Row = Mapping[str, Any]

UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What reading an answer raises that is not what it should be: a Decimal of no number is an ArithmeticError."""

_EPOCH = datetime.fromtimestamp(0, UTC)


def instant(milliseconds: int) -> datetime:
    """Exact, where `fromtimestamp(ms / 1000)` would round."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def order(row: Row) -> Order:
    """`POST|GET|DELETE /fapi/v1/order`. Replies to POST and DELETE carry no `avgPrice` since 2026-06."""
    return Order(
        order_id=int(row["orderId"]),
        client_id=row["clientOrderId"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        type=OrderType(row["type"]),
        status=OrderStatus(row["status"]),
        quantity=Decimal(row["origQty"]),
        executed=Decimal(row["executedQty"]),
        average_price=Decimal(row.get("avgPrice", "0")),
        price=Decimal(row["price"]),
        reduce_only=bool(row["reduceOnly"]),
        close_position=bool(row["closePosition"]),
        position_side=PositionSide(row["positionSide"]),
        updated=instant(int(row["updateTime"])),
    )


def algo_order(row: Row) -> AlgoOrder:
    """`POST|GET /fapi/v1/algoOrder`, one row of `openAlgoOrders`."""
    return AlgoOrder(
        algo_id=int(row["algoId"]),
        client_id=row["clientAlgoId"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        type=OrderType(row["orderType"]),
        status=AlgoStatus(row["algoStatus"]),
        trigger_price=Decimal(row["triggerPrice"] or "0"),
        quantity=Decimal(row["quantity"] or "0"),
        close_position=bool(row["closePosition"]),
        reduce_only=bool(row["reduceOnly"]),
        position_side=PositionSide(row["positionSide"]),
    )


def position(row: Row) -> Position:
    """One row of `/fapi/v3/positionRisk` (which also lists flat symbols that have open orders)."""
    return Position(
        symbol=row["symbol"],
        quantity=Decimal(row["positionAmt"]),
        entry_price=Decimal(row["entryPrice"]),
        mark_price=Decimal(row["markPrice"]),
        position_side=PositionSide(row["positionSide"]),
        unrealized=Decimal(row["unRealizedProfit"]),
        liquidation_price=Decimal(row["liquidationPrice"]),
    )


def held(rows: Sequence[Row]) -> tuple[Position, ...]:
    """Those of the rows that hold something."""
    return tuple(found for found in map(position, rows) if found.quantity)


def balance(row: Row) -> Balance:
    """`/fapi/v3/account`: the account's totals in USDT."""
    return Balance(
        wallet=Decimal(row["totalWalletBalance"]),
        unrealized=Decimal(row["totalUnrealizedProfit"]),
        margin=Decimal(row["totalMarginBalance"]),
        available=Decimal(row["availableBalance"]),
        maintenance=Decimal(row["totalMaintMargin"]),
    )


def mode(row: Row) -> AccountMode:
    """`/fapi/v1/accountConfig`."""
    return AccountMode(bool(row["dualSidePosition"]), bool(row["multiAssetsMargin"]), bool(row["canTrade"]))


def leverages(rows: Sequence[Row]) -> dict[str, Decimal]:
    """`/fapi/v1/symbolConfig`, which alone tells the leverage of pairs that hold nothing."""
    return {row["symbol"]: Decimal(row["leverage"]) for row in rows}


def snapshot(
    time: datetime, config: Row, account: Row, positions: Sequence[Row], orders: Sequence[Row], algos: Sequence[Row]
) -> AccountSnapshot:
    """An account whole: `accountConfig`, `v3/account`, `v3/positionRisk`, `openOrders`, `openAlgoOrders`."""
    return AccountSnapshot(
        time,
        balance(account),
        mode(config),
        held(positions),
        tuple(order(row) for row in orders),
        tuple(algo_order(row) for row in algos),
    )


def fill(row: Row) -> Fill:
    """One row of `/fapi/v1/userTrades`, which names the order by its number only: `client_id` is empty."""
    return Fill(
        symbol=row["symbol"],
        trade_id=int(row["id"]),
        order_id=int(row["orderId"]),
        client_id="",
        side=Side(row["side"]),
        price=Decimal(row["price"]),
        quantity=Decimal(row["qty"]),
        time=instant(int(row["time"])),
        realized=Decimal(row["realizedPnl"]),
        commission=Decimal(row["commission"]),
        commission_asset=row["commissionAsset"],
        maker=bool(row["maker"]),
        position_side=PositionSide(row["positionSide"]),
    )


def income(row: Row) -> Income:
    return Income(
        type=row["incomeType"],
        id=int(row["tranId"]),
        symbol=row["symbol"],
        asset=row["asset"],
        amount=Decimal(row["income"]),
        time=instant(int(row["time"])),
        trade_id=str(row.get("tradeId") or ""),
    )


def rules(row: Row) -> SymbolRules:
    """One symbol of `/fapi/v1/exchangeInfo`."""
    filters = {item["filterType"]: item for item in row["filters"]}
    lot, market = filters["LOT_SIZE"], filters.get("MARKET_LOT_SIZE", filters["LOT_SIZE"])
    band = filters.get("PERCENT_PRICE", {"multiplierUp": "1.05", "multiplierDown": "0.95"})
    return SymbolRules(
        symbol=row["symbol"],
        tick=Decimal(filters["PRICE_FILTER"]["tickSize"]),
        step=Decimal(lot["stepSize"]),
        min_quantity=Decimal(lot["minQty"]),
        max_quantity=Decimal(lot["maxQty"]),
        market_step=Decimal(market["stepSize"]),
        market_min_quantity=Decimal(market["minQty"]),
        market_max_quantity=Decimal(market["maxQty"]),
        min_notional=Decimal(filters.get("MIN_NOTIONAL", {"notional": "0"})["notional"]),
        price_up=Decimal(band["multiplierUp"]),
        price_down=Decimal(band["multiplierDown"]),
        status=row["status"],
    )


def candle(symbol: str, frame: Frame, row: Sequence[Any]) -> Candle:
    """One row of `/fapi/v1/klines`: open time, open, high, low, close, volume, ..."""
    opened, *figures = row[:6]
    return Candle(symbol, frame, instant(int(opened)), *(float(figure) for figure in figures))


def book(symbol: str, row: Row) -> Book:
    """`/fapi/v1/depth`."""
    return Book(symbol, _levels(row["bids"]), _levels(row["asks"]), instant(int(row["T"])))


def _levels(rows: Sequence[Sequence[str]]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity, *_ in rows)


def locks(row: Row) -> tuple[TradingLock, ...]:
    """`/fapi/v1/apiTradingStatus`."""
    return tuple(
        TradingLock(symbol, item["indicator"], instant(int(item.get("plannedRecoverTime") or 0)))
        for symbol, indicators in row.get("indicators", {}).items()
        for item in indicators
        if item.get("isLocked")
    )


def key_rights(row: Row) -> KeyRights:
    """`/sapi/v1/account/apiRestrictions`."""
    return KeyRights(bool(row["enableFutures"]), bool(row["enableWithdrawals"]), bool(row["ipRestrict"]))


def order_fields(request: OrderRequest) -> dict[str, str]:
    """The parameters of `POST /fapi/v1/order`. In hedge mode `reduceOnly` is refused (-1106), so it is left out."""
    fields = _common_fields(request) | {"newClientOrderId": request.client_id, "newOrderRespType": "RESULT"}
    fields["quantity"] = plain(request.quantity)
    if request.type is OrderType.LIMIT:
        fields["timeInForce"] = str(request.time_in_force or "GTC")
    return fields


def algo_fields(request: OrderRequest) -> dict[str, str]:
    """The parameters of `POST /fapi/v1/algoOrder`. `closePosition` goes without quantity (-4137)."""
    fields = _common_fields(request) | {"clientAlgoId": request.client_id, "algoType": "CONDITIONAL"}
    fields["workingType"] = str(request.working_type)
    if request.trigger_price is not None:
        fields["triggerPrice"] = plain(request.trigger_price)
    if request.close_position:
        fields["closePosition"] = "true"
    else:
        fields["quantity"] = plain(request.quantity)
    if request.time_in_force is not None:
        fields["timeInForce"] = str(request.time_in_force)
    return fields


def _common_fields(request: OrderRequest) -> dict[str, str]:
    fields = {"symbol": request.symbol, "side": str(request.side), "type": str(request.type)}
    if request.price is not None:
        fields["price"] = plain(request.price)
    if request.position_side is not PositionSide.BOTH:
        fields["positionSide"] = str(request.position_side)
    elif request.reduce_only and not request.close_position:
        fields["reduceOnly"] = "true"
    return fields


def plain(value: Decimal) -> str:
    """Never 1E-5, never -0: the exchange reads neither."""
    return format(value or ZERO, "f")


UNKNOWN_CODES = frozenset({-1000, -1006, -1007})
CLOCK_CODES = frozenset({-1021, -5028})
THROTTLED_CODES = frozenset({-1003, -1015})
BUSY_CODES = frozenset({-1001, -1008, -1016})
DUPLICATE_ID = -4116
ORDER_COUNT_WINDOW = 10.0
"""Seconds of the shorter order-count window, waited out after -1015."""


def refusal(
    status: int, code: int, message: str, retry_after: float | None = None, now: datetime | None = None
) -> Rejected | Failed | Throttled | Unknown:
    """What an answer that is not 2xx means for what to do next.

    `status` is HTTP's; `code` and `message` are the body's, 0 where the body was no JSON. `now` (wall time) turns
    "banned until <ms>" into seconds. Whatever leaves open whether the order was executed is `Unknown`.
    """
    if status == 418:
        return Throttled(retry_after or _ban_seconds(message, now) or 120.0, banned=True)
    if status == 429 or code in THROTTLED_CODES:
        return Throttled(retry_after or (ORDER_COUNT_WINDOW if code == -1015 else 1.0))
    if code in UNKNOWN_CODES or status == 408:
        return Unknown(f"{code or status} {message}".strip())
    if code in BUSY_CODES or code in CLOCK_CODES:
        return Failed(code, message)
    if status >= 500:
        return Failed(code, message) if _certainly_not_done(message) else Unknown(f"{status} {message}")
    if status == 403:  # the web firewall: it never reached the exchange
        return Failed(code, f"403 {message}")
    return Rejected(code, message)


def _certainly_not_done(message: str) -> bool:
    return "Service Unavailable" in message or "unable to process your request" in message


def _ban_seconds(message: str, now: datetime | None) -> float | None:
    found = re.search(r"banned until (\d{13})", message)
    if found is None or now is None:
        return None
    return max(1.0, (instant(int(found[1])) - now).total_seconds())
