"""The shipped seeds bring the strategy what their scenarios promise: signals in every phase, longs before the crash."""

from datetime import UTC, datetime, timedelta

import pytest

from canary_cli.core.model import Candle, Frame, Side
from canary_cli.core.signals import evaluate_batch
from canary_cli.paper.market import synthetic_market
from canary_cli.paper.scenario import load, shipped

FIRST = {"BTCUSDT", "ETHUSDT", "BNBUSDT"}
SECOND = FIRST | {"SOLUSDT", "ADAUSDT", "XRPUSDT"}
HISTORY = {Frame.M15: 420, Frame.H1: 300, Frame.H4: 300, Frame.D1: 300}


def candle(symbol, frame, row):
    opened = datetime.fromtimestamp(row.open_time / 1000, UTC)
    return Candle(symbol, frame, opened, *(float(value) for value in row[1:6]))


def evaluations(market, symbol):
    """What the strategy makes of every closed quarter of an hour."""
    now = market.now.timestamp() * 1000
    frames = {
        frame: [candle(symbol, frame, row) for row in market.klines(symbol, frame.value, limit=count) if row[6] < now]
        for frame, count in HISTORY.items()
    }
    return evaluate_batch(symbol, market.listings[symbol].rules.tick, frames)


def walked(scenario, until, symbols=None):
    market = synthetic_market(scenario.start, scenario.seed, climate=scenario.climate(scenario.start), grid=15)
    list(market.advance(scenario.start + until))
    return market


@pytest.fixture(scope="module", params=[name for name in shipped() if name != "flash-crash"])
def signals(request):
    """(symbol, hours after the start, side) of every signal of the four hours."""
    scenario = load(request.param)
    market = walked(scenario, timedelta(hours=4))
    return [
        (symbol, (evaluation.time - scenario.start).total_seconds() / 3600, evaluation.direction)
        for symbol in market.symbols
        for evaluation in evaluations(market, symbol)
        if evaluation.is_signal and evaluation.time >= scenario.start
    ]


@pytest.mark.parametrize(("since", "until", "pairs"), [(0.5, 1, FIRST), (1, 3, SECOND - FIRST), (3, 4, None)])
def test_every_phase_of_the_plan_has_signals_on_pairs_that_were_not_traded_before(signals, since, until, pairs):
    fresh = {symbol for symbol, at, _ in signals if since < at < until and (not pairs or symbol in pairs)}
    assert len(fresh) >= (1 if pairs else 3)
    if not pairs:
        assert len(fresh - SECOND) >= 3


def test_it_is_long_all_the_way(signals):
    assert {side for _, at, side in signals if at > 0} == {Side.BUY}


def test_a_calm_day_has_no_candle_that_would_run_through_a_stop():
    """No pair falls by 2 x ATR14 (about 1 %) within an hour of the plan."""
    scenario = load("calm")
    market = walked(scenario, timedelta(hours=4))
    for symbol in market.symbols:
        rows = market.klines(symbol, "15m", scenario.start, limit=16)
        for place, row in enumerate(rows):
            lowest = min(later.low for later in rows[place + 1 : place + 5] or rows[-1:])
            assert lowest > row.close * (1 - 3 * average_range(market, symbol) / row.close), symbol


def average_range(market, symbol):
    rows = market.klines(symbol, "15m", limit=30)[:14]
    return sum(row.high - row.low for row in rows) / len(rows)


def test_the_flash_crash_gaps_through_stops_of_some_pairs_while_others_are_still_open():
    scenario = load("flash-crash")
    market = walked(scenario, timedelta(hours=3, minutes=19, seconds=45))
    for shock in scenario.shocks(scenario.start):
        market.shock(shock)
    held, before = {}, {symbol: market.last(symbol) for symbol in market.symbols}
    for symbol in market.symbols:
        for evaluation in evaluations(market, symbol):
            if evaluation.is_signal and evaluation.time >= scenario.start + timedelta(hours=3):
                held[symbol] = evaluation
    assert len(held) >= 5 and all(evaluation.direction is Side.BUY for evaluation in held.values())
    list(market.advance(scenario.start + timedelta(hours=3, minutes=20)))
    gapped = {symbol for symbol in market.symbols if float(market.last(symbol)) < 0.95 * float(before[symbol])}
    assert gapped == {"SOLUSDT", "XRPUSDT", "DOTUSDT"}
    assert held.keys() & gapped and len(held.keys() - gapped) >= 2
    for symbol in held.keys() & gapped:
        beyond = held[symbol].close - 2 * held[symbol].atr - 0.02 * held[symbol].close
        assert float(market.last(symbol)) < beyond
