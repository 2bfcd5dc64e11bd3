"""From figures to an evaluation, and from an evaluation to a signal with its prices."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from canary_cli.core.model import Side, ceil_to, floor_to
from canary_cli.core.signals import components
from canary_cli.core.signals.indicators import Momentum
from canary_cli.core.signals.model import Component, Evaluation, Evidence, Holding, Reason, Signal, Vote
from canary_cli.core.signals.settings import SignalSettings

AGREE, _, OPPOSE = Vote  # bound once: they are looked up for every bar


class Reading(NamedTuple):
    """The figures at a bar's close. `None` is of a cold frame and abstains; `blocked` refuses whatever they say."""

    symbol: str
    time: datetime
    close: float
    momentum: Momentum | None
    trends: components.Trends
    evidence: Evidence
    blocked: Reason


class Opinion(NamedTuple):
    """What the four components make of a reading, in the direction they favour (`neutral`: neither, so BUY)."""

    side: Side
    neutral: bool
    confidence: float
    components: tuple[Component, ...]
    agree: int
    oppose: int


def worst(obstacles: tuple[Reason, ...]) -> Reason:
    """Why a bar is blocked, given what stands in the way of each frame."""
    if not any(obstacles):
        return Reason.NONE
    return Reason.GAP if Reason.GAP in obstacles else Reason.WARMUP


def judge(reading: Reading, tick: Decimal, settings: SignalSettings) -> Evaluation:
    """Weigh one closed bar in both directions, keep the stronger, and refuse it or not."""
    opinion = _weigh(reading, settings)
    side, neutral, confidence, parts, agree, oppose = opinion
    votes = [part.vote for part in parts]
    return Evaluation(
        symbol=reading.symbol,
        time=reading.time,
        close=reading.close,
        direction=None if neutral else side,
        components=parts,
        confluence=(len(votes) + votes.count(AGREE) - votes.count(OPPOSE)) / 2,
        confidence=confidence,
        alignment_agree=agree,
        alignment_oppose=oppose,
        alignment=100 * agree / (agree + oppose) if agree + oppose else 0.0,
        atr=reading.momentum.atr if reading.momentum else 0.0,
        reason=reading.blocked or _refusal(reading, opinion, votes, tick, settings),
        evidence=reading.evidence,
    )


def _weigh(reading: Reading, settings: SignalSettings) -> Opinion:
    long, short = _confidence(reading, 1, settings), _confidence(reading, -1, settings)
    side, sign = (Side.SELL, -1) if short > long else (Side.BUY, 1)
    votes = reading.evidence.structure.votes
    parts = (
        components.smc(votes, sign, settings.min_votes),
        components.ema(reading.trends, sign),
        components.rsi(reading.momentum, sign),
        components.adx(reading.momentum, sign),
    )
    return Opinion(side, long == short, max(long, short), parts, *components.tally(votes, sign))


def _confidence(reading: Reading, direction: int, settings: SignalSettings) -> float:
    """The weighted strengths, 0...100, rounded so that 75 is 75."""
    _, _, _, momentum, trends, evidence, _ = reading
    weighted = (
        settings.smc_weight * components.smc(evidence.structure.votes, direction, settings.min_votes).strength
        + settings.ema_weight * components.ema(trends, direction).strength
        + settings.rsi_weight * components.rsi_strength(momentum, direction)
        + settings.adx_weight * components.adx_strength(momentum, direction)
    )
    return round(100 * weighted, 9)


def _refusal(reading: Reading, opinion: Opinion, votes: list[Vote], tick: Decimal, settings: SignalSettings) -> Reason:
    """The first rule the bar breaks."""
    if opinion.neutral:
        return Reason.NEUTRAL
    if OPPOSE in votes:
        return Reason.OPPOSED
    if votes.count(AGREE) < settings.min_agreeing:
        return Reason.CONFLUENCE
    if opinion.confidence <= settings.min_confidence:
        return Reason.CONFIDENCE
    return _late_refusal(reading, opinion, tick, settings)


def _late_refusal(reading: Reading, opinion: Opinion, tick: Decimal, settings: SignalSettings) -> Reason:
    """The rules that look beyond the four components."""
    cast = opinion.agree + opinion.oppose
    if cast < settings.min_votes or 100 * opinion.agree < settings.min_alignment * cast:
        return Reason.ALIGNMENT
    if not _has_room(reading, opinion.side, tick, settings):
        return Reason.DISTANCE
    return repetition(opinion.side, reading.time, reading.evidence.holding, settings.cooldown)


def _has_room(reading: Reading, side: Side, tick: Decimal, settings: SignalSettings) -> bool:
    """Stop and target lie at least one tick away, at prices above zero."""
    if reading.momentum is None:
        return False
    entry = Decimal(repr(reading.close))
    prices = brackets(side, entry, reading.momentum.atr, tick, settings)
    return all(price > 0 and abs(price - entry) >= tick for price in prices)


def repetition(direction: Side, time: datetime, holding: Holding, cooldown: timedelta) -> Reason:
    """One entry for each pair and direction until flat, then a cooldown; the other direction may enter at once."""
    if holding.side is direction:
        return Reason.POSITION_OPEN
    recent = holding.flat_since is not None and time - holding.flat_since < cooldown
    if holding.side is None and holding.last is direction and recent:
        return Reason.COOLDOWN
    return Reason.NONE


def space_out(evaluations: Iterable[Evaluation], settings: SignalSettings) -> Iterator[Evaluation]:
    """One pair's evaluations with repeats refused, as if every signal were traded and flat again at once."""
    holding = Holding()
    for evaluation in evaluations:
        if not evaluation.is_signal:
            yield evaluation
            continue
        assert evaluation.direction is not None
        reason = repetition(evaluation.direction, evaluation.time, holding, settings.cooldown)
        yield replace(evaluation, reason=reason, evidence=replace(evaluation.evidence, holding=holding))
        if not reason:
            holding = Holding(None, evaluation.direction, evaluation.time)


def brackets(
    side: Side, entry: Decimal, atr: float, tick: Decimal, settings: SignalSettings
) -> tuple[Decimal, Decimal]:
    """Stop and target for an entry price (of the signal, then again of the fill).

    Both round to the tick on the losing side: the stop away from the entry, the target towards it.
    """
    towards_loss = floor_to if side is Side.BUY else ceil_to
    unit = Decimal(repr(atr)) * side.sign
    stop = entry - unit * Decimal(repr(settings.stop_atr))
    target = entry + unit * Decimal(repr(settings.target_atr))
    return towards_loss(stop, tick), towards_loss(target, tick)


def to_signal(evaluation: Evaluation, tick: Decimal, settings: SignalSettings) -> Signal:
    """The signal with its prices. The evaluation must be one (`is_signal`)."""
    assert evaluation.direction is not None and evaluation.is_signal
    entry = Decimal(repr(evaluation.close))
    stop, target = brackets(evaluation.direction, entry, evaluation.atr, tick, settings)
    return Signal(
        evaluation.symbol, evaluation.direction, evaluation.time, entry, stop, target, evaluation.atr, evaluation
    )
