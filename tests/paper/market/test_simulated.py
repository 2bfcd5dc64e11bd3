"""A market tells the same story in ticks, candles, books and funding, whatever shocks it is given on the way."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.paper.market import Shock, ShockKind, synthetic_market

START = datetime(2025, 6, 2, 9, 50, tzinfo=UTC)
PAIRS = ("BTCUSDT", "TRXUSDT")


def later(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def market(seed: int = 1, grid: int = 1, symbols=PAIRS):
    return synthetic_market(START, seed, symbols, grid=grid)


shocks = st.builds(
    lambda kind, at, seconds, symbols, move: Shock(kind, later(at), timedelta(seconds=seconds), symbols, move),
    st.sampled_from(ShockKind),
    st.integers(0, 2400),
    st.integers(0, 900),
    st.sampled_from([(), ("BTCUSDT",), ("TRXUSDT",)]),
    st.floats(-0.95, 0.9),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(shocks, max_size=5), st.lists(st.integers(1, 2400), max_size=5), st.sampled_from([1, 10]))
def test_shocks_do_not_depend_on_portions_and_leave_prices_positive_on_the_tick(given_shocks, cuts, grid):
    whole, cut = market(grid=grid), market(grid=grid)
    for shock in given_shocks:
        whole.shock(shock)
        cut.shock(shock)
    told = list(whole.advance(later(2400)))
    assert told == [tick for until in [*sorted(cuts), 2400] for tick in cut.advance(later(until))]
    for tick in told:
        assert tick.last > 0 and tick.mark > 0 and tick.index > 0 and tick.volume >= 0
        assert tick.last % whole.listings[tick.symbol].rules.tick == 0
        assert tick.volume % whole.listings[tick.symbol].rules.step == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(shocks, max_size=4), st.sampled_from(["1m", "3m", "15m", "1h"]))
def test_a_candle_that_closed_never_changes(given_shocks, interval):
    walked, seen = market(), {}
    for step, shock in enumerate([*given_shocks, None]):
        for row in walked.klines("BTCUSDT", interval, limit=40):
            if row.close_time < walked.now.timestamp() * 1000:
                assert seen.setdefault(row.open_time, row) == row
        if shock:
            walked.shock(shock)
        list(walked.advance(later(600 * (step + 1))))


@pytest.mark.parametrize("grid", [1, 10])
def test_minutes_are_what_the_ticks_were(grid):
    walked = market(grid=grid)
    walked.shock(Shock(ShockKind.CRASH, later(1000), timedelta(seconds=90), (), -0.1))
    ticks = [tick for tick in walked.advance(later(1799)) if tick.symbol == "BTCUSDT" and tick.time >= later(60)]
    minutes = groupby(ticks, key=lambda tick: tick.time.replace(second=0))
    rows = walked.klines("BTCUSDT", "1m", later(60), later(1799))
    for row, (minute, inside) in zip(rows, minutes, strict=True):
        prices = [(tick.last, tick.volume) for tick in inside]
        last = [price for price, _ in prices]
        assert row.open_time == minute.timestamp() * 1000
        assert (row.open, row.high, row.low, row.close) == (last[0], max(last), min(last), last[-1])
        assert row.volume == sum(volume for _, volume in prices)


@pytest.mark.parametrize(
    ("interval", "part", "count"),
    [("3m", "1m", 3), ("15m", "5m", 3), ("30m", "15m", 2), ("1h", "15m", 4), ("4h", "1h", 4), ("12h", "4h", 3)],
)
def test_every_interval_is_the_join_of_its_parts(interval, part, count):
    walked = market()
    list(walked.advance(later(4000)))
    whole = walked.klines("TRXUSDT", interval, limit=10)[-4:-1]
    parts = walked.klines("TRXUSDT", part, datetime.fromtimestamp(whole[0].open_time / 1000, UTC), limit=1000)
    for row in whole:
        inside = [p for p in parts if row.open_time <= p.open_time < row.close_time]
        assert len(inside) == count
        assert (row.open, row.close) == (inside[0].open, inside[-1].close)
        assert (row.high, row.low) == (max(p.high for p in inside), min(p.low for p in inside))
        for field in ("volume", "quote_volume", "trades", "taker_base", "taker_quote"):
            assert getattr(row, field) == sum(getattr(p, field) for p in inside)


def test_the_last_candle_is_the_running_one_and_tells_what_has_come_so_far():
    walked = market()
    list(walked.advance(later(90)))
    running = walked.klines("BTCUSDT", "1m", limit=1)[0]
    assert running.open_time == later(60).timestamp() * 1000
    assert running.close == walked.last("BTCUSDT")


def test_candles_are_asked_for_as_the_exchange_has_it():
    walked = market()
    list(walked.advance(later(3600)))
    first = walked.klines("BTCUSDT", "1m", later(1), limit=3)
    assert [row.open_time for row in first] == [int(later(60 * n).timestamp() * 1000) for n in (1, 2, 3)]
    between = walked.klines("BTCUSDT", "5m", later(0), later(1200))
    assert [row.open_time for row in between] == [int(later(300 * n).timestamp() * 1000) for n in range(5)]
    newest = walked.klines("BTCUSDT", "5m", end=later(1200), limit=2)
    assert newest == between[-2:]
    assert walked.klines("BTCUSDT", "1d", later(86_400)) == []
    with pytest.raises(KeyError):
        walked.klines("BTCUSDT", "7m")


def test_a_row_has_the_exchanges_twelve_items_and_types():
    row = market().klines("BTCUSDT", "1h", limit=1)[0].row()
    assert [type(item) for item in row] == [int, *[str] * 5, int, str, int, str, str, str]
    assert row[-1] == "0" and row[6] == row[0] + 3_599_999


def test_now_moves_with_the_ticks_that_are_taken():
    walked = market()
    ticks = walked.advance(later(30))
    first = next(ticks)
    assert walked.now == first.time == later(1)
    assert walked.last(first.symbol) == first.last and walked.mark(first.symbol) == first.mark
    list(ticks)
    assert walked.now == later(30)
    assert list(walked.advance(later(30))) == []


class TestShocks:
    def test_a_gap_moves_the_last_price_at_once_and_the_mark_within_three_seconds(self):
        plain, hit = market(), market()
        hit.shock(Shock(ShockKind.GAP, later(100), move=-0.08))
        before, after = ({(t.time, t.symbol): t for t in m.advance(later(200))} for m in (plain, hit))
        assert all(after[key] == before[key] for key in before if key[0] < later(100))
        for second, field in ((100, "last"), (102, "mark")):
            key = later(second), "BTCUSDT"
            assert float(getattr(after[key], field) / getattr(before[key], field)) == pytest.approx(0.92, abs=1e-4)

    def test_a_shock_in_the_middle_of_a_walk_leaves_the_past_alone(self):
        walked = market()
        list(walked.advance(later(100)))
        last, book = walked.last("BTCUSDT"), walked.book("BTCUSDT", 5)
        walked.shock(Shock(ShockKind.GAP, move=-0.5))
        assert (walked.last("BTCUSDT"), walked.book("BTCUSDT", 5)) == (last, book)
        list(walked.advance(later(101)))
        assert walked.last("BTCUSDT") < last * Decimal("0.6")

    def test_a_crash_takes_its_time_and_a_recovery_brings_it_all_back(self):
        plain, hit = market(), market()
        hit.shock(Shock(ShockKind.CRASH, later(60), timedelta(seconds=100), move=-0.2))
        hit.shock(Shock(ShockKind.RECOVER, later(600), timedelta(seconds=60)))
        ratios = []
        for second in (59, 110, 160, 599, 630, 660, 900):
            for m in (plain, hit):
                list(m.advance(later(second)))
            ratios.append(float(hit.last("BTCUSDT") / plain.last("BTCUSDT")))
        expected = [1, 0.8**0.5, 0.8, 0.8, 0.8**0.5, 1, 1]
        assert ratios == pytest.approx(expected, abs=1e-4)

    def test_shocks_reach_only_the_pairs_they_name(self):
        plain, hit = market(), market()
        hit.shock(Shock(ShockKind.GAP, later(10), symbols=("TRXUSDT",), move=-0.5))
        for m in (plain, hit):
            list(m.advance(later(20)))
        assert hit.last("BTCUSDT") == plain.last("BTCUSDT") and hit.last("TRXUSDT") < plain.last("TRXUSDT")
        with pytest.raises(KeyError, match="SOLUSDT"):
            hit.shock(Shock(ShockKind.GAP, symbols=("SOLUSDT",), move=-0.5))

    @pytest.mark.parametrize(("kind", "status"), [(ShockKind.FLAT, "TRADING"), (ShockKind.HALT, "TRADING_HALT")])
    def test_a_still_market_trades_nothing_and_then_catches_up(self, kind, status):
        plain, still = market(), market()
        still.shock(Shock(kind, later(600), timedelta(seconds=700)))
        list(still.advance(later(599)))
        held = still.last("BTCUSDT")
        quiet = [tick for tick in still.advance(later(1299)) if tick.symbol == "BTCUSDT"]
        assert {(tick.last, tick.volume) for tick in quiet} == {(held, Decimal("0.000"))}
        assert still.status("BTCUSDT") == status
        for m in (plain, still):
            list(m.advance(later(1300)))
        assert still.last("BTCUSDT") == plain.last("BTCUSDT") and still.status("BTCUSDT") == "TRADING"

    def test_a_thin_book_holds_its_share_and_opens_wide(self):
        plain, thin = market(), market()
        thin.shock(Shock(ShockKind.THIN, later(10), timedelta(seconds=60), depth=0.1))
        for m in (plain, thin):
            list(m.advance(later(30)))
        usual, left = (sum(q for _, q in m.book("BTCUSDT", 400).bids) for m in (plain, thin))
        assert float(left / usual) == pytest.approx(0.1, rel=0.2)
        book = thin.book("BTCUSDT", 1)
        assert book.asks[0][0] - book.bids[0][0] > Decimal("1")


def test_an_earlier_book_is_known_as_it_was_then():
    walked = market()
    list(walked.advance(later(598)))
    then = walked.book("BTCUSDT", 10)
    list(walked.advance(later(700)))
    assert walked.book("BTCUSDT", 10, later(598)) == then
    with pytest.raises(ValueError, match="no longer known"):
        walked.book("BTCUSDT", 10, later(-7200))


def test_funding_is_due_at_the_next_of_three_times_a_day_and_its_past_is_known():
    walked = market()
    funding = walked.funding("BTCUSDT")
    assert funding.next_time == datetime(2025, 6, 2, 16, tzinfo=UTC) and funding.interval_hours == 8
    paid = walked.funding_history("BTCUSDT", limit=1000)
    assert len(paid) > 900 and paid[-1].time == datetime(2025, 6, 2, 8, tzinfo=UTC)
    assert all(b.time - a.time == timedelta(hours=8) and a.mark > 0 for a, b in pairwise(paid))
    assert all(abs(payment.rate) < Decimal("0.003") for payment in paid)
    assert walked.funding_history("BTCUSDT", paid[-3].time, limit=2) == paid[-3:-1]
    list(walked.advance(later(7 * 3600)))
    settled = walked.funding_history("BTCUSDT", limit=1)[0]
    assert (settled.time, settled.rate) == (funding.next_time, funding.rate)


def test_the_day_is_the_join_of_its_minutes():
    walked = market()
    list(walked.advance(later(100)))
    day, rows = walked.day("BTCUSDT"), walked.klines("BTCUSDT", "1m", limit=1440)
    assert (day.open, day.last) == (rows[0].open, rows[-1].close)
    assert (day.high, day.low) == (max(row.high for row in rows), min(row.low for row in rows))
    assert day.volume == sum(row.volume for row in rows) and day.trades == sum(row.trades for row in rows)
    assert day.quote_volume == sum(row.quote_volume for row in rows)


@pytest.mark.parametrize("grid", [0, 7, 30, 60])
def test_a_grid_must_fit_the_minute(grid):
    with pytest.raises(ValueError, match="does not fit a minute"):
        market(grid=grid)
