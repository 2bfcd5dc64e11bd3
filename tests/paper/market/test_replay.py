"""Recorded prices walk as they were; what is not recorded is named, never made up."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from canary_cli.errors import ExitCode
from canary_cli.paper.market import replay_market
from canary_cli.paper.market.recorded import MarketDataError

_named = os.environ.get("CANARY_MARKET_DATA")
market_data = pytest.mark.skipif(not _named, reason="CANARY_MARKET_DATA names no folder of market data")
BEGIN = datetime(2025, 5, 4, 15, 33, tzinfo=UTC)
START = datetime(2025, 5, 5, 10, 0, tzinfo=UTC)


def candles(count, step=60, begin=BEGIN, price=100.0, unit=0.01, seed=0):
    chance = np.random.default_rng(seed)
    close = price + chance.integers(-20, 21, count).cumsum() * unit
    opened = np.r_[price, close[:-1]]
    high = np.maximum(opened, close) + chance.integers(0, 9, count) * unit
    low = np.minimum(opened, close) - chance.integers(0, 9, count) * unit
    times = int(begin.timestamp() * 1000) + 1000 * step * np.arange(count)
    volume = chance.integers(0, 99, count) * 0.1
    return {"open_time": times, "open": opened, "high": high, "low": low, "close": close, "volume": volume}


def write(root, folder, name, columns):
    (root / folder).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), root / folder / f"{name}.parquet")


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "um_1m_2025-05", "LTCUSDT_1m", candles(2400))
    write(tmp_path, "um_1m_2025-05", "SOLUSDT_1m", candles(2000, price=150, unit=0.001, seed=1))
    write(tmp_path, "um_1m_2025-05", "DOTUSDT_1m", candles(600, price=5, unit=0.001, seed=2))
    write(tmp_path, "um_1h", "LTCUSDT_1h", candles(2000, 3600, BEGIN.replace(minute=0) - timedelta(hours=1900)))
    write(tmp_path, "um_1d", "LTCUSDT_1d", candles(400, 86_400, BEGIN.replace(hour=0, minute=0) - timedelta(days=390)))
    paid = [int(datetime(2025, 5, 5, hour, tzinfo=UTC).timestamp() * 1000) for hour in (0, 8, 16)]
    rates = {"open_time": paid, "funding_rate": [1e-4, -2e-5, 3e-5]}
    write(tmp_path, "funding", "LTCUSDT_funding", rates)
    return tmp_path


def test_the_minutes_walked_are_the_minutes_recorded(root):
    market, missing = replay_market(root, START, 1)
    assert market.symbols == ("SOLUSDT", "LTCUSDT") and missing == ()
    list(market.advance(START + timedelta(minutes=90)))
    recorded = candles(2400)
    first = int((START - BEGIN).total_seconds()) // 60
    for place, row in enumerate(market.klines("LTCUSDT", "1m", START, limit=90), first):
        assert row.open_time == recorded["open_time"][place]
        for name in ("open", "high", "low", "close", "volume"):
            assert float(getattr(row, name)) == pytest.approx(recorded[name][place])


def test_prices_that_lie_on_a_finer_tick_than_today_bring_their_own(root):
    market, _ = replay_market(root, START, 1)
    assert market.listings["SOLUSDT"].rules.tick == Decimal("0.001")
    assert market.listings["SOLUSDT"].price_precision >= 3
    assert market.listings["LTCUSDT"].rules.tick == Decimal("0.01")


def test_history_comes_from_the_longer_files_and_knows_nothing_of_the_future(root):
    market, _ = replay_market(root, START, 1)
    for interval, least in (("1h", 1500), ("4h", 470), ("1d", 390)):
        rows = market.klines("LTCUSDT", interval, limit=1500)
        assert len(rows) >= least
        assert all(after.open_time == before.close_time + 1 for before, after in pairwise(rows))
        assert rows[-1].open_time <= START.timestamp() * 1000
    assert market.klines("LTCUSDT", "1h", limit=1)[0].close == market.last("LTCUSDT")
    assert len(market.klines("SOLUSDT", "1h", limit=1500)) == 19, "no hours are made up for a pair without a file"


def test_funding_is_the_recorded_one(root):
    market, _ = replay_market(root, START, 1)
    assert market.funding("LTCUSDT").rate == Decimal("0.00003")
    assert [paid.rate for paid in market.funding_history("LTCUSDT")] == [Decimal("0.0001"), Decimal("-0.00002")]
    assert market.funding_history("SOLUSDT") == []


def test_where_the_recording_ends_the_ticks_end(root):
    market, _ = replay_market(root, START, 1, ["LTCUSDT"])
    ticks = list(market.advance(START + timedelta(days=9)))
    assert ticks[-1].time == market.now == BEGIN + timedelta(minutes=2400) - timedelta(seconds=1)
    assert list(market.advance(START + timedelta(days=10))) == []
    assert market.klines("LTCUSDT", "1m", limit=1)[0].close == ticks[-1].last


def test_equal_seeds_replay_equally_and_other_seeds_only_inside_the_minutes(root):
    def walked(seed):
        market, _ = replay_market(root, START, seed, ["LTCUSDT"])
        return list(market.advance(START + timedelta(minutes=30))), market.klines("LTCUSDT", "1m", limit=20)[:-1]

    assert walked(1) == walked(1)
    assert walked(1)[0] != walked(2)[0] and walked(1)[1] == walked(2)[1]


def test_pairs_that_are_not_recorded_long_enough_are_named(root):
    market, missing = replay_market(root, START, 1, ["LTCUSDT", "DOTUSDT", "BTCUSDT"])
    assert market.symbols == ("LTCUSDT",) and missing == ("DOTUSDT", "BTCUSDT")


@pytest.mark.parametrize(
    ("folder", "start", "symbols", "said", "hint"),
    [
        ("nowhere", START, None, "There is no folder", "--market-data"),
        ("um_1h", START, None, "has no um_1m", "root of the data"),
        (".", datetime(2024, 5, 5, tzinfo=UTC), None, "2024-05-05T00:00Z to 6 h after", "15:33Z to 2025-05-06T07:33Z"),
        (".", BEGIN, None, "15 minutes before", "2025-05-04T15:33Z"),
        (".", BEGIN + timedelta(minutes=2200), None, "6 h after", "2025-05-06T07:33Z"),
        (".", START, ["BTCUSDT"], "Nothing is recorded of BTCUSDT", "LTCUSDT"),
    ],
)  # fmt: skip
def test_what_cannot_be_replayed_is_refused_with_what_can(root, folder, start, symbols, said, hint):
    with pytest.raises(MarketDataError, match=said) as caught:
        replay_market(root / folder, start, 1, symbols)
    assert hint in caught.value.hint and caught.value.exit_code is ExitCode.CONFIGURATION


@pytest.mark.parametrize("damage", ["gap", "high", "negative", "text"])
def test_a_damaged_file_is_refused_by_name(root, damage):
    columns = candles(2400)
    if damage == "gap":
        columns["open_time"][700:] += 60_000
    elif damage == "high":
        columns["high"][5] = columns["low"][5] - 1
    elif damage == "negative":
        columns["low"][5] = -1.0
    write(root, "um_1m_2025-05", "LTCUSDT_1m", columns)
    if damage == "text":
        (root / "um_1m_2025-05" / "LTCUSDT_1m.parquet").write_text("not parquet")
    with pytest.raises(MarketDataError, match=r"LTCUSDT_1m\.parquet"):
        replay_market(root, START, 1, ["LTCUSDT"])


@market_data
@pytest.mark.market_data
class TestOnTheMarketData:
    @staticmethod
    def market(start, symbols=None):
        return replay_market(Path(os.environ["CANARY_MARKET_DATA"]), start, 1, symbols, grid=10)[0]

    def test_a_quiet_morning_in_may(self):
        start = datetime(2025, 5, 20, 10, tzinfo=UTC)
        market = self.market(start)
        assert {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT", "XRPUSDT"} <= set(market.symbols)
        for interval in ("15m", "1h", "4h", "1d"):
            assert len(market.klines("BTCUSDT", interval, limit=1500)) == 1500
        list(market.advance(start + timedelta(hours=4)))
        assert float(market.klines("BTCUSDT", "4h", limit=2)[0].high) == pytest.approx(105_000, rel=0.05)

    def test_the_crash_of_february_is_met(self):
        """2025-02-03 01:00-03:00: one-hour range of ETH 23 %, ADA 28 %, BTC 5.5 %."""
        start = datetime(2025, 2, 2, 22, tzinfo=UTC)
        market = self.market(start, ["BTCUSDT", "ETHUSDT", "ADAUSDT"])
        list(market.advance(start + timedelta(hours=6)))
        hours = {s: market.klines(s, "1h", start + timedelta(hours=3), limit=2) for s in market.symbols}
        span = {s: max(float(h.high / h.low - 1) for h in rows) for s, rows in hours.items()}
        assert span["ETHUSDT"] > 0.2 and span["ADAUSDT"] > 0.25 and span["BTCUSDT"] < 0.08

    def test_an_interruption_of_the_exchange_is_flat_and_trades_nothing(self):
        start = datetime(2025, 1, 29, 1, 0, tzinfo=UTC)
        market = self.market(start)
        list(market.advance(start + timedelta(hours=1)))
        for symbol in market.symbols:
            rows = market.klines(symbol, "1m", start + timedelta(minutes=24), limit=10)
            assert {row.volume for row in rows} == {0} and all(row.high == row.low for row in rows)
