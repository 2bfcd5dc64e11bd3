"""Candles are joined on the exchange's boundaries, and joining twice is joining once."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.paper.market.bars import INTERVALS, Layer, candle_open, closings, next_open, resample, stack, with_flow

MONDAY = int(datetime(2025, 6, 2, tzinfo=UTC).timestamp())


def minutes(count: int, start: int = MONDAY, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    close = 10_000 + chance.integers(-50, 51, count).cumsum()
    opened = np.r_[10_000, close[:-1]]
    high = np.maximum(opened, close) + chance.integers(0, 9, count)
    low = np.minimum(opened, close) - chance.integers(0, 9, count)
    return np.column_stack((start + 60 * np.arange(count), opened, high, low, close, chance.integers(0, 99, count)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.sampled_from([("5m", "15m"), ("15m", "1h"), ("1h", "4h"), ("30m", "12h"), ("4h", "1d")]))
def test_an_interval_is_the_join_of_its_parts(seed, pair):
    short, long = pair
    bars = with_flow(minutes(3 * 1440, seed=seed), 7)
    assert (resample(resample(bars, short), long) == resample(bars, long)).all()


def test_a_join_opens_first_closes_last_reaches_furthest_and_sums_what_flowed():
    bars = np.array([[0, 5, 9, 4, 6, 10], [60, 6, 7, 1, 2, 20], [120, 2, 3, 2, 3, 30]])
    assert resample(bars, "3m").tolist() == [[0, 5, 9, 1, 3, 60]]


@pytest.mark.parametrize(
    ("interval", "opened"),
    [("1w", datetime(2025, 6, 2)), ("1M", datetime(2025, 6, 1)), ("1d", datetime(2025, 6, 5))],
)
def test_weeks_open_on_mondays_and_months_on_their_first(interval, opened):
    thursday = int(datetime(2025, 6, 5, 12, tzinfo=UTC).timestamp())
    assert candle_open(np.array([thursday]), interval)[0] == int(opened.replace(tzinfo=UTC).timestamp())


def test_months_are_as_long_as_they_are():
    february = int(datetime(2025, 2, 1, tzinfo=UTC).timestamp())
    assert next_open(february, "1M") - february == 28 * 86_400


@pytest.mark.parametrize("interval", sorted(INTERVALS))
def test_every_closing_is_told_once_however_the_time_is_cut(interval):
    end = MONDAY + 40 * 86_400
    whole = list(closings(MONDAY - 1, end, interval))
    cuts = [MONDAY - 1, MONDAY, MONDAY + 59, MONDAY + 60, MONDAY + 7 * 86_400, end]
    parts = [closing for since, until in pairwise(cuts) for closing in closings(since, until, interval)]
    assert parts == whole and whole


def test_the_finest_candles_tell_what_they_reach_back_to_and_the_others_the_rest():
    fine = minutes(600, start=MONDAY + 90 * 60)
    coarse = resample(minutes(600, start=MONDAY - 7200), "1h")
    layers = [Layer(60, fine), Layer(3600, coarse)]
    hours = resample(stack(layers, "1h", 0, MONDAY + 86_400, None)[:, :6], "1h")
    assert hours[:, 0].tolist() == [MONDAY - 7200 + 3600 * hour for hour in range(len(hours))]
    from_coarse, from_fine = coarse[:4], resample(fine, "1h")[1:]
    assert (hours == np.concatenate((from_coarse, from_fine))).all()
