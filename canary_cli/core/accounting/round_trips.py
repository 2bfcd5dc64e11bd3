"""From fills to round trips: flat, in, out, flat again. Linear contracts, profit in USDT.

A position is kept at its average entry price; what closes part of it realises that part. A trade that crosses zero
closes one round trip and opens the next. A position that was taken over as the exchange has it stands, whatever the
trades before say.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.accounting.execution import PROBES
from canary_cli.core.model import ZERO, PositionSide, Side

Rate = Callable[[str, datetime], Decimal | None]
"""The price in USDT of one unit of an asset at a time; None where nobody knows it."""


def only_usdt(asset: str, _at: datetime) -> Decimal | None:
    return Decimal(1) if asset == "USDT" else None


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of ours, with why it was sent and the price it was decided on (zero or None: not known)."""

    symbol: str
    trade_id: int
    time: datetime
    side: Side
    price: Decimal
    quantity: Decimal
    commission: Decimal = ZERO
    commission_asset: str = "USDT"
    realized: Decimal = ZERO
    purpose: str = ""
    decision_price: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH

    @property
    def slippage_cost(self) -> Decimal | None:
        """USDT lost (positive) or gained against the decision price."""
        return self.side.sign * (self.price - self.decision_price) * self.quantity if self.decision_price else None


@dataclass(frozen=True, slots=True)
class Taken:
    """From `time` on the pair is what the exchange said: `quantity` is signed, zero where it holds none."""

    symbol: str
    time: datetime
    quantity: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """`quantity` is what is open now, signed; zero when over. `gross` is before fees; `fills` how many made it."""

    symbol: str
    position_side: PositionSide
    side: Side
    opened: datetime
    closed: datetime | None
    is_probe: bool
    quantity: Decimal
    entry_price: Decimal
    largest: Decimal
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    slippage_cost: Decimal = ZERO
    fills: int = 0

    @property
    def net(self) -> Decimal:
        """Realised profit less commission; funding is accounted for apart."""
        return self.gross - self.fees

    @property
    def duration(self) -> timedelta | None:
        return None if self.closed is None else self.closed - self.opened


@dataclass(frozen=True, slots=True)
class Trips:
    """`unconverted`: commission in assets whose price nobody knew, in that asset; missing from the fees."""

    closed: tuple[RoundTrip, ...]
    open: tuple[RoundTrip, ...]
    unconverted: dict[str, Decimal]


Running = dict[tuple[str, PositionSide], RoundTrip]


def round_trips(moves: Iterable[Trade | Taken], rate: Rate = only_usdt, since: datetime | None = None) -> Trips:
    """Fold trades, in order of time, into round trips. The same trade told twice counts once.

    `since`: what was open by then is carried in as it stood, and nothing that was realised or paid before counts.
    """
    if since is None:
        return _folded(moves, rate, ())
    told = tuple(moves)
    before = _folded((move for move in told if move.time < since), rate, ())
    return _folded((move for move in told if move.time >= since), rate, map(_carried, before.open))


def _folded(moves: Iterable[Trade | Taken], rate: Rate, carried: Iterable[RoundTrip]) -> Trips:
    closed: list[RoundTrip] = []
    running: Running = {(trip.symbol, trip.position_side): trip for trip in carried}
    unconverted: dict[str, Decimal] = {}
    seen: set[tuple[str, int]] = set()
    for move in moves:
        if isinstance(move, Taken):
            closed += _taken_over(running, move)
        elif (move.symbol, move.trade_id) not in seen:
            seen.add((move.symbol, move.trade_id))
            closed += _traded(running, move, _fee(move, rate, unconverted))
    return Trips(tuple(closed), tuple(running.values()), unconverted)


def _traded(running: Running, trade: Trade, fee: Decimal) -> Iterator[RoundTrip]:
    """The trips that a trade closes."""
    key = (trade.symbol, trade.position_side)
    for part in _parts(trade, fee, running.get(key)):
        trip = _after(running.pop(key, None), part)
        if trip.quantity:
            running[key] = trip
        else:
            yield replace(trip, closed=trade.time)


def _taken_over(running: Running, taken: Taken) -> Iterator[RoundTrip]:
    """The trips that are over because the exchange has something else."""
    for position_side in PositionSide:
        trip = running.pop((taken.symbol, position_side), None)
        if trip is not None and trip.fills:
            yield replace(trip, quantity=ZERO, closed=taken.time)
    if taken.quantity:
        side = Side.BUY if taken.quantity > 0 else Side.SELL
        running[taken.symbol, PositionSide.BOTH] = RoundTrip(
            taken.symbol, PositionSide.BOTH, side, taken.time, None, False, taken.quantity, taken.entry_price,
            abs(taken.quantity),
        )  # fmt: skip


def _carried(trip: RoundTrip) -> RoundTrip:
    return replace(trip, gross=ZERO, fees=ZERO, slippage_cost=ZERO, fills=0)


@dataclass(frozen=True, slots=True)
class _Part:
    """A trade, or the part of it on one side of zero, with its share of fee and slippage."""

    trade: Trade
    signed: Decimal
    fee: Decimal
    slippage: Decimal


def _fee(trade: Trade, rate: Rate, unconverted: dict[str, Decimal]) -> Decimal:
    price = rate(trade.commission_asset, trade.time)
    if price is None:
        asset = trade.commission_asset
        unconverted[asset] = unconverted.get(asset, ZERO) + trade.commission
        return ZERO
    return trade.commission * price


def _parts(trade: Trade, fee: Decimal, trip: RoundTrip | None) -> tuple[_Part, ...]:
    signed = trade.quantity * trade.side.sign
    slippage = trade.slippage_cost or ZERO
    if trip is None or trip.quantity * signed > 0 or abs(signed) <= abs(trip.quantity):
        return (_Part(trade, signed, fee, slippage),)
    closed = abs(trip.quantity)
    closing = _Part(trade, -trip.quantity, fee * closed / trade.quantity, slippage * closed / trade.quantity)
    opening = _Part(trade, signed + trip.quantity, fee - closing.fee, slippage - closing.slippage)
    return (closing, opening)


def _after(trip: RoundTrip | None, part: _Part) -> RoundTrip:
    trade = part.trade
    if trip is None:
        trip = RoundTrip(
            trade.symbol,
            trade.position_side,
            trade.side,
            trade.time,
            None,
            trade.purpose in PROBES,
            ZERO,
            ZERO,
            ZERO,
        )
    quantity, entry, gross = _moved(trip, part.signed, trade.price)
    return replace(
        trip,
        quantity=quantity,
        entry_price=entry,
        largest=max(trip.largest, abs(quantity)),
        gross=trip.gross + gross,
        fees=trip.fees + part.fee,
        slippage_cost=trip.slippage_cost + part.slippage,
        fills=trip.fills + 1,
        is_probe=trip.is_probe and trade.purpose in PROBES,
    )


def _moved(trip: RoundTrip, signed: Decimal, price: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """(quantity, average entry, profit realised) after a signed trade that does not cross zero."""
    quantity = trip.quantity + signed
    if trip.quantity * signed >= 0:
        entry = (trip.quantity * trip.entry_price + signed * price) / quantity
        return quantity, entry, ZERO
    return quantity, trip.entry_price, -signed * (price - trip.entry_price)
