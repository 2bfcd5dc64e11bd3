"""Round trips from fills: from flat to flat on one pair, what each brought after fees."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from canary_cli.journal.record import Entry

QUOTE = "USDT"


@dataclass(frozen=True, slots=True)
class Trip:
    """`net` is realised profit less commissions, USDT; `foreign_fees` were paid in another asset, unconverted."""

    symbol: str
    opened: datetime
    closed: datetime
    net: Decimal
    is_probe: bool
    foreign_fees: Decimal = Decimal(0)


@dataclass(slots=True)
class _Open:
    opened: datetime
    is_probe: bool
    quantity: Decimal = Decimal(0)
    net: Decimal = Decimal(0)
    foreign_fees: Decimal = Decimal(0)


def round_trips(fills: Iterable[Entry]) -> tuple[Trip, ...]:
    """Closed trips in the order they closed. A fill that turns a position around ends one trip with all it brought."""
    trips: list[Trip] = []
    _walk(fills, trips)
    return tuple(trips)


def open_quantities(fills: Iterable[Entry]) -> dict[str, Decimal]:
    """What the fills leave open: signed quantity by pair."""
    return {symbol: held.quantity for symbol, held in _walk(fills, []).items()}


def _walk(fills: Iterable[Entry], trips: list[Trip]) -> dict[str, _Open]:
    held: dict[str, _Open] = {}
    for entry in fills:
        data = entry.data
        symbol = str(data["symbol"])
        one = held.setdefault(symbol, _Open(entry.timestamp, str(data.get("purpose", "")).startswith("probe")))
        before = one.quantity
        _add(one, data)
        if one.quantity == 0 or before * one.quantity < 0:
            trips.append(Trip(symbol, one.opened, entry.timestamp, one.net, one.is_probe, one.foreign_fees))
            del held[symbol]
            if one.quantity != 0:
                held[symbol] = _Open(entry.timestamp, one.is_probe, one.quantity)
    return held


def _add(one: _Open, data: object) -> None:
    assert isinstance(data, dict)
    quantity = Decimal(str(data["quantity"]))
    one.quantity += quantity if data["side"] == "BUY" else -quantity
    one.net += Decimal(str(data.get("realized", 0)))
    fee = Decimal(str(data.get("commission", 0)))
    if data.get("commission_asset", QUOTE) == QUOTE:
        one.net -= fee
    else:
        one.foreign_fees += fee
