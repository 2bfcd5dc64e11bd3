"""The book: never crossed, deep as recorded, and the same for the same instant."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.paper.market.depth import Scene, sides
from canary_cli.paper.market.pairs import CHARACTERS, LISTINGS, SYMBOLS
from canary_cli.paper.market.units import Units


def units_of(symbol: str) -> Units:
    return Units.of(LISTINGS[symbol].rules)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(SYMBOLS),
    st.integers(0, 1 << 60),
    st.integers(1, 10**7),
    st.integers(0, 10**6),
    st.floats(0.01, 1.0),
    st.integers(1, 50),
)
def test_the_book_is_never_crossed_nor_empty_nor_below_one_tick(symbol, key, last, second, share, levels):
    bids, asks = sides(key, Scene(last, second, share), CHARACTERS[symbol], units_of(symbol), levels)
    assert 1 <= bids.best < asks.best
    assert bids.best - len(bids.steps) + 1 >= 1
    assert len(asks.steps) == levels and 1 <= len(bids.steps) <= levels
    assert min(bids.steps) >= 1 and min(asks.steps) >= 1
    assert bids.best <= last <= asks.best
    assert sides(key, Scene(last, second, share), CHARACTERS[symbol], units_of(symbol), levels) == (bids, asks)


@pytest.mark.parametrize(
    ("symbol", "within"),
    [("BTCUSDT", {1: 1.6e6, 5: 3.7e6, 10: 8.2e6, 20: 20.1e6}), ("ETHUSDT", {5: 1.2e6, 10: 3.5e6, 20: 12.4e6})],
)
def test_it_holds_what_was_recorded_within_some_basis_points(symbol, within):
    """Bid depth in USDT of one snapshot each, 2024-08-08; a mean of ours within 40 % of it."""
    units = units_of(symbol)
    last = units.ticks({"BTCUSDT": 61_800, "ETHUSDT": 2_681}[symbol])
    for reach, recorded in within.items():
        levels = round(last * reach / 1e4)
        books = [sides(9, Scene(last, 60 * n), CHARACTERS[symbol], units, levels)[0] for n in range(5)]
        worth = sum(float(units.quantity(sum(bids.steps))) for bids in books) / len(books) * last * float(units.tick)
        assert worth == pytest.approx(recorded, rel=0.4)


def test_the_spread_is_mostly_one_tick():
    """94.2 % (BTC) and 95.3 % (ETH) of recorded updates."""
    books = [sides(3, Scene(10**6, second), CHARACTERS["BTCUSDT"], units_of("BTCUSDT"), 1) for second in range(5000)]
    narrow = sum(asks.best - bids.best == 1 for bids, asks in books) / len(books)
    assert 0.93 < narrow < 0.95


def test_the_last_trade_lies_on_either_side_as_often():
    books = [sides(3, Scene(10**6, second), CHARACTERS["BTCUSDT"], units_of("BTCUSDT"), 1) for second in range(5000)]
    assert 0.47 < sum(bids.best == 10**6 for bids, _ in books) / len(books) < 0.53


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_filters_fit_one_another_and_the_price(symbol):
    listing, price = LISTINGS[symbol], Decimal(str(CHARACTERS[symbol].price))
    rules = listing.rules
    assert rules.market_max_quantity < rules.max_quantity
    assert -int(rules.tick.as_tuple().exponent) <= listing.price_precision
    assert rules.step == Decimal(1).scaleb(-listing.quantity_precision)
    assert rules.min_notional == {"BTCUSDT": 100, "ETHUSDT": 20}.get(symbol, 5)
    assert price / rules.tick > 500, "a tick is too coarse for the price"
    assert listing.min_price <= price <= listing.max_price


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_maintenance_margin_does_not_jump_from_bracket_to_bracket(symbol):
    brackets = LISTINGS[symbol].brackets
    for lower, upper in pairwise(brackets):
        assert upper.floor == lower.cap and upper.leverage < lower.leverage
        assert upper.floor * upper.maintenance - upper.cum == lower.cap * lower.maintenance - lower.cum


def test_bitcoins_brackets_are_the_exchanges():
    cums = [bracket.cum for bracket in LISTINGS["BTCUSDT"].brackets]
    assert cums[:6] == [0, 300, 1500, 12_000, 132_000, 482_000]
    assert cums[-1] == 421_482_000
