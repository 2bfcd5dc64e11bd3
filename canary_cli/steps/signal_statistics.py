"""How many signals whole windows of candles gave, why the other bars gave none, and what became of the signals."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from canary_cli.core.signals import Bars, Evaluation, Reason, SignalSettings, iterate_batch, space_out, to_signal
from canary_cli.core.signals.outcome import Outcome, outcome
from canary_cli.steps.klines import Window, read_frames, seen_tick, span

COLD = (Reason.GAP, Reason.WARMUP)


@dataclass(frozen=True, slots=True)
class PairStatistics:
    """One pair over one window of candles. `warm` bars are those that could have given a signal."""

    symbol: str
    source: str
    first: datetime
    last: datetime
    bar: timedelta
    bars: int = 0
    warm: int = 0
    signals: int = 0
    confidence: float = 0.0  # sums over the signals
    confluence: float = 0.0
    alignment: float = 0.0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)

    @property
    def hours(self) -> float:
        return self.warm * (self.bar / timedelta(hours=1))

    @property
    def per_hour(self) -> float | None:
        return self.signals / self.hours if self.hours else None


def statistics(folder: Path, windows: Iterable[Window], settings: SignalSettings) -> Iterator[PairStatistics]:
    """Each window's figures as soon as they are known; repeats are refused as `space_out` does."""
    for window in windows:
        frames = read_frames(folder, window, settings.trend_frames)
        bars = frames[settings.decision_frame]
        tick = seen_tick(bars)
        evaluations = iterate_batch(window.symbol, tick, frames, settings)
        yield tally(window, bars, space_out(evaluations, settings), tick, settings)


def tally(
    window: Window, bars: Bars, evaluations: Iterable[Evaluation], tick: Decimal, settings: SignalSettings
) -> PairStatistics:
    """Sums over the evaluations of `bars`, one a bar."""
    reasons: Counter[Reason] = Counter()
    outcomes: Counter[Outcome] = Counter()
    confidence = confluence = alignment = 0.0
    for row, evaluation in enumerate(evaluations, 1):
        reasons[evaluation.reason] += 1
        if evaluation.is_signal:
            outcomes[outcome(to_signal(evaluation, tick, settings), bars[row:])] += 1
            confidence += evaluation.confidence
            confluence += evaluation.confluence
            alignment += evaluation.alignment
    warm = reasons.total() - sum(reasons[reason] for reason in COLD)
    first, last = span(bars)
    return PairStatistics(
        window.symbol,
        window.source,
        first,
        last,
        bar=window.frame.duration,
        bars=len(bars),
        warm=warm,
        signals=reasons.pop(Reason.NONE, 0),
        confidence=confidence,
        confluence=confluence,
        alignment=alignment,
        outcomes=outcomes,
        reasons=reasons,
    )


def total_per_hour(every: Sequence[PairStatistics]) -> float:
    """Signals an hour with all these pairs at once: the sum of their rates, each window weighted by its hours."""
    symbol = attrgetter("symbol")
    pairs = groupby(sorted(every, key=symbol), symbol)
    return sum(_rate(list(windows)) for _, windows in pairs)


def _rate(windows: Sequence[PairStatistics]) -> float:
    hours = sum(one.hours for one in windows)
    return sum(one.signals for one in windows) / hours if hours else 0.0
