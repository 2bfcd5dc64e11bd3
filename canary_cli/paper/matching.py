"""Price-time priority against a synthetic book, as pure functions: what an order takes, and what reaches a resting one.

Levels are ((price, quantity), ...), best first. Our own resting orders stand in the same book: behind the quantity
that was queued at their price when they came (`ahead`), before what came later.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from canary_cli.core.model import ZERO, Side, floor_to
from canary_cli.paper.orders import RestingOrder, SelfTrade

Level = tuple[Decimal, Decimal]

REFILL_HALF_LIFE = 2.0  # plan seconds in which half of what we took from the book has come back


class Offer(NamedTuple):
    """Quantity that an incoming order can meet; `maker` is ours, or None for the market's."""

    price: Decimal
    quantity: Decimal
    maker: RestingOrder | None = None


@dataclass(slots=True)
class Sweep:
    """What an incoming order takes: fills in order, makers that expire first, and whether it must stop itself."""

    fills: list[Offer] = field(default_factory=list)
    expired_makers: list[RestingOrder] = field(default_factory=list)
    taker_expires: bool = False
    stopped_by_price: bool = False

    @property
    def quantity(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def from_market(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills if fill.maker is None), ZERO)


@dataclass(frozen=True, slots=True)
class Depletion:
    """What our own orders took out of one side of the book: the market impact of the account.

    Callers ask as of the last tick, so that between two ticks nothing but our orders changes the book.
    """

    quantity: Decimal
    at: datetime

    def left(self, now: datetime, step: Decimal) -> Decimal:
        elapsed = max(0.0, (now - self.at).total_seconds())
        if elapsed > 20 * REFILL_HALF_LIFE:
            return ZERO
        return floor_to(self.quantity * Decimal(repr(0.5 ** (elapsed / REFILL_HALF_LIFE))), step)


def without(levels: Iterable[Level], taken: Decimal) -> Iterator[Level]:
    """The levels after the best `taken` of quantity has gone."""
    for price, quantity in levels:
        if taken >= quantity:
            taken -= quantity
            continue
        yield price, quantity - taken
        taken = ZERO


def better(side: Side, price: Decimal, than: Decimal) -> bool:
    """Whether a resting order of `side` at `price` has priority over one at `than`."""
    return price > than if side is Side.BUY else price < than


def crosses(side: Side, limit: Decimal | None, price: Decimal) -> bool:
    """Whether an incoming order of `side` may trade at `price`."""
    return limit is None or (price <= limit if side is Side.BUY else price >= limit)


def by_priority(side: Side, orders: Iterable[RestingOrder]) -> list[RestingOrder]:
    """Resting orders of one side, best price first, then first come; order ids grow with time."""
    sign = -1 if side is Side.BUY else 1
    return sorted(orders, key=lambda order: (sign * order.price, order.updated, order.order_id))


def offers(side: Side, levels: Iterable[Level], own: Sequence[RestingOrder]) -> Iterator[Offer]:
    """The market's levels and our own resting orders of the same `side`, as an incoming order meets them."""
    waiting = by_priority(side, own)
    for price, queued in levels:
        quantity = queued
        while waiting and better(side, waiting[0].price, price):
            order = waiting.pop(0)
            yield Offer(order.price, order.remaining, order)
        while waiting and waiting[0].price == price:
            order = waiting.pop(0)
            before = min(order.ahead - (queued - quantity), quantity)  # less what went before an earlier one of ours
            if before > 0:
                yield Offer(price, before)
                quantity -= before
            yield Offer(price, order.remaining, order)
        if quantity:
            yield Offer(price, quantity)
    for order in waiting:
        yield Offer(order.price, order.remaining, order)


def sweep(
    side: Side, quantity: Decimal, limit: Decimal | None, offered: Iterable[Offer], self_trade: SelfTrade
) -> Sweep:
    """What an order of `side` takes up to `quantity`, at no price worse than `limit`."""
    taken = Sweep()
    for offer in offered:
        if quantity <= 0:
            break
        if not crosses(side, limit, offer.price):
            taken.stopped_by_price = True
            break
        if offer.maker is not None and self_trade is not SelfTrade.NONE:
            if self_trade is not SelfTrade.EXPIRE_TAKER:
                taken.expired_makers.append(offer.maker)
            if self_trade is not SelfTrade.EXPIRE_MAKER:
                taken.taker_expires = True
                break
            continue
        part = min(quantity, offer.quantity)
        taken.fills.append(Offer(offer.price, part, offer.maker))
        quantity -= part
    return taken


class Reach(NamedTuple):
    """What a market trade does to a resting order: quantity filled, and the queue left before it."""

    filled: Decimal
    ahead: Decimal


def reach(order: RestingOrder, last: Decimal, volume: Decimal) -> Reach:
    """A trade at `last` of `volume`: through the order's price fills it whole, at its price eats the queue first."""
    if last == order.price:
        beyond = volume - order.ahead
        return Reach(min(max(beyond, ZERO), order.remaining), max(order.ahead - volume, ZERO))
    through = last < order.price if order.side is Side.BUY else last > order.price
    return Reach(order.remaining, ZERO) if through else Reach(ZERO, order.ahead)


def queue_at(levels: Iterable[Level], price: Decimal) -> Decimal:
    """The quantity that waits at `price` already."""
    return next((quantity for level, quantity in levels if level == price), ZERO)


def merged(side: Side, levels: Iterable[Level], own: Sequence[RestingOrder], count: int) -> tuple[Level, ...]:
    """The book of one side as everybody sees it, our own orders in it."""
    total: dict[Decimal, Decimal] = {}
    for offer in offers(side, levels, own):
        total[offer.price] = total.get(offer.price, ZERO) + offer.quantity
        if len(total) > count:
            break
    return tuple(list(total.items())[:count])


def uncrossed(side: Side, levels: Iterable[Level], own_opposite: Sequence[RestingOrder]) -> Iterator[Level]:
    """The market's levels of `side` that do not cross our best resting order of the other side."""
    prices = [order.price for order in own_opposite]
    if not prices:
        yield from levels
        return
    edge = min(prices) if side is Side.BUY else max(prices)
    yield from ((price, quantity) for price, quantity in levels if (price < edge if side is Side.BUY else price > edge))
