"""Evaluations survive JSON without loss, and the comparison finds every difference and no other."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from canary_cli.core.codec import decode, encode
from canary_cli.core.model import Frame, Side
from canary_cli.core.signals import (
    Evaluation,
    Holding,
    Mismatch,
    SignalEngine,
    SignalSettings,
    evaluate_batch,
    from_record,
    parity,
    to_record,
)
from canary_cli.core.signals.replay import earliest_origins, replay, settings_of
from tests.core.signals.market import SYMBOL, TICK, Frames, candles, in_order, random_frames, stream


@pytest.fixture(scope="module")
def frames() -> Frames:
    return random_frames(21, 120)


@pytest.fixture(scope="module")
def batch(frames: Frames) -> list[Evaluation]:
    return evaluate_batch(SYMBOL, TICK, frames)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_every_evaluation_comes_back_from_json_unchanged(batch: list[Evaluation]) -> None:
    assert [from_record(through_json(to_record(one))) for one in batch] == batch


def test_settings_come_back() -> None:
    settings = SignalSettings(decision_frame=Frame.H1, cooldown=timedelta(minutes=90))
    assert decode(SignalSettings, through_json(encode(settings))) == settings


def test_a_record_with_more_fields_is_read_and_one_with_fewer_refused(batch: list[Evaluation]) -> None:
    record = to_record(batch[-1])
    assert from_record({**record, "stop": "99.5"}) == batch[-1]
    with pytest.raises(KeyError, match="confidence"):
        from_record({name: value for name, value in record.items() if name != "confidence"})


def test_equal_records_have_parity(batch: list[Evaluation]) -> None:
    assert parity(batch, list(reversed(batch))) == ()


FLOATS = ("close", "confluence", "confidence", "alignment", "atr")
CHANGES: dict[str, Any] = {
    **dict.fromkeys(FLOATS, 9.0),
    "alignment_agree": 9,
    "alignment_oppose": 9,
    "direction": None,
    "components": (),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_single_changed_figure_is_found_and_named(batch: list[Evaluation], name: str) -> None:
    signal = next(one for one in batch if one.direction)
    changed = [replace(one, **{name: CHANGES[name]}) if one is signal else one for one in batch]
    (found,) = parity(changed, batch)
    assert (found.symbol, found.time, found.field) == (SYMBOL, signal.time, name)
    assert found.recorded != found.batch


def test_the_smallest_difference_of_a_float_is_a_mismatch(batch: list[Evaluation]) -> None:
    changed = replace(batch[-1], atr=batch[-1].atr * (1 + 2**-52))
    assert [one.field for one in parity([changed], batch[-1:])] == ["atr"]


def test_missing_and_extra_bars_are_found(batch: list[Evaluation]) -> None:
    found = parity(batch[:-2] + batch[-1:], batch[:-1])
    assert found == (Mismatch(SYMBOL, batch[-2].time, "missing"), Mismatch(SYMBOL, batch[-1].time, "extra"))


def live(frames: Frames, *, warm_at: int, until: int | None = None) -> list[Evaluation]:
    """A session that warms up when `warm_at` decision bars are left, from a little history as REST gives it."""
    decision = candles(frames[Frame.M15])
    now = decision[-warm_at].open_time
    engine = SignalEngine(SYMBOL, TICK)
    engine.warm(
        {frame: [bar for bar in candles(bars) if bar.close_time <= now][-251:] for frame, bars in frames.items()}
    )
    feed = [bar for bar in in_order(frames) if bar.close_time > now]
    end = decision[-until].open_time if until else decision[-1].close_time
    return list(stream(engine, [bar for bar in feed if bar.close_time <= end]))


def test_a_live_record_replays_from_its_own_first_bars(frames: Frames) -> None:
    recorded = live(frames, warm_at=40)
    assert len(recorded) == 40
    history = {frame: candles(bars) for frame, bars in frames.items()}
    assert parity(recorded, replay(recorded, TICK, history)) == ()
    assert parity(recorded, evaluate_batch(SYMBOL, TICK, history)[-40:]) != ()  # other first bars, other figures


def test_a_session_that_warmed_up_anew_replays_in_parts(frames: Frames) -> None:
    recorded = live(frames, warm_at=60, until=30) + live(frames, warm_at=25)
    history = {frame: candles(bars) for frame, bars in frames.items()}
    assert earliest_origins(recorded)[Frame.M15] == min(dict(one.evidence.origins)[Frame.M15] for one in recorded)
    assert parity(recorded, replay(recorded, TICK, history)) == ()


def test_a_bar_the_session_did_not_judge_is_missing(frames: Frames) -> None:
    recorded = live(frames, warm_at=40)
    history = {frame: candles(bars) for frame, bars in frames.items()}
    (found,) = parity(recorded[:10] + recorded[11:], replay(recorded[:10] + recorded[11:], TICK, history))
    assert (found.field, found.time) == ("missing", recorded[10].time)


def test_a_candle_that_differs_at_the_exchange_is_found(frames: Frames) -> None:
    recorded = live(frames, warm_at=40)
    history = {frame: candles(bars) for frame, bars in frames.items()}
    changed = replace(history[Frame.M15][-20], close=history[Frame.M15][-20].close + 0.1)
    history[Frame.M15][-20] = replace(changed, high=max(changed.high, changed.close))
    assert {one.time for one in parity(recorded, replay(recorded, TICK, history))} >= {changed.close_time}


def test_what_was_held_is_replayed_too(frames: Frames) -> None:
    holding = Holding(Side.BUY)
    recorded = [replace(one, evidence=replace(one.evidence, holding=holding)) for one in live(frames, warm_at=40)]
    history = {frame: candles(bars) for frame, bars in frames.items()}
    refused = replay(recorded, TICK, history)
    assert all(one.evidence.holding == holding for one in refused)
    assert not any(one.is_signal and one.direction is Side.BUY for one in refused)


def test_the_decision_frame_of_a_record_is_read_from_it(batch: list[Evaluation]) -> None:
    assert settings_of(batch, SignalSettings(decision_frame=Frame.H1)).decision_frame is Frame.M15
    assert settings_of([], SignalSettings(decision_frame=Frame.H1)).decision_frame is Frame.H1
