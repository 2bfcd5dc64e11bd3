"""From one frame of a stream to an event, or to nothing. Pure, and cheap: every frame of every pair passes here."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import orjson

from canary_cli.core.binance.translate import instant
from canary_cli.core.model import (
    AlgoOrder,
    AlgoStatus,
    Book,
    Candle,
    Fill,
    Frame,
    Order,
    OrderStatus,
    OrderType,
    Position,
    PositionSide,
    Side,
)
from canary_cli.core.trading.events import (
    AccountUpdated,
    AlgoUpdated,
    CandleClosed,
    LeverageChanged,
    MarksUpdated,
    OrderUpdated,
    Quoted,
)

Row = Mapping[str, Any]

LISTEN_KEY_EXPIRED = "listenKeyExpired"


def market_event(frame: bytes, symbols: Collection[str]) -> CandleClosed | MarksUpdated | Quoted | None:
    """A frame of `/market/stream` or `/public/stream`: `{"stream": name, "data": payload}`.

    Candles still forming are dropped unparsed; marks of foreign symbols are left out.
    """
    if b'"x":false' in frame:
        return None
    data = orjson.loads(frame).get("data")
    if isinstance(data, list):
        return _marks(data, symbols)
    kind = data.get("e") if data else None
    if kind == "bookTicker":
        return _quote(data)
    if kind in ("kline", "continuous_kline"):
        return _candle(data)
    return None


def _marks(rows: list[Row], symbols: Collection[str]) -> MarksUpdated | None:
    marks = {row["s"]: Decimal(row["p"]) for row in rows if row["s"] in symbols}
    return MarksUpdated(instant(rows[0]["E"]), marks) if marks else None


def _quote(row: Row) -> Quoted:
    time = instant(row["E"])
    bid, ask = (Decimal(row["b"]), Decimal(row["B"])), (Decimal(row["a"]), Decimal(row["A"]))
    return Quoted(time, Book(row["s"], (bid,), (ask,), time))


def _candle(row: Row) -> CandleClosed | None:
    k = row["k"]
    if not k["x"]:
        return None
    symbol = k.get("s") or row.get("s") or row["ps"]
    figures = (float(k[name]) for name in ("o", "h", "l", "c", "v"))
    return CandleClosed(instant(row["E"]), Candle(symbol, Frame(k["i"]), instant(k["t"]), *figures))


def user_event(row: Row) -> OrderUpdated | AlgoUpdated | AccountUpdated | LeverageChanged | None:
    """One parsed payload of the user stream; kinds that change nothing we keep (TRADE_LITE, ...) are None."""
    match row.get("e"):
        case "ORDER_TRADE_UPDATE":
            return _order_updated(row)
        case "ACCOUNT_UPDATE":
            return _account_updated(row)
        case "ALGO_UPDATE":
            return _algo_updated(row)
        case "ACCOUNT_CONFIG_UPDATE" if "ac" in row:  # with "ai" it tells of multi-assets mode
            return LeverageChanged(instant(row["E"]), row["ac"]["s"], Decimal(row["ac"]["l"]))
        case _:
            return None


def _order_updated(row: Row) -> OrderUpdated:
    o = row["o"]
    order = Order(
        order_id=o["i"],
        client_id=o["c"],
        symbol=o["s"],
        side=Side(o["S"]),
        type=OrderType(o["o"]),
        status=OrderStatus(o["X"]),
        quantity=Decimal(o["q"]),
        executed=Decimal(o["z"]),
        average_price=Decimal(o["ap"]),
        price=Decimal(o["p"]),
        reduce_only=o["R"],
        close_position=o.get("cp", False),
        position_side=PositionSide(o["ps"]),
        updated=instant(row["T"]),
    )
    return OrderUpdated(instant(row["E"]), order, o["x"], _fill(o) if o["t"] and Decimal(o["l"]) else None)


def _fill(o: Row) -> Fill:
    return Fill(
        symbol=o["s"],
        trade_id=o["t"],
        order_id=o["i"],
        client_id=o["c"],
        side=Side(o["S"]),
        price=Decimal(o["L"]),
        quantity=Decimal(o["l"]),
        time=instant(o["T"]),
        realized=Decimal(o["rp"]),
        commission=Decimal(o.get("n") or "0"),
        commission_asset=o.get("N") or "USDT",
        maker=o["m"],
        position_side=PositionSide(o["ps"]),
    )


def _account_updated(row: Row) -> AccountUpdated:
    a = row["a"]
    usdt = next((item for item in a.get("B", ()) if item["a"] == "USDT"), None)
    return AccountUpdated(
        instant(row["E"]),
        reason=a["m"],
        wallet=Decimal(usdt["wb"]) if usdt else None,
        change=Decimal(usdt["bc"]) if usdt else Decimal(0),
        positions=tuple(_position(item) for item in a.get("P", ())),
    )


def _position(p: Row) -> Position:
    """The payload names no mark; the entry price stands in, so that a position never looks worth nothing."""
    entry = Decimal(p["ep"])
    return Position(p["s"], Decimal(p["pa"]), entry, entry, PositionSide(p["ps"]), Decimal(p["up"]))


def _algo_updated(row: Row) -> AlgoUpdated:
    o = row["o"]
    algo = AlgoOrder(
        algo_id=o["aid"],
        client_id=o["caid"],
        symbol=o["s"],
        side=Side(o["S"]),
        type=OrderType(o["o"]),
        status=AlgoStatus(o["X"]),
        trigger_price=Decimal(o["tp"] or "0"),
        quantity=Decimal(o["q"] or "0"),
        close_position=o["cp"],
        reduce_only=o["R"],
        position_side=PositionSide(o["ps"]),
    )
    return AlgoUpdated(instant(row["E"]), algo, int(o.get("ai") or 0), o.get("rm") or "")
