"""A pair may be as large as the worst book of the last day lets a market exit be honest."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from canary_cli.core.model import Book, Candle, Frame
from canary_cli.core.policy.lows import Lows, with_one_more
from canary_cli.core.policy.sizing import Depth, measure
from canary_cli.core.trading.effects import Effect, Journal, ReadDepth
from canary_cli.core.trading.events import LeverageRead
from canary_cli.core.trading.facts import DepthMeasured, Fact
from canary_cli.core.trading.inputs import DepthRead, Tick
from canary_cli.core.trading.record import to_data
from canary_cli.core.trading.standing import risk_context
from canary_cli.core.trading.state import Session
from canary_cli.journal.record import Entry
from canary_cli.session.rebuilding import rebuilt
from tests.core.trading.conftest import NOON, Desk
from tests.core.trading.test_session import placed, signal

BTC = "BTCUSDT"


def look(desk: Desk, book: str, after: float = 0.0) -> tuple[Effect, ...]:
    time = desk.now + timedelta(seconds=after)
    return desk.tell(DepthRead(time, BTC, Depth(Decimal(book), Decimal(1_000_000))))


def depth(desk: Desk) -> Depth | None:
    return risk_context(desk.state, BTC).depth


def measured(effects: tuple[Effect, ...]) -> list[Fact]:
    return [e.fact for e in effects if isinstance(e, Journal) and isinstance(e.fact, DepthMeasured)]


def test_the_worst_book_of_the_day_binds_and_not_the_one_of_the_start(desk: Desk) -> None:
    """At 2,000 USDT near the mid a quarter is 500, which buys 0.010 BTC at 50,000."""
    look(desk, "4000000")
    look(desk, "2000", after=3600)
    look(desk, "4000000", after=3600)
    desk.mark(BTCUSDT="50000", ETHUSDT="3000")
    desk.tell(LeverageRead(desk.now, {BTC: Decimal(20)}))

    (entry,) = placed(desk.tell(signal(desk)))

    assert entry.quantity == Decimal("0.010")
    assert "cut by liquidity (the worst of 2.0 h)" in entry.reason


def test_at_the_start_one_book_is_what_is_known_and_it_is_said(desk: Desk) -> None:
    look(desk, "2000")
    (entry,) = placed(desk.tell(signal(desk)))
    assert "cut by liquidity (one book)" in entry.reason


def test_what_is_older_than_a_day_falls_away_once_there_is_something_newer(desk: Desk) -> None:
    look(desk, "2000")
    look(desk, "9000", after=13 * 3600)
    assert depth(desk) == Depth(Decimal(2000), Decimal(1_000_000), timedelta(hours=13))
    look(desk, "8000", after=13 * 3600)
    assert depth(desk) == Depth(Decimal(8000), Decimal(1_000_000), timedelta(hours=13))


def test_an_exchange_that_shows_no_book_for_days_lifts_no_cap(desk: Desk) -> None:
    look(desk, "2000")
    desk.tell(Tick(desk.now + timedelta(days=3)))
    assert depth(desk) == Depth(Decimal(2000), Decimal(1_000_000), timedelta(hours=24))


def test_only_what_changes_the_worst_of_an_hour_is_written_down(desk: Desk) -> None:
    assert len(measured(look(desk, "5000"))) == 1
    assert not measured(look(desk, "6000", after=300))
    assert len(measured(look(desk, "4000", after=300))) == 1
    assert not measured(look(desk, "4500", after=300))
    assert len(measured(look(desk, "6000", after=2700))) == 1  # a new hour


def test_a_restart_goes_on_with_the_day_that_was_watched(desk: Desk) -> None:
    for book, hours in (("5000", 0), ("3000", 2), ("7000", 5), ("6000", 21)):
        look(desk, book, after=3600 * hours)
    facts = [effect.fact for effect in desk.asked if isinstance(effect, Journal)]
    lines = [
        Entry(fact.event, data=to_data(fact), timestamp=fact.time, seq=number, prev="")
        for number, fact in enumerate(facts)
        if isinstance(fact, DepthMeasured)
    ]
    assert rebuilt(desk.state.setup, desk.now, lines).lows == desk.state.lows


def test_each_pair_is_looked_at_in_its_turn_and_all_of_them_once_in_five_minutes(desk: Desk) -> None:
    desk.state = replace(desk.state, setup=replace(desk.state.setup, depth_every=300.0))
    asked = []
    for second in range(901):
        effects = desk.tell(Tick(NOON + timedelta(seconds=second)))
        asked += [(second, effect.symbol) for effect in effects if isinstance(effect, ReadDepth)]
    assert asked == [(150, BTC), (300, "ETHUSDT"), (450, BTC), (600, "ETHUSDT"), (750, BTC), (900, "ETHUSDT")]


def test_a_book_counts_near_the_mid_only_on_its_thinner_side_and_not_at_all_with_an_empty_one() -> None:
    def levels(*pairs: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
        return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)

    bids, asks = levels(("99.9", "10"), ("99.0", "1000")), levels(("100.1", "20"), ("101", "1000"))
    minutes = tuple(Candle(BTC, Frame.M1, NOON, 1.0, 1.0, 1.0, 1.0, float(volume)) for volume in range(100))
    assert measure(Book(BTC, bids, asks), minutes, Decimal(50)) == Depth(Decimal("999.0"), Decimal("5.0"))
    assert measure(Book(BTC, bids, ()), (), Decimal(50)) == Depth(Decimal(0), Decimal(0))


def test_a_day_of_looks_keeps_no_more_than_a_figure_an_hour() -> None:
    lows: Lows | None = None
    for minute in range(0, 3 * 24 * 60, 5):
        lows = with_one_more(lows, NOON + timedelta(minutes=minute), Decimal(minute % 7), Decimal(1))
    assert lows is not None and len(lows.hours) <= 25


def test_a_session_without_looks_has_no_cap_from_them(desk: Desk) -> None:
    assert isinstance(desk.state, Session)
    assert depth(desk) is None
    assert not [effect for effect in desk.tell(Tick(NOON + timedelta(hours=1))) if isinstance(effect, ReadDepth)]
