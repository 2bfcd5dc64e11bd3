"""What the signals were: of one bar and why, over whole windows of candles, and against the journal's record."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from canary_cli.core.model import Frame
from canary_cli.core.signals import (
    Bars,
    Evaluation,
    Reason,
    Signal,
    SignalSettings,
    Vote,
    iterate_batch,
    space_out,
    to_signal,
)
from canary_cli.errors import UsageError
from canary_cli.steps.klines import Window, bar_closed_by, find_windows, read_frames, seen_tick, span

RECENT = 96  # a day of M15 bars
DECISION_FRAMES = (Frame.M15.value, Frame.H1.value)
COLD = (Reason.GAP, Reason.WARMUP)


@dataclass(frozen=True, slots=True)
class Question:
    """Which bar is asked about: the last one closed by `at`. `tick` None: as the prices show it."""

    folder: Path
    symbol: str
    at: datetime
    tick: Decimal | None
    settings: SignalSettings


def question(folder: Path | None, symbol: str, at: str, tick: str, frame: str) -> Question:
    """The flags as values. Raises UsageError that names the wrong one."""
    if not symbol or not at:
        raise UsageError(
            "which bar? --pair and --at are missing", "canary signals --pair BTCUSDT --at 2025-02-03T01:00Z"
        )
    return Question(data_folder(folder), symbol.upper(), _instant(at), _tick(tick), settings_for(frame))


def data_folder(folder: Path | None) -> Path:
    if folder is None:
        raise UsageError("no candles: --market-data is missing", "name a folder of klines files, or CANARY_MARKET_DATA")
    if not folder.is_dir():
        raise UsageError(f"--market-data {folder} is no folder", "name a folder that holds um_*/PAIR_15m.parquet")
    return folder


def settings_for(frame: str) -> SignalSettings:
    if frame not in DECISION_FRAMES:
        raise UsageError(f"--frame {frame}: decisions are made on {' or '.join(DECISION_FRAMES)}", "--frame 15m")
    return SignalSettings(decision_frame=Frame(frame))


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at {text} is no time", "write it as 2025-02-03T01:00Z") from None
    if moment.tzinfo is None:
        raise UsageError(f"--at {text} names no zone", f"write --at {text}Z for UTC")
    return moment.astimezone(UTC)


def _tick(text: str) -> Decimal | None:
    try:
        tick = Decimal(text) if text else None
    except InvalidOperation:
        tick = Decimal(0)
    if tick is not None and not (tick.is_finite() and tick > 0):
        raise UsageError(f"--tick {text} is no price step", "write it as 0.01")
    return tick


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of an entry: what the bar showed, what is asked, and whether it is kept."""

    name: str
    observed: str
    needed: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """`rules` stand in the order in which they refuse; `recent` are the last evaluations, `bars` their candles."""

    evaluation: Evaluation
    signal: Signal | None
    rules: tuple[Rule, ...]
    recent: tuple[Evaluation, ...]
    bars: Bars
    source: str
    tick: Decimal


def explain(question: Question) -> Explanation:
    """The evaluation of the last decision bar closed at `at`, after all that precedes it in its file.

    The cooldown counts as if every signal before had been traded and was flat at once. UsageError when no file covers
    `at`.
    """
    settings = question.settings
    window, frames = _covering(question)
    bars = frames[settings.decision_frame]
    bars = bars[: bar_closed_by(bars, question.at) + 1]
    tick = question.tick or seen_tick(bars)
    evaluations = iterate_batch(question.symbol, tick, {**frames, settings.decision_frame: bars}, settings)
    recent = tuple(deque(space_out(evaluations, settings), RECENT))
    last = recent[-1]
    signal = to_signal(last, tick, settings) if last.is_signal else None
    return Explanation(last, signal, tuple(_rules(last, settings)), recent, bars[-RECENT:], window.source, tick)


def _covering(question: Question) -> tuple[Window, dict[Frame, Bars]]:
    at, settings = question.at, question.settings
    spans = []
    for window in find_windows(question.folder, settings.decision_frame, question.symbol):
        frames = read_frames(question.folder, window, settings.trend_frames)
        first, last = span(frames[settings.decision_frame])
        if first <= at < last + settings.decision_frame.duration:
            return window, frames
        spans.append(f"{window.source} {first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ}")
    raise UsageError(f"no candles of {question.symbol} at {at:%Y-%m-%dT%H:%MZ}", f"there are {'; '.join(spans)}")


def _rules(evaluation: Evaluation, settings: SignalSettings) -> Iterator[Rule]:
    """Every condition of an entry, kept or not."""
    reason, votes = evaluation.reason, [part.vote for part in evaluation.components]
    agreeing, opposing = votes.count(Vote.AGREE), votes.count(Vote.OPPOSE)
    agree, cast = evaluation.alignment_agree, evaluation.alignment_agree + evaluation.alignment_oppose
    aligned = cast >= settings.min_votes and 100 * agree >= settings.min_alignment * cast
    share = f"{agree} of {cast} votes" if cast else "no votes"
    confident = evaluation.confidence > settings.min_confidence
    yield Rule("history", reason if reason in COLD else "complete", "warm, no gap", reason not in COLD)
    yield Rule("components opposing", str(opposing), "0", not opposing)
    yield Rule("components agreeing", str(agreeing), f">= {settings.min_agreeing}", agreeing >= settings.min_agreeing)
    yield Rule("confidence", f"{evaluation.confidence:.2f}", f"> {settings.min_confidence:g}", confident)
    yield Rule("SMC alignment", f"{evaluation.alignment:.0f} % ({share})", f">= {settings.min_alignment} %", aligned)
    yield Rule("room for stop", f"ATR {evaluation.atr:.6g}", "1 tick or more", reason is not Reason.DISTANCE)
    yield _rest_rule(evaluation, settings)


def _rest_rule(evaluation: Evaluation, settings: SignalSettings) -> Rule:
    holding, reason = evaluation.evidence.holding, evaluation.reason
    rested = reason not in (Reason.COOLDOWN, Reason.POSITION_OPEN)
    last = f"last {holding.last} {holding.flat_since:%H:%M}" if holding.flat_since else "no signal before"
    if rested and reason:
        last = "not reached"
    hours = settings.cooldown / timedelta(hours=1)
    return Rule("cooldown", last, f"{hours:g} h, or the other side", rested)
