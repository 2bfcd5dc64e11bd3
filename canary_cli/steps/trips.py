"""The round trips of a run, folded from the fills in its journal."""

from collections.abc import Iterable
from decimal import Decimal

from canary_cli.core.accounting.round_trips import Trade, Trips, round_trips
from canary_cli.core.model import PositionSide, Side
from canary_cli.journal.record import Entry


def trips_of(fills: Iterable[Entry]) -> Trips:
    """Commission in anything but USDT is not converted: a journal alone knows no rate."""
    return round_trips(_trade(entry) for entry in fills)


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
