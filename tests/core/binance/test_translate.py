"""What each refusal of the exchange means, and its words turned into ours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from canary_cli.core.binance import translate
from canary_cli.core.model import (
    AlgoStatus,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from canary_cli.core.trading.replies import Failed, Rejected, Throttled, Unknown

NOW = datetime(2026, 2, 22, 10, 0, tzinfo=UTC)
BANNED = (
    "Way too many requests; IP banned until 1771754520000. Please use the websocket for live updates to avoid bans."
)


@pytest.mark.parametrize(
    ("status", "code", "message", "meaning"),
    [
        (400, -2022, "ReduceOnly Order is rejected.", Rejected),
        (400, -2019, "Margin is insufficient.", Rejected),
        (401, -2015, "Invalid API-key, IP, or permissions for action, request ip: 1.2.3.4", Rejected),
        (400, -1007, "Timeout waiting for response from backend server. Send status unknown", Unknown),
        (400, -1006, "An unexpected response was received from the message bus. Execution status unknown.", Unknown),
        (408, 0, "", Unknown),
        (503, 0, "Unknown error, please check your request or try again later.", Unknown),
        (503, 0, "Service Unavailable.", Failed),
        (503, 0, "Internal error; unable to process your request. Please try again.", Failed),
        (503, -1008, "Request throttled by system-level protection.", Failed),
        (502, 0, "<html>Bad gateway</html>", Unknown),
        (500, 0, "", Unknown),
        (403, 0, "<html>WAF</html>", Failed),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", Failed),
        (429, -1003, "Too many requests", Throttled),
        (400, -1015, "Too many new orders; current limit is 300 orders per TEN_SECONDS.", Throttled),
        (418, -1003, BANNED, Throttled),
    ],
)
def test_each_refusal_says_what_to_do_next(status: int, code: int, message: str, meaning: type) -> None:
    assert isinstance(translate.refusal(status, code, message, None, NOW), meaning)


def test_a_ban_lasts_as_long_as_the_exchange_says() -> None:
    assert translate.refusal(418, -1003, BANNED, None, NOW) == Throttled(120.0, banned=True)
    assert translate.refusal(418, -1003, "", 300.0, NOW) == Throttled(300.0, banned=True)
    assert translate.refusal(429, -1003, "", 7.0, NOW) == Throttled(7.0, banned=False)


def test_an_order_reply_of_2026_has_no_average_price() -> None:
    row = {
        "orderId": 7, "clientOrderId": "KILL-1", "symbol": "BTCUSDT", "side": "SELL", "type": "MARKET",
        "status": "FILLED", "origQty": "0.100", "executedQty": "0.100", "cumQty": "0.100", "price": "0",
        "reduceOnly": True, "closePosition": False, "positionSide": "BOTH", "updateTime": 1771754400123,
    }  # fmt: skip
    order = translate.order(row)
    assert (order.status, order.executed, order.average_price) == (OrderStatus.FILLED, Decimal("0.100"), 0)
    assert order.updated == NOW + timedelta(milliseconds=123)


def test_an_algo_order_of_a_closing_stop_has_no_quantity() -> None:
    row = {
        "algoId": 4000001910058351, "clientAlgoId": "c-1", "symbol": "BTCUSDT", "side": "SELL",
        "orderType": "STOP_MARKET", "algoStatus": "NEW", "triggerPrice": "90000.0", "quantity": "0.000",
        "closePosition": True, "reduceOnly": True, "positionSide": "BOTH",
    }  # fmt: skip
    algo = translate.algo_order(row)
    assert (algo.status, algo.close_position, algo.trigger_price) == (AlgoStatus.NEW, True, Decimal(90000))


def test_a_reduce_only_market_order_asks_for_its_result() -> None:
    request = OrderRequest("KILL-1", "BTCUSDT", Side.SELL, Decimal("1E-3"), reduce_only=True)
    assert translate.order_fields(request) == {
        "symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.001", "reduceOnly": "true",
        "newClientOrderId": "KILL-1", "newOrderRespType": "RESULT",
    }  # fmt: skip


def test_in_hedge_mode_the_side_is_named_and_reduce_only_left_out() -> None:
    request = OrderRequest(
        "KILL-1", "BTCUSDT", Side.SELL, Decimal(1), OrderType.LIMIT, price=Decimal("95.50"), reduce_only=True,
        time_in_force=TimeInForce.IOC, position_side=PositionSide.LONG,
    )  # fmt: skip
    fields = translate.order_fields(request)
    assert "reduceOnly" not in fields
    assert (fields["positionSide"], fields["timeInForce"], fields["price"]) == ("LONG", "IOC", "95.50")


def test_a_closing_stop_is_sent_without_quantity() -> None:
    request = OrderRequest(
        "s-1", "BTCUSDT", Side.SELL, Decimal(0), OrderType.STOP_MARKET, trigger_price=Decimal(90000),
        close_position=True, reduce_only=True, working_type=WorkingType.MARK_PRICE,
    )  # fmt: skip
    assert translate.algo_fields(request) == {
        "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "90000", "closePosition": "true",
        "workingType": "MARK_PRICE", "clientAlgoId": "s-1", "algoType": "CONDITIONAL",
    }  # fmt: skip


def test_times_are_exact_to_the_millisecond() -> None:
    for told in (0, 1771754400123, 1499827319559):
        assert translate.milliseconds(translate.instant(told)) == told


def test_locks_are_only_those_that_lock() -> None:
    row = {"indicators": {"BTCUSDT": [
        {"isLocked": True, "plannedRecoverTime": 1771754400000, "indicator": "UFR"},
        {"isLocked": False, "plannedRecoverTime": 0, "indicator": "GCR"},
    ]}}  # fmt: skip
    [lock] = translate.locks(row)
    assert (lock.symbol, lock.indicator, lock.until) == ("BTCUSDT", "UFR", NOW)
