"""Votes, confidence, refusals, prices: each threshold at its edge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.model import Side
from canary_cli.core.signals import FLAT, Evaluation, Evidence, Holding, Reason, SignalSettings, Structure, Vote
from canary_cli.core.signals import components as part
from canary_cli.core.signals.generator import Reading, brackets, judge, space_out, to_signal, worst
from canary_cli.core.signals.indicators import Momentum, Trend

SETTINGS, TICK = SignalSettings(), Decimal("0.1")
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
UP, DOWN, FLAT_TREND = Trend(3.0, 2.0, 1.0), Trend(1.0, 2.0, 3.0), Trend(2.0, 2.0, 2.0)
STRONG = Momentum(rsi=60.0, atr=2.0, adx=40.0, plus_di=30.0, minus_di=10.0)
FAIR = STRONG._replace(rsi=50.0, adx=25.0)


def reading(**change: object) -> Reading:
    """A bar on which everything speaks for BUY, but for what is changed."""
    plain = Reading("TESTUSDT", NOW, 100.0, STRONG, (UP, UP, UP), Evidence(Structure((1, 1, 1, 1, 1))), Reason.NONE)
    return plain._replace(**change)


def judged(**change: object) -> Evaluation:
    return judge(reading(**change), TICK, SETTINGS)


def structure(*votes: int) -> Evidence:
    return Evidence(Structure((votes + (0,) * 5)[:5]))  # type: ignore[arg-type]


def test_everything_for_buy_is_a_signal_with_full_marks() -> None:
    evaluation = judged()
    assert (evaluation.direction, evaluation.reason) == (Side.BUY, Reason.NONE)
    assert (evaluation.confluence, evaluation.confidence, evaluation.alignment) == (4.0, 100.0, 100.0)
    assert (evaluation.alignment_agree, evaluation.alignment_oppose, evaluation.atr) == (5, 0, 2.0)


def test_the_mirror_image_is_the_same_signal_to_sell() -> None:
    mirrored = STRONG._replace(rsi=40.0, plus_di=10.0, minus_di=30.0)
    evaluation = judged(momentum=mirrored, trends=(DOWN,) * 3, evidence=structure(-1, -1, -1, -1, -1))
    assert (evaluation.direction, evaluation.reason, evaluation.confidence) == (Side.SELL, Reason.NONE, 100.0)


@pytest.mark.parametrize(
    ("votes", "strength", "vote"),
    [
        ((1, 1, 0, 0, 0), 0.5, Vote.ABSTAIN),  # two votes cast are no opinion
        ((1, 1, 1, 0, 0), 1.0, Vote.AGREE),
        ((1, 1, 1, -1, -1), 0.6, Vote.AGREE),
        ((1, 1, -1, -1, 0), 0.5, Vote.ABSTAIN),
        ((1, 1, -1, -1, -1), 0.4, Vote.OPPOSE),
        ((1, -1, -1, 0, 0), 1 / 3, Vote.OPPOSE),
    ],
)
def test_structure_agrees_from_three_fifths_and_opposes_to_two(
    votes: tuple[int, ...], strength: float, vote: Vote
) -> None:
    component = part.smc(votes, 1, 3)  # type: ignore[arg-type]
    assert (component.strength, component.vote) == (strength, vote)


@pytest.mark.parametrize(
    ("trends", "strength", "vote"),
    [
        ((UP, UP, UP), 1.0, Vote.AGREE),
        ((UP, UP, DOWN), 4 / 6, Vote.AGREE),
        ((UP, UP, FLAT_TREND), 5 / 6, Vote.AGREE),
        ((UP, FLAT_TREND, DOWN), 0.5, Vote.ABSTAIN),
        ((UP, DOWN, DOWN), 2 / 6, Vote.OPPOSE),
        ((FLAT_TREND,) * 3, 0.5, Vote.ABSTAIN),
        ((UP, UP, None), 0.5, Vote.ABSTAIN),
    ],
)
def test_averages_agree_from_four_of_six_orderings(trends: part.Trends, strength: float, vote: Vote) -> None:
    component = part.ema(trends, 1)
    assert (component.strength, component.vote) == (pytest.approx(strength), vote)


@pytest.mark.parametrize(
    ("level", "strength", "vote"),
    [
        (60.0, 1.0, Vote.AGREE),
        (50.0, 0.5, Vote.AGREE),
        (49.9, 0.495, Vote.ABSTAIN),
        (70.0, 0.5, Vote.AGREE),
        (70.1, 0.495, Vote.ABSTAIN),
        (45.0, 0.25, Vote.OPPOSE),
        (45.1, 0.255, Vote.ABSTAIN),
        (75.0, 0.25, Vote.OPPOSE),
        (90.0, 0.0, Vote.OPPOSE),
    ],
)
def test_rsi_agrees_on_its_side_until_exhausted(level: float, strength: float, vote: Vote) -> None:
    for direction, rsi in ((1, level), (-1, 100 - level)):
        component = part.rsi(STRONG._replace(rsi=rsi), direction)
        assert component.strength == pytest.approx(strength)
        assert component.vote is vote or level in (45.1, 49.9, 70.1)


@pytest.mark.parametrize(
    ("adx", "strength"), [(10, 0.5), (15, 0.5), (20, 0.625), (25, 0.75), (32.5, 0.875), (40, 1.0), (60, 1.0)]
)
def test_adx_lends_its_weight_to_the_leading_side_only(adx: float, strength: float) -> None:
    momentum = STRONG._replace(adx=float(adx))
    assert part.adx(momentum, 1).strength == pytest.approx(strength)
    assert part.adx(momentum, -1).strength == pytest.approx(1 - strength)
    assert (part.adx(momentum, 1).vote is Vote.AGREE) == (adx >= 25)
    assert (part.adx(momentum, -1).vote is Vote.OPPOSE) == (adx >= 25)


def test_a_weak_opposite_trend_does_not_score_as_agreement() -> None:
    assert part.adx(STRONG._replace(adx=10.0), -1).vote is Vote.ABSTAIN


def test_equal_directional_indices_are_no_opinion() -> None:
    assert part.adx(STRONG._replace(plus_di=20.0, minus_di=20.0), 1).strength == 0.5


@given(
    st.floats(0, 100),
    st.floats(0, 100),
    st.tuples(*[st.sampled_from((-1, 0, 1))] * 5),
    st.tuples(*[st.sampled_from((UP, DOWN, FLAT_TREND))] * 3),
)
def test_strengths_lie_between_0_and_1_and_only_rsi_is_not_a_mirror(
    rsi: float, adx: float, votes: tuple[int, ...], trends: part.Trends
) -> None:
    momentum = STRONG._replace(rsi=rsi, adx=adx)
    pairs = [
        (part.smc(votes, 1, 3), part.smc(votes, -1, 3)),  # type: ignore[arg-type]
        (part.ema(trends, 1), part.ema(trends, -1)),
        (part.adx(momentum, 1), part.adx(momentum, -1)),
    ]
    for long, short in pairs:
        assert 0 <= long.strength <= 1
        assert long.strength + short.strength == pytest.approx(1)
        assert (long.vote is Vote.AGREE) == (short.vote is Vote.OPPOSE)
    assert 0 <= part.rsi(momentum, 1).strength <= 1


def test_confluence_counts_in_halves() -> None:
    assert judged(trends=(UP, FLAT_TREND, DOWN)).confluence == 3.5
    assert judged(trends=(UP, DOWN, DOWN)).confluence == 3.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"blocked": Reason.GAP}, Reason.GAP),
        ({"blocked": Reason.WARMUP}, Reason.WARMUP),
        ({"trends": (UP, DOWN, DOWN)}, Reason.OPPOSED),
        ({"trends": (None,) * 3, "momentum": STRONG._replace(adx=15.0)}, Reason.CONFLUENCE),
        ({"momentum": FAIR, "trends": (UP, UP, DOWN), "evidence": structure(1, 1, 1, 1, -1)}, Reason.CONFIDENCE),
        ({"evidence": structure(1, 1, 1, -1)}, Reason.ALIGNMENT),
        ({"evidence": structure(1, 1)}, Reason.ALIGNMENT),  # too few votes to be aligned
        ({"momentum": STRONG._replace(atr=0.0)}, Reason.DISTANCE),
        ({"momentum": STRONG._replace(atr=0.01)}, Reason.DISTANCE),  # the target rounds onto the entry
        ({"momentum": STRONG._replace(rsi=60.0, atr=60.0)}, Reason.DISTANCE),  # the stop would lie below zero
        ({"evidence": replace(structure(1, 1, 1), holding=Holding(Side.BUY))}, Reason.POSITION_OPEN),
        ({"evidence": replace(structure(1, 1, 1), holding=Holding(None, Side.BUY, NOW))}, Reason.COOLDOWN),
    ],
)  # fmt: skip
def test_each_refusal_has_its_reason(change: dict[str, object], reason: Reason) -> None:
    assert judged(**change).reason is reason


def test_a_market_without_any_opinion_is_neutral() -> None:
    still = Momentum(rsi=50.0, atr=0.0, adx=0.0, plus_di=0.0, minus_di=0.0)
    evaluation = judged(momentum=still, trends=(FLAT_TREND,) * 3, evidence=structure())
    assert (evaluation.direction, evaluation.reason, evaluation.confidence) == (None, Reason.NEUTRAL, 50.0)


def test_a_gap_is_named_before_a_frame_that_is_merely_cold() -> None:
    assert worst((Reason.NONE, Reason.WARMUP, Reason.GAP)) is Reason.GAP
    assert worst((Reason.NONE, Reason.WARMUP)) is Reason.WARMUP
    assert worst((Reason.NONE, Reason.NONE)) is Reason.NONE


def test_stop_rounds_away_from_the_entry_and_target_towards_it() -> None:
    tick = Decimal("0.5")
    assert brackets(Side.BUY, Decimal("100"), 1.1, tick, SETTINGS) == (Decimal("97.5"), Decimal("103.0"))
    assert brackets(Side.SELL, Decimal("100"), 1.1, tick, SETTINGS) == (Decimal("102.5"), Decimal("97.0"))


@given(
    st.sampled_from(Side), st.integers(1, 10**7), st.floats(1e-6, 1e4), st.sampled_from(["0.00001", "0.01", "0.1", "5"])
)
def test_prices_lie_on_the_tick_and_never_promise_more_than_the_multiples(
    side: Side, ticks: int, atr: float, size: str
) -> None:
    tick = Decimal(size)
    entry = ticks * tick
    stop, target = brackets(side, entry, atr, tick, SETTINGS)
    assert stop % tick == target % tick == 0
    risk, gain = (entry - stop) * side.sign, (target - entry) * side.sign
    assert Decimal(repr(atr)) * 2 <= risk < Decimal(repr(atr)) * 2 + tick
    assert Decimal(repr(atr)) * 3 - tick < gain <= Decimal(repr(atr)) * 3


def test_the_signal_carries_its_prices_and_its_evidence() -> None:
    evaluation = judged()
    signal = to_signal(evaluation, TICK, SETTINGS)
    assert (signal.side, signal.entry, signal.stop, signal.target) == (Side.BUY, 100, 96, 106)
    assert signal.evaluation is evaluation


def test_a_tick_that_changed_prices_the_next_signal_and_leaves_the_evaluation_alone() -> None:
    momentum = STRONG._replace(atr=1.2345)
    fine, coarse = (judge(reading(momentum=momentum), Decimal(tick), SETTINGS) for tick in ("0.001", "0.01"))
    assert fine == coarse
    assert to_signal(fine, Decimal("0.001"), SETTINGS).stop == Decimal("97.531")
    assert to_signal(fine, Decimal("0.01"), SETTINGS).stop == Decimal("97.53")


def test_spaced_out_evaluations_repeat_a_side_only_after_the_cooldown() -> None:
    every = [replace(judged(), time=NOW + timedelta(minutes=15 * bar)) for bar in range(20)]
    kept = [one.time - NOW for one in space_out(every, SETTINGS) if one.is_signal]
    assert kept == [timedelta(hours=hours) for hours in (0, 2, 4)]


def test_spaced_out_evaluations_may_turn_at_once() -> None:
    sell = judged(
        momentum=STRONG._replace(rsi=40.0, plus_di=10.0, minus_di=30.0),
        trends=(DOWN,) * 3,
        evidence=structure(-1, -1, -1),
    )
    every = [
        judged(),
        replace(sell, time=NOW + timedelta(minutes=15)),
        replace(judged(), time=NOW + timedelta(minutes=30)),
    ]
    assert [one.reason for one in space_out(every, SETTINGS)] == [Reason.NONE] * 3


def test_flat_holding_refuses_nothing() -> None:
    assert judged(evidence=replace(structure(1, 1, 1), holding=FLAT)).is_signal
