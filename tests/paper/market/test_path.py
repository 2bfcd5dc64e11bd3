"""Inside a candle the price goes from open to close by way of high and low, and nowhere else."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.paper.market.chance import generator
from canary_cli.paper.market.path import within


@st.composite
def candles(draw: st.DrawFn) -> np.ndarray:
    rows = []
    for minute in range(draw(st.integers(1, 5))):
        low, span = draw(st.integers(1, 10**7)), draw(st.integers(0, 10**5))
        opened, closed = (draw(st.integers(low, low + span)) for _ in range(2))
        rows.append((60 * minute, opened, low + span, low, closed, draw(st.integers(0, 10**9))))
    return np.array(rows, dtype=np.int64)


@settings(max_examples=150, deadline=None)
@given(candles(), st.sampled_from([4, 6, 60]), st.integers(0, 99))
def test_the_path_touches_open_high_low_and_close_and_trades_the_whole_volume(bars, points, seed):
    prices, volumes = within(bars, points, generator(seed, "path"))
    assert (prices[:, 0] == bars[:, 1]).all() and (prices[:, -1] == bars[:, 4]).all()
    assert (prices.max(axis=1) == bars[:, 2]).all() and (prices.min(axis=1) == bars[:, 3]).all()
    assert (volumes.sum(axis=1) == bars[:, 5]).all() and (volumes >= 0).all()


def test_a_rising_candle_has_mostly_seen_its_low_before_its_high():
    rising = np.tile(np.array([0, 100, 140, 80, 130, 9], dtype=np.int64), (2000, 1))
    prices, _ = within(rising, 60, generator(1, "path"))
    low_first = (prices.argmin(axis=1) < prices.argmax(axis=1)).mean()
    assert 0.65 < low_first < 0.75
