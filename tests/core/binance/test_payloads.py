"""Frames of the streams, as the exchange sends them, turned into events or dropped."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson

from canary_cli.core.binance.payloads import market_event, user_event
from canary_cli.core.model import AlgoStatus, Frame, OrderType
from canary_cli.core.trading.events import (
    AccountUpdated,
    AlgoUpdated,
    CandleClosed,
    LeverageChanged,
    MarksUpdated,
    OrderUpdated,
    Quoted,
)

PAIRS = frozenset({"BTCUSDT", "ETHUSDT"})
T = 1771754400000
NOON = datetime(2026, 2, 22, 10, 0, tzinfo=UTC)


def frame(data: object) -> bytes:
    return orjson.dumps({"stream": "x", "data": data})


def kline(*, closed: bool, **more: object) -> dict[str, object]:
    k = {
        "t": T - 900_000,
        "T": T - 1,
        "s": "BTCUSDT",
        "i": "15m",
        "o": "1",
        "c": "2",
        "h": "3",
        "l": "0.5",
        "v": "9",
        "x": closed,
    }
    return {"e": "kline", "E": T, "s": "BTCUSDT", "k": {**k, **more}}


def test_only_closed_candles_pass() -> None:
    assert market_event(frame(kline(closed=False)), PAIRS) is None
    event = market_event(frame(kline(closed=True)), PAIRS)
    assert isinstance(event, CandleClosed)
    candle = event.candle
    assert (candle.symbol, candle.frame, candle.close_time, candle.close) == ("BTCUSDT", Frame.M15, NOON, 2.0)


def test_a_forming_candle_is_dropped_however_it_is_spaced() -> None:
    spaced = orjson.dumps({"data": kline(closed=False)}, option=orjson.OPT_INDENT_2)
    assert market_event(spaced, PAIRS) is None


def test_a_continuous_candle_names_its_pair_elsewhere() -> None:
    row = kline(closed=True)
    k = {name: value for name, value in row["k"].items() if name != "s"}  # type: ignore[attr-defined]
    event = market_event(frame({"e": "continuous_kline", "E": T, "ps": "BTCUSDT", "ct": "PERPETUAL", "k": k}), PAIRS)
    assert isinstance(event, CandleClosed) and event.candle.symbol == "BTCUSDT"


def test_marks_of_foreign_symbols_are_left_out() -> None:
    rows = [{"e": "markPriceUpdate", "E": T, "s": s, "p": "100.5"} for s in ("BTCUSDT", "DOGEUSDT")]
    assert market_event(frame(rows), PAIRS) == MarksUpdated(NOON, {"BTCUSDT": Decimal("100.5")})
    assert market_event(frame(rows[1:]), PAIRS) is None


def test_a_quote_has_both_sides() -> None:
    event = market_event(
        frame({"e": "bookTicker", "E": T, "s": "BTCUSDT", "b": "99", "B": "1", "a": "101", "A": "2"}), PAIRS
    )
    assert isinstance(event, Quoted) and event.book.mid == 100


def test_an_answer_to_a_subscription_is_no_event() -> None:
    assert market_event(b'{"result":null,"id":1}', PAIRS) is None


def order_update(**more: object) -> dict[str, object]:
    o = {
        "s": "BTCUSDT", "c": "KILL-1", "S": "SELL", "o": "MARKET", "f": "GTC", "q": "1", "p": "0", "ap": "100",
        "x": "TRADE", "X": "FILLED", "i": 7, "l": "1", "z": "1", "L": "100", "N": "USDT", "n": "0.05", "T": T, "t": 9,
        "m": False, "R": True, "ot": "MARKET", "ps": "BOTH", "cp": False, "rp": "-3.2",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": T, "T": T, "o": {**o, **more}}


def test_a_trade_carries_its_fill_and_a_new_order_none() -> None:
    event = user_event(order_update())
    assert isinstance(event, OrderUpdated) and event.fill is not None
    assert (event.fill.trade_id, event.fill.realized, event.fill.commission) == (9, Decimal("-3.2"), Decimal("0.05"))
    placed = user_event(order_update(x="NEW", X="NEW", l="0", z="0", t=0, n=None, N=None))
    assert isinstance(placed, OrderUpdated) and placed.fill is None


def test_a_liquidation_is_seen_with_what_it_traded() -> None:
    event = user_event(order_update(c="autoclose-1", o="LIQUIDATION", x="CALCULATED"))
    assert isinstance(event, OrderUpdated)
    assert (event.order.type, event.execution) == (OrderType.LIQUIDATION, "CALCULATED")
    assert event.fill is not None


def test_an_account_update_tells_wallet_reason_and_flat_positions_too() -> None:
    row = {"e": "ACCOUNT_UPDATE", "E": T, "T": T, "a": {
        "m": "ORDER",
        "B": [{"a": "BNB", "wb": "1", "cw": "1", "bc": "0"}, {"a": "USDT", "wb": "990", "cw": "990", "bc": "-10"}],
        "P": [{"s": "BTCUSDT", "pa": "0", "ep": "0", "up": "0", "mt": "cross", "iw": "0", "ps": "BOTH"}],
    }}  # fmt: skip
    event = user_event(row)
    assert isinstance(event, AccountUpdated)
    assert (event.reason, event.wallet, event.change) == ("ORDER", Decimal(990), Decimal(-10))
    assert event.positions[0].quantity == 0


def test_an_algo_update_names_the_order_it_became() -> None:
    o = {"caid": "s-1", "aid": 5, "at": "CONDITIONAL", "o": "STOP_MARKET", "s": "BTCUSDT", "S": "SELL", "ps": "BOTH",
         "q": "0", "X": "TRIGGERED", "ai": "77", "tp": "90", "cp": True, "R": True, "rm": ""}  # fmt: skip
    event = user_event({"e": "ALGO_UPDATE", "T": T, "E": T, "o": o})
    assert isinstance(event, AlgoUpdated)
    assert (event.order_id, event.algo.status) == (77, AlgoStatus.TRIGGERED)


def test_a_leverage_that_was_set_is_told_and_the_asset_mode_is_not() -> None:
    row = {"e": "ACCOUNT_CONFIG_UPDATE", "E": T, "T": T}
    event = user_event(row | {"ac": {"s": "BTCUSDT", "l": 5}})
    assert isinstance(event, LeverageChanged)
    assert (event.symbol, event.leverage) == ("BTCUSDT", 5)
    assert user_event(row | {"ai": {"j": True}}) is None


def test_kinds_we_do_not_keep_are_nothing() -> None:
    assert user_event({"e": "TRADE_LITE", "E": T, "T": T, "s": "BTCUSDT"}) is None
