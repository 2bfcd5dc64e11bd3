"""What two implementations of the definition must agree on: one test an item, numbered as in the definition's list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from canary_cli.core.model import Frame, Side
from canary_cli.core.signals import (
    Bars,
    Evaluation,
    Holding,
    Reason,
    SignalEngine,
    SignalSettings,
    evaluate_batch,
    to_signal,
)
from canary_cli.core.signals.bars import milliseconds
from canary_cli.core.signals.generator import judge
from canary_cli.core.signals.model import Break
from canary_cli.core.signals.outcome import Outcome, outcome
from canary_cli.steps.klines import find_windows, read_bars, read_frames
from tests.core.signals.market import (
    SIX,
    SYMBOL,
    TICK,
    Frames,
    bars_of,
    candles,
    data_folder,
    in_order,
    market_data,
    random_frames,
    stream,
    without,
)
from tests.core.signals.test_engine import closed_by
from tests.core.signals.test_generator import NOW, STRONG, judged, reading, structure
from tests.core.signals.test_indicators import column, figures, prices, read
from tests.core.signals.test_structure import walk

SETTINGS = SignalSettings()
QUIET = [(100, 101, 99, 100)] * 6


@market_data
@pytest.mark.parametrize("name", ["BTCUSDT_1h", "SOLUSDT_1m"])
def test_1_indicators_equal_the_oracle_to_1e_8(name: str) -> None:
    rows = read(f"talib_{name}.csv.gz")
    ours = figures(prices(rows))
    for field, theirs in (("rsi", "rsi14"), ("atr", "atr14"), ("adx", "adx14"), ("ema50", "ema50")):
        np.testing.assert_allclose(ours[field], column(rows, theirs), rtol=1e-8, atol=1e-9)


def changed(frames: Frames, rows: list[tuple[float, ...]]) -> dict[Frame, Bars]:
    """The frames with the first decision bars replaced."""
    bars = frames[Frame.M15]
    new = bars_of(rows)
    columns = {name: np.concatenate((getattr(new, name), getattr(bars, name)[len(new) :]))
               for name in ("open", "high", "low", "close", "volume")}  # fmt: skip
    return {**frames, Frame.M15: replace(bars, **columns)}


def agreed(frames: Frames) -> list[Evaluation]:
    """The evaluations, after both engines gave the same."""
    batch = evaluate_batch(SYMBOL, TICK, frames)
    assert list(stream(SignalEngine(SYMBOL, TICK), in_order(frames))) == batch
    return batch


def test_2_a_flat_market_has_no_opinion() -> None:
    last = agreed(changed(random_frames(1, 10), [(500, 500, 500, 500)] * 260))[-1]
    assert [(part.name, part.strength) for part in last.components if part.name != "ema"] == [
        ("smc", 0.5), ("rsi", 0.5), ("adx", 0.5)]  # fmt: skip
    assert (last.atr, last.alignment_agree, last.alignment_oppose) == (0.0, 0, 0)
    assert not last.is_signal


def test_2_a_monotone_market_is_exhausted_not_a_signal() -> None:
    last = agreed(changed(random_frames(2, 10), [(500 + i, 501 + i, 500 + i, 501 + i) for i in range(260)]))[-1]
    rsi = next(part for part in last.components if part.name == "rsi")
    assert rsi.values == (100.0,)
    assert last.evidence.structure.swings == ()  # a market that never turns has no pivot
    assert not last.is_signal


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0, -1.0])
def test_2_a_bar_that_is_not_finite_or_positive_is_a_bar_that_never_came(bad: float) -> None:
    frames = random_frames(3, 400)
    bars = frames[Frame.M15]
    low = bars.low.copy()
    low[320] = bad
    assert agreed({**frames, Frame.M15: replace(bars, low=low)}) == agreed({**frames, Frame.M15: without(bars, 320)})


def test_2_zero_volume_bars_are_bars_but_never_order_blocks() -> None:
    rally = [*[(100, 101, 99, 100)] * 20, (100, 105, 100, 103), *QUIET, (100, 100, 95, 96), (96, 110, 96, 109)]
    assert all(one.block is None for one in walk(bars_of([(*row, 0.0) for row in rally])))
    heavy = [(*row, 500.0 if row == (100, 100, 95, 96) else 100.0) for row in rally]
    assert walk(bars_of(heavy))[-1].block is not None


def test_2_a_gap_of_one_bar_blocks_until_warm_again() -> None:
    frames = random_frames(4, 400)
    reasons = [one.reason for one in agreed({**frames, Frame.M15: without(frames[Frame.M15], 300)})]
    assert reasons[300:549] == [Reason.GAP] * 249
    assert Reason.GAP not in reasons[549:]


def test_2_one_bar_of_history_is_warmup() -> None:
    frames = random_frames(5, 10)
    (only,) = agreed({frame: bars[-1:] if frame is Frame.M15 else bars for frame, bars in frames.items()})
    assert only.reason is Reason.WARMUP


def test_3_every_prefix_equals_the_full_run() -> None:
    frames = random_frames(6, 300)
    whole = agreed(frames)
    for cut in range(1, len(whole), 37):
        assert evaluate_batch(SYMBOL, TICK, closed_by(frames, whole[cut - 1])) == whole[:cut]


@market_data
@pytest.mark.parametrize("symbol", SIX)
def test_3_every_prefix_equals_the_full_run_on_market_data(symbol: str) -> None:
    """34 random cuts for each of six pairs: 204 in all. Any repaint fails."""
    window = next(one for one in find_windows(data_folder(), Frame.M15, symbol) if one.source == "um_1m_2025-02")
    frames = read_frames(data_folder(), window, SETTINGS.trend_frames)
    frames = {frame: bars[-1200:] for frame, bars in frames.items()}
    whole = evaluate_batch(symbol, TICK, frames)
    assert any(one.is_signal for one in whole)
    for cut in np.random.default_rng(SIX.index(symbol)).integers(1, len(whole), 34).tolist():
        assert evaluate_batch(symbol, TICK, closed_by(frames, whole[cut - 1])) == whole[:cut]


def test_4_of_equal_highs_the_first_is_the_pivot() -> None:
    bars = bars_of([*QUIET, (100, 105, 100, 100), (100, 102, 100, 100), (100, 105, 100, 100), *QUIET, *QUIET])
    highs = [swing for swing in walk(bars)[-1].swings if swing.direction > 0]
    assert [(swing.level, swing.time) for swing in highs] == [(105, candles(bars)[6].open_time)]


def test_4_a_pivot_is_known_exactly_five_bars_later() -> None:
    bars = bars_of([*QUIET, (100, 105, 100, 100), *QUIET])
    known = [bool(one.swings) for one in walk(bars)]
    assert known.index(True) == 6 + 5
    assert walk(bars)[11].swings[0].confirmed == candles(bars)[11].open_time


def test_4_a_bar_that_confirms_a_pivot_breaks_nothing_it_does_not_close_beyond() -> None:
    """Confirmed first, then tested: the bar that confirms a high lies below it, so the next one breaks it."""
    bars = bars_of([*QUIET, (100, 105, 100, 100), *QUIET[:4], (100, 105, 99, 104), (104, 107, 104, 106)])
    confirming, breaking = walk(bars)[-2:]
    assert [swing.level for swing in confirming.swings] == [105]
    assert confirming.last_break is None
    assert breaking.last_break is not None
    assert (breaking.last_break.kind, breaking.last_break.level) == (Break.BOS, 105)


def test_4_a_close_beyond_the_old_level_on_the_bar_that_confirms_a_new_one_is_no_break() -> None:
    """A low at 98, a wick to 95 that becomes the latest low with the very bar that closes at 96: between the two."""
    steady = [(100, 101, 99, 100)] * 5
    bars = bars_of([*QUIET, (100, 101, 98, 100), *steady, (100, 101, 95, 100), *steady[:4], (100, 100, 96, 96)])
    before, confirming = walk(bars)[-2:]
    assert [swing.level for swing in before.swings] == [98]
    assert [swing.level for swing in confirming.swings] == [95]
    assert confirming.last_break is None


def test_5_pivots_before_breaks_before_sweeps_before_blocks_before_gaps_before_votes() -> None:
    """One bar confirms a high, sweeps it, and opens a gap: all three are in its votes."""
    peak = (100, 105, 100, 101)
    dip = [(95, 96, 94, 95)] * 3
    bars = bars_of([*QUIET, peak, (100, 101, 99, 100), *dip, (104, 105, 103.5, 104)])
    last = walk(bars)[-1]
    assert [swing.level for swing in last.swings if swing.direction > 0] == [105]
    assert last.last_break is None
    assert last.gap is not None
    assert last.gap.bar == len(bars) - 1
    swept = walk(bars_of([*QUIET, peak, *QUIET[:4], (100, 104, 99, 100), (100, 106, 100, 104)]))[-1]
    assert swept.sweep is not None
    assert (swept.sweep.direction, swept.votes[4]) == (-1, -1)


def test_5_a_break_ends_the_blocks_it_closes_beyond_in_the_same_bar() -> None:
    """A bearish block is born by a break down; the close above its far edge removes it before the votes are counted."""
    heavy = (100, 103, 100, 102, 500)
    down = (100, 100, 88, 89)
    low = [(100, 101, 92, 100)]
    fall = [*[(100, 101, 99, 100)] * 20, *low, *QUIET, heavy, down]
    born = walk(bars_of(fall))[-1]
    assert born.block is not None
    assert (born.votes[2], born.block.high) == (-1, 103)
    ended = walk(bars_of([*fall, (89, 104, 89, 103.5)]))[-1]
    assert ended.block is None
    assert ended.votes[2] == 0


def test_6_the_other_direction_may_enter_at_once_while_a_position_is_open_or_resting() -> None:
    aligned = structure(1, 1, 1)
    for holding in (Holding(Side.SELL), Holding(None, Side.SELL, NOW)):
        assert judged(evidence=replace(aligned, holding=holding)).is_signal
    assert judged(evidence=replace(aligned, holding=Holding(Side.BUY))).reason is Reason.POSITION_OPEN


@pytest.mark.parametrize(
    ("flat_for", "reason"),
    [
        (timedelta(0), Reason.COOLDOWN),
        (timedelta(hours=2) - timedelta(milliseconds=1), Reason.COOLDOWN),
        (timedelta(hours=2), Reason.NONE),
    ],
)
def test_6_the_cooldown_ends_exactly_two_hours_after_flat(flat_for: timedelta, reason: Reason) -> None:
    holding = Holding(None, Side.BUY, NOW - flat_for)
    assert judged(evidence=replace(structure(1, 1, 1), holding=holding)).reason is reason


def test_6_confidence_of_exactly_75_does_not_trade() -> None:
    """Three strengths of 0.75 whose weighted float sum is a hair more; the confidence is 75 all the same."""
    weights = replace(SETTINGS, min_alignment=0, smc_weight=0.65, ema_weight=0.0)
    assert 100 * (0.65 * 0.75 + 0.15 * 0.75 + 0.20 * 0.75) != 75.0
    three_quarters = STRONG._replace(adx=25.0, rsi=55.0)
    bar = reading(evidence=structure(1, 1, 1, -1), momentum=three_quarters)
    assert judge(bar, TICK, weights).confidence == 75.0
    assert judge(bar, TICK, weights).reason is Reason.CONFIDENCE
    assert judge(bar, TICK, replace(weights, min_confidence=74.999)).is_signal


@pytest.mark.parametrize(("votes", "trades"), [((1, 1, 1, 1, -1), True), ((1, 1, 1, -1, 0), False)])
def test_6_alignment_of_exactly_80_percent_trades(votes: tuple[int, ...], trades: bool) -> None:
    evaluation = judged(evidence=structure(*votes))
    assert evaluation.is_signal is trades
    assert evaluation.alignment == (80.0 if trades else 75.0)


@market_data
def test_7_minutes_without_trades_are_bars_like_others() -> None:
    """2025-01-29 01:23-01:35: flat minutes of no volume inside quarters that still close, and are judged."""
    evaluations, bars = february("BTCUSDT")
    hour = [
        one
        for one in evaluations
        if datetime(2025, 1, 29, 1, tzinfo=UTC) < one.time <= datetime(2025, 1, 29, 3, tzinfo=UTC)
    ]
    assert len(hour) == 8
    assert {one.reason for one in hour} == {Reason.WARMUP}  # the window opened less than 250 bars before
    assert np.diff(bars.open_time).max() == bars.step


@market_data
@pytest.mark.parametrize("symbol", SIX)
def test_7_the_crash_of_february_is_judged_bar_by_bar_without_a_gap(symbol: str) -> None:
    evaluations, _ = february(symbol)
    crash = [
        one
        for one in evaluations
        if datetime(2025, 2, 3, 1, tzinfo=UTC) < one.time <= datetime(2025, 2, 3, 3, tzinfo=UTC)
    ]
    assert len(crash) == 8
    assert all(one.atr > 0 and one.reason not in (Reason.GAP, Reason.WARMUP) for one in crash)


def february(symbol: str) -> tuple[list[Evaluation], Bars]:
    window = next(one for one in find_windows(data_folder(), Frame.M15, symbol) if one.source == "um_1m_2025-02")
    frames = read_frames(data_folder(), window, SETTINGS.trend_frames)
    return evaluate_batch(symbol, TICK, frames), frames[Frame.M15]


@market_data
def test_7_stop_and_target_inside_one_bar_count_as_the_stop() -> None:
    """XRP 2025-10-10 21:00: from 2.4 to 1.2 and back within the hour."""
    bars = read_bars(data_folder() / "um_1h" / "XRPUSDT_1h.parquet", Frame.H1)
    hour = bars[bars.open_time == milliseconds(datetime(2025, 10, 10, 21, tzinfo=UTC))]
    high, low = float(hour.high[0]), float(hour.low[0])
    assert high / low > 1.5
    middle = (high + low) / 2
    evaluation = replace(judged(), close=round(middle, 4), atr=(high - low) / 8)
    for side in Side:
        signal = to_signal(replace(evaluation, direction=side), Decimal("0.0001"), SETTINGS)
        assert low < min(signal.stop, signal.target) < max(signal.stop, signal.target) < high
        assert outcome(signal, hour) is Outcome.STOP


def test_7_the_first_bar_to_trade_either_price_decides() -> None:
    signal = to_signal(judged(), TICK, SETTINGS)  # entry 100, stop 96, target 106
    calm, up, down = (100, 101, 99, 100), (100, 106, 99, 105), (100, 101, 96, 97)
    assert outcome(signal, bars_of([calm, up, down])) is Outcome.TARGET
    assert outcome(signal, bars_of([calm, down, up])) is Outcome.STOP
    assert outcome(signal, bars_of([calm, calm])) is Outcome.OPEN
