"""Price-time priority as pure functions: in any book nothing is lost, jumped or paid too much."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.model import OrderType, Side, TimeInForce
from canary_cli.paper.matching import (
    REFILL_HALF_LIFE,
    Depletion,
    Level,
    Offer,
    better,
    by_priority,
    crosses,
    merged,
    offers,
    reach,
    sweep,
    uncrossed,
    without,
)
from canary_cli.paper.orders import RestingOrder, SelfTrade
from tests.paper.conftest import START

STEP = Decimal("0.001")
SIDES = st.sampled_from(list(Side))
QUANTITIES = st.integers(1, 50).map(Decimal)
PRICES = st.integers(90, 110).map(Decimal)


def order(side: Side, price: int, quantity: int, *, ahead: int = 0, number: int = 1) -> RestingOrder:
    """`number` is its place in time."""
    return RestingOrder(
        number, f"o{number}", "BTCUSDT", side, OrderType.LIMIT, Decimal(quantity), Decimal(price), TimeInForce.GTC,
        START, START + timedelta(seconds=number), ahead=Decimal(ahead),
    )  # fmt: skip


@st.composite
def books(draw: st.DrawFn) -> tuple[Side, list[Level], list[RestingOrder]]:
    """One side: the market's levels, best first, and our own orders among them."""
    side = draw(SIDES)
    prices = sorted(draw(st.sets(PRICES, max_size=8)), reverse=side is Side.BUY)
    levels = [(price, draw(QUANTITIES)) for price in prices]
    rows = draw(st.lists(st.tuples(st.integers(90, 110), st.integers(1, 50), st.integers(0, 60)), max_size=5))
    own = [order(side, price, size, ahead=ahead, number=n) for n, (price, size, ahead) in enumerate(rows, 1)]
    return side, levels, own


Book = tuple[Side, list[Level], list[RestingOrder]]


@given(books())
def test_all_that_is_there_is_offered_once_and_best_first(book: Book) -> None:
    side, levels, own = book
    offered = list(offers(side, levels, own))
    assert not any(better(side, later.price, before.price) for before, later in pairwise(offered))
    assert [one.maker for one in offered if one.maker] == by_priority(side, own)
    for price, quantity in levels:
        assert sum(one.quantity for one in offered if one.price == price and one.maker is None) == quantity
    assert sum(one.quantity for one in offered if one.maker) == sum(one.remaining for one in own)


@given(books())
def test_nobody_is_served_before_the_queue_that_stood_ahead_of_him(book: Book) -> None:
    side, levels, own = book
    offered = list(offers(side, levels, own))
    queued = dict(levels)
    for place, one in enumerate(offered):
        if one.maker is not None:
            before = sum(o.quantity for o in offered[:place] if o.price == one.price and o.maker is None)
            earlier = [o.ahead for o in own if o.price == one.price and o.order_id <= one.maker.order_id]
            assert before == min(max(earlier), queued.get(one.price, Decimal(0)))


@given(books(), QUANTITIES, st.one_of(st.none(), PRICES))
def test_a_sweep_takes_from_the_front_no_more_than_it_wants_and_nothing_beyond_its_limit(
    book: Book, quantity: Decimal, limit: Decimal | None
) -> None:
    side, levels, own = book
    taker = side.opposite
    offered = list(offers(side, levels, own))
    taken = sweep(taker, quantity, limit, offered, SelfTrade.NONE)
    assert taken.quantity == min(quantity, sum(one.quantity for one in offered if crosses(taker, limit, one.price)))
    assert all(crosses(taker, limit, one.price) for one in taken.fills)
    assert taken.fills[:-1] == offered[: len(taken.fills)][:-1]
    if taken.stopped_by_price:
        assert not crosses(taker, limit, offered[len(taken.fills)].price)


@pytest.mark.parametrize("mode", [SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH])
@given(book=books(), quantity=QUANTITIES)
def test_with_self_trade_prevention_nobody_trades_with_himself(mode: SelfTrade, book: Book, quantity: Decimal) -> None:
    side, levels, own = book
    taken = sweep(side.opposite, quantity, None, offers(side, levels, own), mode)
    assert all(one.maker is None for one in taken.fills)
    if mode is SelfTrade.EXPIRE_MAKER:
        assert not taken.taker_expires
    elif taken.taker_expires:
        assert len(taken.expired_makers) == (mode is SelfTrade.EXPIRE_BOTH)


@given(SIDES, st.integers(90, 110), st.integers(1, 50), st.integers(0, 50), st.integers(90, 110), st.integers(0, 120))
def test_a_trade_serves_the_queue_then_the_order_and_no_more_than_was_traded(
    side: Side, price: int, quantity: int, ahead: int, last: int, volume: int
) -> None:
    resting = order(side, price, quantity, ahead=ahead)
    reached = reach(resting, Decimal(last), Decimal(volume))
    if last == price:
        assert reached.filled + (ahead - reached.ahead) <= volume
        assert not reached.filled or reached.ahead == 0
    else:
        assert reached.filled == (quantity if better(side, Decimal(price), Decimal(last)) else 0)
    assert 0 <= reached.filled <= quantity


@given(books(), books())
def test_the_book_that_everybody_sees_is_never_crossed(one: Book, other: Book) -> None:
    """Our own bids lie under our own asks, as matching leaves them; the market's levels give way to both."""
    bids = [o for o in one[2] if o.side is Side.BUY and o.price < 100]
    asks = [o for o in other[2] if o.side is Side.SELL and o.price >= 100]
    market = {
        Side.BUY: [(Decimal(99 - n), Decimal(1)) for n in range(5)],
        Side.SELL: [(Decimal(100 + n), Decimal(1)) for n in range(5)],
    }
    seen_bids = merged(Side.BUY, uncrossed(Side.BUY, market[Side.BUY], asks), bids, 20)
    seen_asks = merged(Side.SELL, uncrossed(Side.SELL, market[Side.SELL], bids), asks, 20)
    assert not (seen_bids and seen_asks) or seen_bids[0][0] < seen_asks[0][0]


@given(books(), st.integers(0, 300))
def test_what_was_taken_is_gone_from_the_best_levels_first(book: Book, taken: int) -> None:
    _, levels, _ = book
    left = list(without(levels, Decimal(taken)))
    total = sum(quantity for _, quantity in levels)
    assert sum(quantity for _, quantity in left) == max(0, total - taken)
    assert [price for price, _ in left] == [price for price, _ in levels[len(levels) - len(left) :]]


@given(st.integers(1, 1000), st.floats(0, 100), st.floats(0, 100))
def test_impact_fades_by_half_in_each_half_life(quantity: int, sooner: float, later: float) -> None:
    taken = Depletion(Decimal(quantity), START)
    first, then = (taken.left(START + timedelta(seconds=s), STEP) for s in sorted((sooner, sooner + later)))
    assert quantity >= first >= then >= 0
    half = taken.left(START + timedelta(seconds=REFILL_HALF_LIFE), STEP)
    assert half == pytest.approx(Decimal(quantity) / 2, abs=STEP)


def test_offers_know_whose_they_are() -> None:
    mine = order(Side.SELL, 100, 2, ahead=3)
    assert list(offers(Side.SELL, [(Decimal(100), Decimal(5))], [mine])) == [
        Offer(Decimal(100), Decimal(3)), Offer(Decimal(100), Decimal(2), mine), Offer(Decimal(100), Decimal(2))
    ]  # fmt: skip
