"""Bringing orders and the book together: an incoming order takes and then rests; ticks reach those that rest."""

from decimal import Decimal

from canary_cli.core.model import ZERO, OrderStatus, OrderType, Side, TimeInForce
from canary_cli.paper import problems
from canary_cli.paper.filters import band
from canary_cli.paper.market.model import Tick
from canary_cli.paper.matching import Depletion, Offer, Sweep, better, by_priority, offers, queue_at, reach, sweep
from canary_cli.paper.orders import Expiry, RestingOrder, SelfTrade
from canary_cli.paper.settling import expire, fill, knock_reduce_only, reducible, tell_order
from canary_cli.paper.state import DEPTHS, State, closes

SHALLOW = 20  # levels read first
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


def price_limit(state: State, order: RestingOrder) -> Decimal:
    """No order trades beyond this: its own price, or a market order's bound around the mark."""
    if order.type is not OrderType.MARKET:
        return order.price
    listing, mark = state.listing(order.symbol), state.marks[order.symbol]
    high, low = band(mark, listing)
    bound = listing.market_take_bound
    if order.side is Side.BUY:
        return min(high, mark * (1 + bound))
    return max(low, mark * (1 - bound))


def plan(state: State, order: RestingOrder, quantity: Decimal) -> Sweep:
    """What the order would take now; nothing is changed."""
    for depth in (SHALLOW, *DEPTHS):
        offered = _offers(state, order, depth)
        found = sweep(order.side, quantity, price_limit(state, order), offered, order.self_trade)
        if found.quantity >= quantity or found.taker_expires or found.stopped_by_price:
            break
    return found


def _offers(state: State, order: RestingOrder, depth: int) -> list[Offer]:
    """What the order meets in the best `depth` levels: our own orders beyond them wait for a deeper look."""
    opposite = order.side.opposite
    levels, own = state.levels(order.symbol, opposite, depth), state.resting(order.symbol, opposite)
    if len(levels) == depth:
        own = [one for one in own if not better(opposite, levels[-1][0], one.price)]
    return list(offers(opposite, levels, own))


def check_immediacy(state: State, order: RestingOrder) -> None:
    """Post-only orders may take nothing, fill-or-kill orders must take all: else they never were."""
    if order.time_in_force is TimeInForce.GTX:
        found = sweep(order.side, order.quantity, order.price, _offers(state, order, SHALLOW), SelfTrade.NONE)
        if found.fills:
            raise problems.post_only_rejected()
    if order.time_in_force is TimeInForce.FOK and plan(state, order, order.quantity).quantity < order.quantity:
        raise problems.fok_rejected()


def enter(state: State, order: RestingOrder) -> None:
    """An accepted order meets the book: it takes, rests, or expires."""
    state.orders.add(order)
    tell_order(state, order, "NEW")
    match(state, order)


def match(state: State, order: RestingOrder) -> None:
    """Take what may be taken; what is left rests or expires."""
    order.resting = False
    _take(state, order)
    if order.status.is_final:
        return
    if order.type is OrderType.MARKET:
        expire(state, order, OrderStatus.EXPIRED, "EXPIRED", Expiry.MARKET_REST)
    elif order.time_in_force in IMMEDIATE:
        expire(state, order, OrderStatus.EXPIRED, "EXPIRED", Expiry.IOC_REST)
    else:
        _queue(state, order)


def _take(state: State, order: RestingOrder) -> None:
    taken = plan(state, order, clamped(state, order, order.remaining))
    for maker in taken.expired_makers:
        if not maker.status.is_final:
            expire(state, maker, OrderStatus.EXPIRED_IN_MATCH, "EXPIRED", Expiry.SELF_TRADE)
    _deplete(state, order, taken.from_market)
    for offer in taken.fills:
        _settle(state, order, offer)
    if taken.taker_expires and not order.status.is_final:
        expire(state, order, OrderStatus.EXPIRED_IN_MATCH, "EXPIRED", Expiry.SELF_TRADE)
    knock_reduce_only(state, order.symbol, order.position_side)


def _settle(state: State, order: RestingOrder, offer: Offer) -> None:
    """One fill; against one of our own orders (self-trade NONE) both sides settle."""
    quantity = offer.quantity
    if offer.maker is not None:
        quantity = min(quantity, clamped(state, offer.maker, offer.maker.remaining))
        if offer.maker.status.is_final or not quantity:
            return
        fill(state, offer.maker, offer.price, quantity, maker=True)
    if not order.status.is_final:
        fill(state, order, offer.price, quantity, maker=False)


def clamped(state: State, order: RestingOrder, quantity: Decimal) -> Decimal:
    """Reduce-only, and closing in hedge mode, never take more than there is to close."""
    if not (order.reduce_only or closes(order.side, order.position_side)):
        return quantity
    return min(quantity, reducible(state, order.symbol, order.side, order.position_side))


def _deplete(state: State, order: RestingOrder, quantity: Decimal) -> None:
    if not quantity:
        return
    key = (order.symbol, order.side.opposite)
    before = state.depletions.get(key)
    left = before.left(state.market.now, state.listing(order.symbol).rules.step) if before else ZERO
    state.depletions[key] = Depletion(left + quantity, state.now)


def _queue(state: State, order: RestingOrder) -> None:
    """Rest behind what is queued at the price; at a worse price than the book shows, behind nothing yet."""
    order.ahead = queue_at(state.levels(order.symbol, order.side, SHALLOW), order.price)
    order.resting = True


def reach_resting(state: State, tick: Tick) -> None:
    """A tick reaches resting orders in price-time order; the tick's volume serves them one after another."""
    volumes = {Side.BUY: tick.volume, Side.SELL: tick.volume}
    for side in Side:
        for order in by_priority(side, state.orders.open(tick.symbol, side)):
            reached = reach(order, tick.last, volumes[side])
            order.ahead = reached.ahead
            quantity = min(reached.filled, clamped(state, order, order.remaining))
            if quantity and not order.status.is_final:
                volumes[side] = max(ZERO, volumes[side] - quantity)
                fill(state, order, order.price, quantity, maker=True)
                knock_reduce_only(state, order.symbol, order.position_side)
