"""From figures to an evaluation, and from an evaluation to a signal with its prices."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from canary_cli.core.model import Side, ceil_to, floor_to
from canary_cli.core.signals import components
from canary_cli.core.signals.indicators import Momentum, Trend
from canary_cli.core.signals.model import (
    Component,
    Evaluation,
    Evidence,
    Holding,
    Reason,
    Signal,
    Vote,
)
from canary_cli.core.signals.settings import SignalSettings


class Reading(NamedTuple):
    """The figures at a bar's close. `None` is of a cold frame and abstains; `blocked` refuses whatever they say."""

    symbol: str
    time: datetime
    close: float
    momentum: Momentum | None
    trends: tuple[Trend | None, ...]
    evidence: Evidence
    blocked: Reason


def judge(reading: Reading, tick: Decimal, settings: SignalSettings) -> Evaluation:
    """Weigh one closed bar in both directions and keep the stronger."""
    evidence, blocked = reading.evidence, reading.blocked
    long, short = (_weigh(reading, sign, settings) for sign in (1, -1))
    confidence, parts = max(long, short, key=lambda weighed: weighed[0])
    direction = None if long[0] == short[0] else Side.BUY if confidence == long[0] else Side.SELL
    agree, oppose = components.tally(evidence.structure, direction.sign if direction else 1)
    evaluation = Evaluation(
        symbol=reading.symbol,
        time=reading.time,
        close=reading.close,
        direction=direction,
        components=parts,
        confluence=sum(part.vote.half_points for part in parts) / 2,
        confidence=confidence,
        alignment_agree=agree,
        alignment_oppose=oppose,
        alignment=100 * agree / (agree + oppose) if agree + oppose else 0.0,
        atr=reading.momentum.atr if reading.momentum else 0.0,
        reason=blocked,
        evidence=evidence,
    )
    reason = blocked or _refusal(evaluation, tick, settings)
    return replace(evaluation, reason=reason) if reason is not blocked else evaluation


def _weigh(reading: Reading, direction: int, settings: SignalSettings) -> tuple[float, tuple[Component, ...]]:
    """Confidence 0...100 for a direction, rounded so that 75 is 75, and the four components behind it."""
    smc = components.smc(reading.evidence.structure, direction, settings)
    ema = components.ema(reading.trends, direction, settings)
    rsi = components.rsi(reading.momentum, direction)
    adx = components.adx(reading.momentum, direction)
    confidence = 100 * (
        settings.smc_weight * smc.strength
        + settings.ema_weight * ema.strength
        + settings.rsi_weight * rsi.strength
        + settings.adx_weight * adx.strength
    )
    return round(confidence, 9), (smc, ema, rsi, adx)


def _refusal(evaluation: Evaluation, tick: Decimal, settings: SignalSettings) -> Reason:
    """The first rule the bar breaks."""
    if evaluation.direction is None:
        return Reason.NEUTRAL
    broken = next((reason for kept, reason in _rules(evaluation, tick, settings) if not kept), Reason.NONE)
    return broken or repetition(evaluation.direction, evaluation.time, evaluation.evidence.holding, settings.cooldown)


def _rules(evaluation: Evaluation, tick: Decimal, settings: SignalSettings) -> Iterator[tuple[bool, Reason]]:
    """Each rule in turn: whether the bar keeps it, and the reason to give if not."""
    votes = [part.vote for part in evaluation.components]
    agree, cast = evaluation.alignment_agree, evaluation.alignment_agree + evaluation.alignment_oppose
    yield Vote.OPPOSE not in votes, Reason.OPPOSED
    yield votes.count(Vote.AGREE) >= settings.min_agreeing, Reason.CONFLUENCE
    yield evaluation.confidence > settings.min_confidence, Reason.CONFIDENCE
    yield cast >= settings.min_votes and 100 * agree >= settings.min_alignment * cast, Reason.ALIGNMENT
    yield _has_room(evaluation, tick, settings), Reason.DISTANCE


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


def _has_room(evaluation: Evaluation, tick: Decimal, settings: SignalSettings) -> bool:
    assert evaluation.direction is not None
    entry = Decimal(repr(evaluation.close))
    prices = brackets(evaluation.direction, entry, evaluation.atr, tick, settings)
    return all(price > 0 and abs(price - entry) >= tick for price in prices)
