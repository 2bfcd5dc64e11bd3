"""What the market says on its streams: the exchange's names, fields and types, and every close exactly once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.core.model import Side
from canary_cli.paper.market import synthetic_market
from canary_cli.paper.market_streams import force_order, parse, publications

START = datetime(2025, 6, 2, 9, 58, 30, tzinfo=UTC)
PAIRS = ("BTCUSDT", "ETHUSDT")
NUMBER, TEXT = int, str

# fields and types of the stream reference; numbers are JSON numbers, all else strings or booleans
EXPECTED = {
    "btcusdt@kline_1m": {"e": TEXT, "E": NUMBER, "s": TEXT, "k": dict},
    "btcusdt_perpetual@continuousKline_1m": {"e": TEXT, "E": NUMBER, "ps": TEXT, "ct": TEXT, "k": dict},
    "btcusdt@aggTrade": dict.fromkeys("espq", TEXT) | {"nq": TEXT, "m": bool} | dict.fromkeys("EaflT", NUMBER),
    "btcusdt@trade": dict.fromkeys("espqX", TEXT) | {"m": bool} | dict.fromkeys("ETt", NUMBER),
    "btcusdt@markPrice": dict.fromkeys(["e", "s", "p", "ap", "i", "P", "r"], TEXT) | dict.fromkeys("ET", NUMBER),
    "btcusdt@ticker": dict.fromkeys("espPwcQohlvq", TEXT) | {"ps": TEXT} | dict.fromkeys("EOCFLn", NUMBER),
    "btcusdt@miniTicker": dict.fromkeys("escohlvq", TEXT) | {"ps": TEXT, "E": NUMBER},
}
CANDLE = dict.fromkeys("iochlvqVQB", TEXT) | dict.fromkeys("tTfLn", NUMBER) | {"x": bool}


def listen(market, until, names, every=1):
    """Everything told up to `until`, in batches of `every` seconds."""
    told = []
    while market.now < until:
        ticks = market.advance(min(until, market.now + timedelta(seconds=every)))
        told += publications(market, list(ticks), names)
    return told


def walk():
    return synthetic_market(START, 3, PAIRS)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_stream_has_the_exchanges_fields_and_types(name):
    told = dict(listen(walk(), START + timedelta(seconds=6), [name]))
    payload = told[name]
    kline = "Kline" in name or "kline" in name
    assert {key: type(value) for key, value in payload.items()} == EXPECTED[name] | ({} if kline else {"st": int})
    if kline:
        symbol = {"s": str} if "k" in payload and "ps" not in payload else {}
        assert {key: type(value) for key, value in payload["k"].items()} == CANDLE | symbol


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_every_close_is_told_exactly_once_and_as_the_history_has_it(cuts):
    market, told = walk(), []
    for seconds in [*cuts, 1000]:
        until = market.now + timedelta(seconds=seconds)
        told += publications(market, list(market.advance(until)), ["ethusdt@kline_1m", "ethusdt@kline_15m"])
    for interval, first in (("1m", START), ("15m", START)):
        closed = [p["k"] for name, p in told if name.endswith("_" + interval) and p["k"]["x"]]
        rows = market.klines("ETHUSDT", interval, limit=1000)
        expected = [row for row in rows if first.timestamp() * 1000 < row.close_time < market.now.timestamp() * 1000]
        assert [k["t"] for k in closed] == [row.open_time for row in expected]
        assert [(k["o"], k["h"], k["l"], k["c"], k["v"]) for k in closed] == [tuple(map(str, r[1:6])) for r in expected]


def test_a_close_is_told_before_the_candle_that_follows_and_at_its_own_time():
    market = walk()
    told = listen(market, START + timedelta(seconds=30), ["btcusdt@kline_1m"])
    close, running = told[-2][1], told[-1][1]
    assert close["k"]["x"] and not running["k"]["x"]
    assert close["E"] == running["k"]["t"] == close["k"]["T"] + 1


def test_batches_are_joined_into_the_newest_and_lose_no_volume():
    apart, joined = walk(), walk()
    until = START + timedelta(seconds=20)
    names = ["btcusdt@aggTrade", "btcusdt@markPrice@1s"]
    each, once = listen(apart, until, names), dict(listen(joined, until, names, every=20))
    volume = sum(Decimal(p["q"]) for name, p in each if name == names[0])
    assert Decimal(once[names[0]]["q"]) == volume
    for name in names[1:]:
        assert once[name] == [p for told, p in each if told == name][-1]


def test_mark_prices_come_each_second_or_each_three():
    names = ["btcusdt@markPrice", "btcusdt@markPrice@1s"]
    told = listen(walk(), START + timedelta(seconds=30), names)
    assert [sum(name == wanted for name, _ in told) for wanted in names] == [10, 30]


def test_streams_of_all_pairs_come_as_one_array():
    told = listen(walk(), START + timedelta(seconds=1), ["!markPrice@arr@1s", "!ticker@arr"])
    assert {name: [row["s"] for row in rows] for name, rows in dict(told).items()} == {
        "!markPrice@arr@1s": list(PAIRS),
        "!ticker@arr": list(PAIRS),
    }


@pytest.mark.parametrize(
    "name",
    ["btcusdt", "BTCUSDT@kline_1m", "btcusdt@kline_7m", "btcusdt@continuousKline_1m", "btcusdt_perpetual@kline_1m",
     "btcusdt@depth7", "!kline", "xyzusdt@aggTrade", ""],
)  # fmt: skip
def test_a_name_that_means_nothing_is_silent(name):
    assert listen(walk(), START + timedelta(seconds=3), [name]) == []


def test_a_name_says_what_is_asked_for():
    stream = parse("1000pepeusdt@depth20@500ms")
    assert stream is not None and (stream.kind, stream.symbol, stream.argument) == ("depth", "1000PEPEUSDT", "20")


def test_a_liquidation_is_an_order_within_an_event():
    name, event = force_order("ETHUSDT", Side.SELL, Decimal("1.5"), Decimal("2400.00"), Decimal("2401.20"), START)
    assert name == "ethusdt@forceOrder" and event["e"] == "forceOrder"
    assert set(event["o"]) == {"s", "S", "o", "f", "q", "p", "ap", "X", "l", "z", "T"}
    assert (event["o"]["S"], event["o"]["q"], event["o"]["ap"]) == ("SELL", "1.5", "2401.20")
