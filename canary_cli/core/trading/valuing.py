"""What the account is worth: its wallet and its positions, as the exchange told of both together.

A trade moves both at once (ACCOUNT_UPDATE tells both), and a fill tells of the position alone: put together from these
two messages, its profit would for a moment count twice or not at all, and a peak that never was would stay.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from canary_cli.core.accounting.equity import equity_of
from canary_cli.core.model import ZERO, AccountSnapshot, Position
from canary_cli.core.trading.events import AccountUpdated
from canary_cli.core.trading.state import Booked, PositionKey, Session


def worth(state: Session) -> Decimal | None:
    """Equity in USDT; None until the account has been read once, and where a part of it has no mark."""
    booked = (one for one in state.booked.values() if one.quantity)
    return equity_of(state.wallet, booked, state.marks) if state.is_booked else None


def told(state: Session, event: AccountUpdated) -> Mapping[PositionKey, Booked]:
    """Flat positions are kept as well: an older message that comes late must not bring one back."""
    newer = {key: one for key, one in _booked(event.positions, event.time) if not _is_older(one, state.booked.get(key))}
    return {**state.booked, **newer}


def newest(state: Session, event: AccountUpdated) -> frozenset[AccountUpdated]:
    """The messages of the newest instant: of several, one that is told again would set the account back to it."""
    latest = max((one.time for one in state.newest), default=event.time)
    if event.time < latest:
        return state.newest
    return frozenset({event, *(one for one in state.newest if one.time == event.time)})


def _is_older(one: Booked, known: Booked | None) -> bool:
    return known is not None and one.at is not None and known.at is not None and one.at < known.at


def read(state: Session, snapshot: AccountSnapshot) -> Mapping[PositionKey, Booked]:
    """What the reading shows, unless the stream has told of the wallet since it was asked for."""
    if not is_told_since(state, snapshot):
        return dict(_booked(snapshot.positions))
    return state.booked if state.is_booked else {**dict(_booked(snapshot.positions)), **state.booked}


def is_told_since(state: Session, snapshot: AccountSnapshot) -> bool:
    return state.wallet_told is not None and state.wallet_told > snapshot.time


def _booked(positions: Iterable[Position], at: datetime | None = None) -> Iterator[tuple[PositionKey, Booked]]:
    return (((p.symbol, p.position_side), Booked(p.symbol, p.quantity, p.entry_price, at)) for p in positions)


def is_apart(state: Session) -> bool:
    """Whether our fills and the positions that were told with the wallet differ: one message of a trade is missing."""
    booked: dict[str, Decimal] = {}
    for one in state.booked.values():
        booked[one.symbol] = booked.get(one.symbol, ZERO) + one.quantity
    open_ = {symbol: quantity for symbol, quantity in booked.items() if quantity}
    return open_ != {symbol: held.quantity for symbol, held in state.held.items()}
