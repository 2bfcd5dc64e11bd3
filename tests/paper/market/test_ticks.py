"""Recorded trades and quotes are replayed second by second as they were."""

import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from canary_cli.paper.market import replay_market
from canary_cli.paper.market.recorded import MarketDataError

_named = os.environ.get("CANARY_MARKET_DATA")
START = datetime(2024, 8, 8, 23, 56, 10, 400_000, tzinfo=UTC)
FIRST = START.replace(second=11, microsecond=0)


@pytest.fixture
def root(tmp_path):
    """A trade each second for four minutes at 100.0, 100.1, ...; quotes half a second after each."""
    folder = tmp_path / "ticks"
    folder.mkdir()
    begin = int(START.timestamp() * 1000)
    seconds = range(240)
    trades = {
        "trade_ms": [begin + 1000 * n for n in seconds],
        "price": [100 + n / 10 for n in seconds],
        "qty": [0.001 * (n + 1) for n in seconds],
    }
    quotes = {
        "tx_ms": [begin + 1000 * n + 500 for n in seconds],
        "bid": [100 + n / 10 for n in seconds],
        "bid_qty": [1.5] * 240,
        "ask": [100.1 + n / 10 for n in seconds],
        "ask_qty": [2.5] * 240,
    }
    pq.write_table(pa.table(trades), folder / "BTCUSDT_trades_2024-08-08.parquet")
    pq.write_table(pa.table(quotes), folder / "BTCUSDT_bookTicker_2024-08-08.parquet")
    snapshot = {"bids": [["100.0", "1.0"], ["99.8", "3.0"]], "asks": [["100.1", "1.0"], ["100.2", "4.0"]]}
    (folder / "BTCUSDT_depth_snapshot_2024-08-08.json.gz").write_bytes(gzip.compress(json.dumps(snapshot).encode()))
    return tmp_path


def test_each_second_ends_at_its_last_trade_and_counts_its_volume(root):
    market, _ = replay_market(root / "ticks", FIRST, 0)
    assert market.now == FIRST
    ticks = list(market.advance(START + timedelta(seconds=60)))
    assert [tick.last for tick in ticks[:3]] == [Decimal("100.20"), Decimal("100.30"), Decimal("100.40")]
    assert [tick.volume for tick in ticks[:3]] == [Decimal("0.003"), Decimal("0.004"), Decimal("0.005")]


def test_the_book_is_the_quote_of_the_second_with_the_snapshots_levels_behind(root):
    market = replay_market(root / "ticks", FIRST, 0)[0]
    book = market.book("BTCUSDT", 2)
    assert book.bids == ((Decimal("100.10"), Decimal("1.500")), (Decimal("99.90"), Decimal("3.000")))
    assert book.asks == ((Decimal("100.20"), Decimal("2.500")), (Decimal("100.30"), Decimal("4.000")))


def test_where_the_recording_ends_the_ticks_end(root):
    market = replay_market(root / "ticks", FIRST, 0)[0]
    assert list(market.advance(START + timedelta(hours=1)))[-1].time == datetime(2024, 8, 8, 23, 59, 59, tzinfo=UTC)


def test_it_begins_at_any_recorded_second_and_says_which_there_are(root):
    market, missing = replay_market(root / "ticks", FIRST + timedelta(seconds=30), 0, ("BTCUSDT", "ETHUSDT"))
    assert next(iter(market.advance(market.now + timedelta(seconds=1)))).last == Decimal("103.20")
    assert missing == ("ETHUSDT",)
    with pytest.raises(MarketDataError, match="No ticks") as said:
        replay_market(root / "ticks", START + timedelta(hours=1), 0)
    assert "2024-08-08T23:56:11Z to 2024-08-09T00:00:00Z" in said.value.hint


def test_of_pairs_without_ticks_it_says_so(root):
    with pytest.raises(MarketDataError, match="no trades of ETHUSDT"):
        replay_market(root / "ticks", FIRST, 0, ("ETHUSDT",))


def test_a_broken_snapshot_is_named(root):
    (root / "ticks" / "BTCUSDT_depth_snapshot_2024-08-08.json.gz").write_bytes(b"no gzip")
    with pytest.raises(MarketDataError, match=r"depth_snapshot_2024-08-08\.json\.gz"):
        replay_market(root / "ticks", FIRST, 0)[0]


@pytest.mark.market_data
@pytest.mark.skipif(not _named, reason="CANARY_MARKET_DATA names no folder of market data")
def test_the_recorded_minutes_of_august_keep_their_volume_and_spread():
    """BTC: 2,429 traded in 344 s; spread of one tick in 94 % of updates."""
    folder = Path(os.environ["CANARY_MARKET_DATA"]) / "ticks"
    market, _ = replay_market(folder, datetime(2024, 8, 8, 23, 54, 17, tzinfo=UTC), 0)
    narrow, volume, count = 0, Decimal(0), 0
    for tick in market.advance(market.now + timedelta(hours=1)):
        if tick.symbol == "BTCUSDT":
            book = market.book("BTCUSDT", 1)
            narrow += book.asks[0][0] - book.bids[0][0] == Decimal("0.10")
            volume, count = volume + tick.volume, count + 1
    assert narrow / count > 0.9 and count > 330
    assert float(volume) == pytest.approx(2429, rel=0.02)
