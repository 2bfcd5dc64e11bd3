"""The round trips of a run, folded from the fills in its journal."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from canary_cli.core.accounting.round_trips import Taken, Trade, Trips, round_trips
from canary_cli.core.model import PositionSide, Side
from canary_cli.journal.record import Entry

MOVES = ("fill", "adopted")


def trips_of(entries: Iterable[Entry]) -> Trips:
    """Commission in anything but USDT is not converted: a journal alone knows no rate."""
    told = (entry for entry in entries if entry.event in MOVES)
    return round_trips(taken_over(entry) if entry.event == "adopted" else _trade(entry) for entry in told)


def taken_over(entry: Entry) -> Taken:
    data = entry.data
    at = datetime.fromisoformat(data["time"])
    return Taken(data["symbol"], at, Decimal(data["quantity"]), Decimal(data["entry_price"]))


def _trade(entry: Entry) -> Trade:
    data = entry.data
    decided = data.get("decision_price")
    return Trade(
        symbol=data["symbol"],
        trade_id=int(data["trade_id"]),
        time=entry.timestamp,
        side=Side(data["side"]),
        price=Decimal(data["price"]),
        quantity=Decimal(data["quantity"]),
        commission=Decimal(data.get("commission", 0)),
        commission_asset=data.get("commission_asset", "USDT"),
        realized=Decimal(data.get("realized", 0)),
        purpose=data.get("purpose", ""),
        decision_price=None if decided is None else Decimal(decided),
        position_side=PositionSide(data.get("position_side", "BOTH")),
    )
