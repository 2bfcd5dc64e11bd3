"""The incremental engine: equal to the batch engine bit for bit, whatever gaps and restarts it went through."""

import gc
import json
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.core.model import Frame, Side
from canary_cli.core.signals import (
    Evaluation,
    Holding,
    Reason,
    SignalEngine,
    SignalSettings,
    evaluate_batch,
    self_test,
)
from canary_cli.core.signals.bars import Bars, resample
from tests.core.signals.market import (
    SYMBOL,
    TICK,
    Frames,
    candles,
    in_order,
    random_bars,
    random_frames,
    stream,
    without,
)

SHORT = SignalSettings(warmup_bars=60)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return random_frames(1, 400)


@pytest.fixture(scope="module")
def batch(frames: Frames) -> list[Evaluation]:
    return evaluate_batch(SYMBOL, TICK, frames)


def engine(settings: SignalSettings = SignalSettings()) -> SignalEngine:  # noqa: B008
    return SignalEngine(SYMBOL, TICK, settings)


def test_bar_by_bar_equals_batch(frames: Frames, batch: list[Evaluation]) -> None:
    assert list(stream(engine(), in_order(frames))) == batch
    assert any(evaluation.is_signal for evaluation in batch)


def test_warming_with_history_equals_feeding_it(frames: Frames, batch: list[Evaluation]) -> None:
    feed = in_order(frames)
    cut = batch[300].time
    warmed = engine()
    history = {frame: [one for one in candles(bars) if one.close_time <= cut] for frame, bars in frames.items()}
    warmed.warm(history)
    assert list(stream(warmed, [one for one in feed if one.close_time > cut])) == batch[301:]


def test_batch_takes_candles_as_well_as_columns(frames: Frames, batch: list[Evaluation]) -> None:
    assert evaluate_batch(SYMBOL, TICK, {frame: candles(bars) for frame, bars in frames.items()}) == batch


@pytest.mark.parametrize("cut", [0, 5, 19, 60, 249, 250, 400])
def test_saved_as_json_and_restored_it_goes_on_as_if_never_stopped(
    frames: Frames, batch: list[Evaluation], cut: int
) -> None:
    feed = in_order(frames)
    at = next(place for place, one in enumerate(feed) if one.frame is Frame.M15 and one.close_time >= batch[cut].time)
    first = engine()
    before = list(stream(first, feed[:at]))
    second = SignalEngine.restore(json.loads(json.dumps(first.state())))
    assert before + list(stream(second, feed[at:])) == batch
    assert second.state() == (list(stream(first, feed[at:])) and first.state())


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        SignalEngine.restore({**engine().state(), "version": 2})


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.lists(st.tuples(st.sampled_from([Frame.M15, Frame.H1]), st.integers(0, 400)), max_size=4)
)
def test_equal_whatever_bars_are_missing(seed: int, holes: list[tuple[Frame, int]]) -> None:
    """Warm after 60 bars, so that runs between gaps get warm again; H4 and D1 are left out of the trend."""
    short = SignalSettings(warmup_bars=60, trend_frames=(Frame.H1,))
    walk = random_bars(seed, 1200)
    frames = {Frame.M15: walk[-500:], Frame.H1: resample(walk, Frame.H1)}
    for frame, row in holes:
        frames[frame] = without(frames[frame], row)
    assert list(stream(engine(short), in_order(frames))) == evaluate_batch(SYMBOL, TICK, frames, short)


@pytest.mark.parametrize("frame", [Frame.H1, Frame.M15])
def test_decided_on_h1_it_uses_the_same_candles_for_the_trend_as_well(frame: Frame) -> None:
    hourly = SignalSettings(decision_frame=frame, warmup_bars=60, trend_frames=(Frame.H1, Frame.H4))
    walk = random_bars(4, 60 * 16 + 4 * 100)
    frames = {Frame.M15: walk, Frame.H1: resample(walk, Frame.H1), Frame.H4: resample(walk, Frame.H4)}
    whole = evaluate_batch(SYMBOL, TICK, frames, hourly)
    assert list(stream(engine(hourly), in_order(frames))) == whole
    assert len(whole) == len(frames[frame])
    assert whole[-1].reason not in (Reason.WARMUP, Reason.GAP)


def test_a_candle_seen_before_or_older_is_ignored(frames: Frames) -> None:
    twice = [one for candle in in_order(frames) for one in (candle, candle)]
    once = engine()
    assert list(stream(once, twice)) == evaluate_batch(SYMBOL, TICK, frames)
    assert once.close(twice[0]) is None


def test_a_missing_bar_blocks_until_every_frame_is_warm_again(frames: Frames) -> None:
    holed = {**frames, Frame.M15: without(frames[Frame.M15], 300)}
    evaluations = evaluate_batch(SYMBOL, TICK, holed)
    reasons = [evaluation.reason for evaluation in evaluations]
    assert Reason.GAP not in reasons[:300]
    assert reasons[300:549] == [Reason.GAP] * 249
    assert reasons[549] is not Reason.GAP


def test_warming_again_mends_a_gap_at_once(frames: Frames, batch: list[Evaluation]) -> None:
    feed = in_order(frames)
    live = engine()
    list(stream(live, [one for one in feed if one.frame is not Frame.M15 or one.close_time != batch[300].time]))
    live.warm({frame: candles(bars)[:-1] if frame is Frame.M15 else candles(bars) for frame, bars in frames.items()})
    assert live.close(candles(frames[Frame.M15])[-1]) == batch[-1]


def test_a_longer_candle_that_came_late_blocks_that_decision(frames: Frames) -> None:
    """The hour's candle must be there before the quarter that closes with it is judged."""
    late = sorted(in_order(frames), key=lambda one: (one.close_time, one.frame.duration))
    reasons = {one.time: one.reason for one in stream(engine(), late)}
    on_the_hour = [reason for time, reason in reasons.items() if time.minute == 0]
    between = [reason for time, reason in reasons.items() if time.minute][250:]
    assert set(on_the_hour) == {Reason.GAP}
    assert Reason.GAP not in between


def test_a_longer_candle_from_the_future_is_not_looked_at(frames: Frames) -> None:
    """An hour fed ahead of its close would be look-ahead: the quarters before it are refused."""
    live, feed = engine(), in_order(frames)
    ahead = feed[-1].close_time - timedelta(hours=6)
    list(stream(live, [one for one in feed if one.close_time <= ahead]))
    for hour in [one for one in feed if one.frame is Frame.H1 and one.close_time > ahead]:
        live.close(hour)
    quarters = [one for one in feed if one.frame is Frame.M15 and one.close_time > ahead]
    assert {one.reason for one in stream(live, quarters[:-4])} == {Reason.GAP}


def test_a_cold_frame_is_warmup_from_the_first_bar_to_the_249th(batch: list[Evaluation]) -> None:
    reasons = [evaluation.reason for evaluation in batch]
    assert reasons[:249] == [Reason.WARMUP] * 249
    assert Reason.WARMUP not in reasons[249:]
    assert batch[0].atr == 0.0


def test_a_frame_without_any_candle_is_warmup(frames: Frames) -> None:
    bare = {frame: bars for frame, bars in frames.items() if frame is not Frame.D1}
    whole = evaluate_batch(SYMBOL, TICK, bare)
    assert {evaluation.reason for evaluation in whole} == {Reason.WARMUP}
    assert list(stream(engine(), in_order(bare))) == whole


def test_no_candle_at_all_is_no_evaluation() -> None:
    assert evaluate_batch(SYMBOL, TICK, {}) == []


def test_candles_of_other_frames_are_passed_over() -> None:
    minute = random_bars(1, 3, Frame.M1)
    assert list(stream(engine(), candles(minute))) == []


def test_what_is_held_reaches_both_engines_alike(frames: Frames, batch: list[Evaluation]) -> None:
    fired = next(evaluation for evaluation in batch if evaluation.is_signal)
    assert fired.direction is not None
    holding = Holding(fired.direction)
    held = evaluate_batch(SYMBOL, TICK, frames, holdings={fired.time: holding})
    assert held[batch.index(fired)].reason is Reason.POSITION_OPEN
    live = engine()
    for candle in in_order(frames):
        evaluation = live.close(candle, holding if candle.close_time == fired.time else Holding())
        if evaluation and evaluation.time == fired.time:
            assert evaluation == held[batch.index(fired)]
            assert live.signal(evaluation) is None


def test_a_signal_is_priced_with_the_tick_of_the_moment(frames: Frames, batch: list[Evaluation]) -> None:
    fired = next(evaluation for evaluation in batch if evaluation.is_signal)
    live = engine()
    live.tick = TICK * 50
    signal = live.signal(fired)
    assert signal is not None
    assert signal.stop % live.tick == signal.target % live.tick == 0
    assert (signal.entry - signal.stop) * signal.side.sign > 0


def test_every_prefix_says_what_the_whole_says(frames: Frames, batch: list[Evaluation]) -> None:
    """Nothing repaints: the short form of the proof on market data."""
    random = np.random.default_rng(0)
    for cut in random.integers(1, len(batch), 25).tolist():
        assert evaluate_batch(SYMBOL, TICK, closed_by(frames, batch[cut - 1])) == batch[:cut]


def closed_by(frames: Frames, last: Evaluation) -> dict[Frame, Bars]:
    end = int(last.time.timestamp() * 1000)
    return {frame: bars[bars.open_time + bars.step <= end] for frame, bars in frames.items()}


def test_origins_name_the_first_candle_of_every_frame(frames: Frames, batch: list[Evaluation]) -> None:
    origins = dict(batch[-1].evidence.origins)
    assert set(origins) == set(frames)
    assert all(int(origins[frame].timestamp() * 1000) == bars.open_time[0] for frame, bars in frames.items())


def test_the_cooldown_reads_the_holding_not_a_clock(batch: list[Evaluation], frames: Frames) -> None:
    fired = next(evaluation for evaluation in batch if evaluation.is_signal)
    for flat, expected in ((timedelta(hours=2), Reason.NONE), (timedelta(hours=1, minutes=59), Reason.COOLDOWN)):
        holding = Holding(None, fired.direction, fired.time - flat)
        again = evaluate_batch(SYMBOL, TICK, frames, holdings={fired.time: holding})[batch.index(fired)]
        assert again.reason is expected
    other = Side.SELL if fired.direction is Side.BUY else Side.BUY
    turned = evaluate_batch(SYMBOL, TICK, frames, holdings={fired.time: Holding(other)})[batch.index(fired)]
    assert turned.reason is Reason.NONE


def test_the_self_test_passes_here() -> None:
    result = self_test()
    assert result.passed, result.detail
    assert "40 bars equal" in result.detail


def test_the_self_test_fails_when_a_figure_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "canary_cli.core.signals.vector.EXPECTED", (125.5, 4.0, 76.968210422, 66.66666666666667, 1.0979)
    )
    result = self_test()
    assert not result.passed
    assert "125.52866" in result.detail


def test_a_batch_is_held_without_the_collector_walking_it_and_leaves_the_collector_as_it_was(frames: Frames) -> None:
    walks: list[str] = []
    watch = lambda phase, _: walks.append(phase)  # noqa: E731
    gc.callbacks.append(watch)
    try:
        evaluate_batch(SYMBOL, TICK, {Frame.M15: frames[Frame.M15]})
    finally:
        gc.callbacks.remove(watch)
    assert len(walks) <= 4  # before and after it, none during: 650 bars allocate for ten
    assert gc.isenabled()
    with pytest.raises(AttributeError):
        evaluate_batch(SYMBOL, TICK, {Frame.M15: [None]})  # type: ignore[list-item]
    assert gc.isenabled()
