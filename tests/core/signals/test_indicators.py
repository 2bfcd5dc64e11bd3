"""The indicators equal the published figures, their own definitions, and themselves bar by bar."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from canary_cli.core.model import Frame
from canary_cli.core.signals import Bars, SignalSettings
from canary_cli.core.signals.indicators import (
    Momentum,
    MomentumStream,
    TrendStream,
    VolumeStream,
    check_library,
    momentum,
    trend,
    volume_average,
)
from canary_cli.errors import ConfigurationError
from tests.core.signals.market import bars_of, data_folder, market_data, random_bars

SETTINGS = SignalSettings()


def read(name: str) -> list[dict[str, str]]:
    path = data_folder() / "oracle" / name
    opener: Any = gzip.open if path.suffix == ".gz" else Path.open
    with opener(path, "rt") as file:
        return list(csv.DictReader(file))


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name] or "nan") for row in rows])


def prices(rows: list[dict[str, str]], frame: Frame = Frame.H1) -> Bars:
    """Bars of an oracle file; what it lacks is filled with what no figure under test reads."""
    close = column(rows, "close")
    high = column(rows, "high") if "high" in rows[0] else close
    low = column(rows, "low") if "low" in rows[0] else close
    volume = column(rows, "volume") if "volume" in rows[0] else np.zeros(len(rows))
    return Bars(frame, np.arange(len(rows), dtype=np.int64) * 3_600_000, close, high, low, close, volume)


def figures(bars: Bars) -> dict[str, np.ndarray]:
    columns = dict(zip(Momentum._fields, np.array(list(momentum(bars, SETTINGS))).T, strict=True))
    averages = np.array(list(trend(bars.close, SETTINGS))).T
    return {**columns, **dict(zip(("ema9", "ema21", "ema50"), averages, strict=True))}


@market_data
@pytest.mark.parametrize("name", ["BTCUSDT_1h", "ADAUSDT_1h", "ETHUSDT_4h", "XRPUSDT_1d", "SOLUSDT_1m"])
def test_equal_the_talib_oracles_to_1e_8(name: str) -> None:
    rows = read(f"talib_{name}.csv.gz")
    bars, ours = prices(rows), figures(prices(rows))
    expected = {
        **{name: name for name in ("ema9", "ema21", "ema50")},
        **{name: f"{name}14" for name in ("rsi", "atr", "adx", "plus_di", "minus_di")},
    }
    for field, published in expected.items():
        # the files carry ten significant digits
        np.testing.assert_allclose(ours[field], column(rows, published), rtol=1e-8, atol=1e-9, err_msg=field)
    volumes = volume_average(bars.volume, SETTINGS)
    np.testing.assert_allclose(volumes, column(rows, "vol_sma20"), rtol=1e-8, atol=1e-9)


@market_data
def test_equal_the_published_constants_of_the_c_library() -> None:
    series = prices(read("talib_sref_daily_252.csv"))
    ours = figures(series)
    compute = {
        "EMA": lambda period: talib.EMA(series.close, period),
        "RSI": lambda _: ours["rsi"],
        "ATR": lambda _: ours["atr"],
        "ADX": lambda _: ours["adx"],
    }
    tolerance = {"EMA": (0.0, 0.01), "RSI": (0.0, 0.01), "ATR": (0.0, 0.01), "ADX": (-0.75, 0.75)}
    compared = 0
    for row in read("talib_regtest_expected.csv"):
        if row["func"] not in compute or (row["func"] == "ATR" and row["period"] != "14"):
            continue
        difference = compute[row["func"]](int(row["period"]))[int(row["bar_index"])] - float(row["published_value"])
        low, high = tolerance[row["func"]]
        assert low - 1e-9 <= difference < high, row
        compared += 1
    assert compared >= 20


@market_data
def test_rsi_equals_stockcharts() -> None:
    rows = read("stockcharts_rsi14.csv")
    np.testing.assert_allclose(
        figures(prices(rows))["rsi"], column(rows, "rsi14_wilder_sma_seed_talib"), rtol=0, atol=0.005
    )


@market_data
@pytest.mark.parametrize(("name", "field"), [("atr14", "atr"), ("adx14", "adx")])
def test_atr_and_adx_follow_talibs_seed_not_stockcharts(name: str, field: str) -> None:
    """Only the `talib` column of these two files is comparable: StockCharts seeds the first average differently."""
    rows = read(f"stockcharts_{name}.csv")
    other_seed = "atr14_stockcharts_published" if field == "atr" else "adx"
    ours = figures(prices(rows))[field]
    np.testing.assert_allclose(ours, column(rows, f"{name}_talib"), rtol=1e-6, atol=5e-5)
    assert np.nanmax(np.abs(ours - column(rows, other_seed))) > 1e-3


def wilder(values: np.ndarray, first: int, period: int) -> np.ndarray:
    """Mean of `period` values ending at `first`, then the recursion; section 1 written out."""
    out = np.full(len(values), np.nan)
    out[first] = values[first - period + 1 : first + 1].mean()
    for t in range(first + 1, len(values)):
        out[t] = (out[t - 1] * (period - 1) + values[t]) / period
    return out


def adx_by_definition(bars: Bars, p: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h, low, c = bars.high, bars.low, bars.close
    up, down = np.diff(h, prepend=h[0]), -np.diff(low, prepend=low[0])
    moves = [np.where((up > down) & (up > 0), up, 0), np.where((down > up) & (down > 0), down, 0), true_range(bars)]
    sums = []
    for x in moves:
        s = np.full(len(c), np.nan)
        s[p - 1] = x[1:p].sum()
        for t in range(p, len(c)):
            s[t] = s[t - 1] - s[t - 1] / p + x[t]
        sums.append(s)
    with np.errstate(invalid="ignore", divide="ignore"):
        plus, minus = (np.where(sums[2] == 0, 0, 100 * sums[i] / sums[2]) for i in (0, 1))
        dx = np.where(plus + minus == 0, 0, 100 * np.abs(plus - minus) / (plus + minus))
    return wilder(dx, 2 * p - 1, p), plus, minus


def true_range(bars: Bars) -> np.ndarray:
    before = np.concatenate(([np.nan], bars.close[:-1]))
    return np.fmax(bars.high, before) - np.fmin(bars.low, before)


def test_every_figure_equals_its_definition() -> None:
    bars = random_bars(7, 400)
    ours, p = figures(bars), 14
    moves = np.diff(bars.close, prepend=bars.close[0])
    gain, loss = (wilder(np.maximum(sign * moves, 0), p, p) for sign in (1, -1))
    adx, plus, minus = adx_by_definition(bars, p)
    np.testing.assert_allclose(ours["rsi"][p:], 100 * gain[p:] / (gain[p:] + loss[p:]), rtol=1e-12)
    np.testing.assert_allclose(ours["atr"][p:], wilder(true_range(bars), p, p)[p:], rtol=1e-12)
    np.testing.assert_allclose(ours["adx"][2 * p :], adx[2 * p :], rtol=1e-9)
    np.testing.assert_allclose(ours["plus_di"][p:], plus[p:], rtol=1e-12)
    np.testing.assert_allclose(ours["minus_di"][p:], minus[p:], rtol=1e-12)
    for period in SETTINGS.ema_periods:
        average = bars.close[:period].mean()
        for price in bars.close[period:]:
            average += 2 / (period + 1) * (price - average)
        assert ours[f"ema{period}"][-1] == pytest.approx(average, rel=1e-12)


def streamed(bars: Bars, opened: int) -> Iterator[tuple[Any, Any, float]]:
    head = bars[:opened]
    trends, wilders = TrendStream(head.close, SETTINGS), MomentumStream(head.high, head.low, head.close, SETTINGS)
    volumes = VolumeStream(SETTINGS)
    averages = [volumes.update(volume) for volume in bars.volume.tolist()]
    yield trends.value, wilders.value, averages[opened - 1]
    for row in range(opened, len(bars)):
        high, low, close = (float(column[row]) for column in (bars.high, bars.low, bars.close))
        yield trends.update(close), wilders.update(high, low, close), averages[row]


@pytest.mark.parametrize("opened", [50, 250, 299])
def test_bar_by_bar_equals_batch_bit_for_bit_wherever_the_stream_is_opened(opened: int) -> None:
    bars = random_bars(3, 300)
    whole = zip(
        trend(bars.close, SETTINGS), momentum(bars, SETTINGS), volume_average(bars.volume, SETTINGS), strict=True
    )
    assert list(streamed(bars, opened)) == list(whole)[opened - 1 :]


def test_the_volume_average_is_unknown_until_its_period_is_full() -> None:
    volumes = VolumeStream(SETTINGS)
    averages = [volumes.update(float(volume)) for volume in range(20)]
    assert np.isnan(averages[:19]).all()
    assert averages[19] == 9.5


def test_rsi_of_a_market_that_never_moved_is_50_in_both_engines() -> None:
    flat = bars_of([(10, 10, 10, 10)] * 60)
    assert list(momentum(flat, SETTINGS))[-1].rsi == 50
    *_, (_, last, _) = streamed(flat, 50)
    assert last.rsi == 50
    assert talib.RSI(flat.close, 14)[-1] == 0  # the trap


def test_a_fall_without_a_single_gain_is_still_oversold() -> None:
    falling = bars_of([(100 - i, 100 - i, 99 - i, 99 - i) for i in range(60)])
    assert list(momentum(falling, SETTINGS))[-1].rsi == 0


@pytest.mark.parametrize(
    ("wrapper", "library"), [("0.8.2", b"0.6.4 (Aug 1 2025)"), ("0.7.0", b"0.7.1"), ("0.8.2", b""), ("0.9.0", b"0.8.1")]
)
def test_a_wheel_with_another_c_library_is_refused(wrapper: str, library: bytes) -> None:
    with pytest.raises(ConfigurationError, match="carries the C library"):
        check_library(wrapper, library)


def test_the_installed_library_is_accepted() -> None:
    check_library("0.8.2", b"0.8.1 (Oct 12 2026 17:59:00)")
