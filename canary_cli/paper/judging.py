"""Whether the account may place an order: mode, filters, reduce-only, limits, leverage, margin. Raises `Problem`."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from canary_cli.core.model import ZERO, OrderType, PositionSide, Side
from canary_cli.paper import algo, filters, problems, store
from canary_cli.paper.margin import largest_notional, open_loss
from canary_cli.paper.orders import NewOrder, RestingOrder
from canary_cli.paper.settling import reducible
from canary_cli.paper.state import State, closes

LEAST_GTD = timedelta(seconds=600)
MARKET_PAD = Decimal("1.0005")  # a market buy is assumed to cost this much over the best ask


def judge(state: State, new: NewOrder) -> NewOrder:
    """An ordinary order that may be placed, its price filled in from `price_match`."""
    listing = state.listing(new.symbol)
    reduces = new.reduce_only or closes(new.side, new.position_side)
    check_mode(state, new)
    filters.check_status(state.status(new.symbol), reduces=reduces)
    new = _with_matched_price(state, new)
    _check_client_id(state, new)
    _check_good_till(state, new)
    assert new.quantity is not None
    filters.check_quantity(new.quantity, listing, is_market=new.type is OrderType.MARKET)
    mark = state.marks[new.symbol]
    if new.price is not None:
        filters.check_price(new.price, listing)
        filters.check_band(new.side, new.price, mark, listing)
    if not reduces:
        filters.check_notional(new.quantity, new.price if new.price is not None else mark, listing)
    _check_account(state, reduces=reduces)
    if state.orders.count(new.symbol) >= store.LIMIT_OPEN:
        raise problems.too_many_open_orders()
    if reduces:
        _check_reducing(state, new)
    if new.type is OrderType.MARKET:
        best = state.levels(new.symbol, new.side.opposite, 20)
        filters.check_counterparty(new.side, best[0][0] if best else None, mark, listing)
    if not reduces:
        check_affordable(state, new)
    return new


def judge_conditional(state: State, new: NewOrder) -> None:
    """A conditional order: no margin is needed until it triggers."""
    listing = state.listing(new.symbol)
    check_mode(state, new)
    filters.check_status(state.status(new.symbol), reduces=new.reduce_only or new.close_position)
    if new.client_id and any(one.client_id == new.client_id for one in state.conditionals.open()):
        raise problems.duplicate_client_id()
    if new.quantity is not None:
        filters.check_quantity(new.quantity, listing, is_market=new.type not in algo.LIMITS)
    for price in (new.trigger_price, new.price, new.activate_price):
        if price is not None:
            filters.check_price(price, listing)
    if new.price is not None and new.trigger_price is not None:
        filters.check_band(new.side, new.price, new.trigger_price, listing, of_stop=True)
    if state.conditionals.count() >= algo.LIMIT_OPEN:
        raise problems.too_many_stop_orders()
    _check_good_till(state, new)
    _check_one_closing_stop(state, new)


def _check_one_closing_stop(state: State, new: NewOrder) -> None:
    """One closePosition stop and one closePosition take-profit a direction."""
    if not new.close_position:
        return
    for one in state.conditionals.open(new.symbol):
        same = (one.side, one.position_side) == (new.side, new.position_side)
        if one.close_position and same and (one.type in algo.STOPS) == (new.type in algo.STOPS):
            raise problems.closing_stop_exists()


def check_mode(state: State, new: NewOrder) -> None:
    if (new.position_side is PositionSide.BOTH) == state.account.hedge:
        raise problems.position_side_mismatch()
    if new.reduce_only and state.account.hedge:
        raise problems.not_required("reduceonly")


def _with_matched_price(state: State, new: NewOrder) -> NewOrder:
    """OPPONENT_n is the n-th best price of the other side, QUEUE_n of one's own."""
    if new.price_match == "NONE":
        return new
    kind, _, place = new.price_match.partition("_")
    side = new.side.opposite if kind == "OPPONENT" else new.side
    levels = state.levels(new.symbol, side, 20)
    if len(levels) < int(place or 1):
        raise problems.price_match_not_available()
    return replace(new, price=levels[int(place or 1) - 1][0])


def _check_client_id(state: State, new: NewOrder) -> None:
    if new.client_id and state.orders.is_open_client_id(new.client_id):
        raise problems.duplicate_client_id()


def _check_good_till(state: State, new: NewOrder) -> None:
    if new.good_till is not None and new.good_till <= state.now + LEAST_GTD:
        raise problems.bad_good_till_date()


def _check_account(state: State, *, reduces: bool) -> None:
    if state.liquidating:
        raise problems.liquidating()
    if reduces:
        return
    if state.locked:
        raise problems.quantitative_rules()
    if state.account.reduce_only:
        raise problems.reduce_only_account()


def _check_reducing(state: State, new: NewOrder) -> None:
    """There must be something to close that resting reduce-only orders have not claimed already."""
    held = reducible(state, new.symbol, new.side, new.position_side)
    if not held:
        raise problems.reduce_only_rejected()
    if new.type is OrderType.MARKET:
        return
    resting = state.orders.open(new.symbol, new.side)
    claimed = sum((one.remaining for one in resting if one.reduce_only), ZERO)
    if claimed >= held:
        raise problems.reduce_only_exceeded()


def check_affordable(state: State, new: NewOrder) -> None:
    """Position limit of the leverage, then margin: what the order adds must fit into what is available."""
    assert new.quantity is not None
    price = assumed_price(state, new)
    loss = open_loss(new.quantity, new.side.sign, state.marks[new.symbol], price)
    _check_affordable(state, new, new.quantity * price, loss)


def check_affordable_change(state: State, before: RestingOrder, after: RestingOrder) -> None:
    """The same for an amended order, of which only what it adds must be paid for."""
    if before.reduce_only or closes(before.side, before.position_side):
        return
    sign, mark = before.side.sign, state.marks[before.symbol]
    was, becomes = (open_loss(one.remaining, sign, mark, one.price) for one in (before, after))
    added = after.remaining * after.price - before.remaining * before.price
    if added > 0:
        _check_affordable(state, after, added, max(ZERO, becomes - was))


def _check_affordable(state: State, order: NewOrder | RestingOrder, notional: Decimal, loss: Decimal) -> None:
    extra = (notional, ZERO) if order.side is Side.BUY else (ZERO, notional)
    _check_position_limit(state, order, extra)
    added = state.order_margin_of(order.symbol, extra) - state.order_margin_of(order.symbol)
    if not added:
        return
    if state.account.cross_wallet <= 0:
        raise problems.balance_insufficient()
    if added + loss > state.available:
        raise problems.margin_insufficient()


def _check_position_limit(state: State, new: NewOrder | RestingOrder, extra: tuple[Decimal, Decimal]) -> None:
    bids, asks = state.open_notionals(new.symbol)
    held = state.account.quantity(new.symbol, new.position_side) * state.marks[new.symbol]
    after = held + bids + extra[0] if new.side is Side.BUY else held - asks - extra[1]
    leverage = state.account.config(new.symbol).leverage
    if abs(after) > max(abs(held), largest_notional(leverage, state.listing(new.symbol).brackets)):
        raise problems.beyond_leverage()


def assumed_price(state: State, new: NewOrder) -> Decimal:
    """The limit price; for a market order the best price of the other side, padded for a buy."""
    if new.price is not None:
        return new.price
    levels = state.levels(new.symbol, new.side.opposite, 5)
    best = levels[0][0] if levels else state.marks[new.symbol]
    return best * MARKET_PAD if new.side is Side.BUY else best
