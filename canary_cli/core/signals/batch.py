"""The batch engine: whole columns through TA-Lib, then the same state machine and rules bar by bar."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np

from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import indicators
from canary_cli.core.signals.bars import Bars, instant
from canary_cli.core.signals.generator import Reading, judge
from canary_cli.core.signals.indicators import Momentum, Trend
from canary_cli.core.signals.model import FLAT, Evaluation, Evidence, Holding, Reason, Structure
from canary_cli.core.signals.settings import SignalSettings
from canary_cli.core.signals.structure import StructureMachine

NO_HOLDINGS: Mapping[datetime, Holding] = {}
Track = list[tuple[Trend | None, Reason]]


def evaluate_batch(
    symbol: str,
    tick: Decimal,
    candles: Mapping[Frame, Bars | Sequence[Candle]],
    settings: SignalSettings = SignalSettings(),  # noqa: B008
    holdings: Mapping[datetime, Holding] = NO_HOLDINGS,
) -> list[Evaluation]:
    """An evaluation for each decision bar, oldest first, equal to what `SignalEngine` says when fed the same candles.

    `holdings` tells what was open at the close of a bar (default: nothing), keyed by that time.
    """
    frames = {frame: _columns(frame, rows).usable() for frame, rows in candles.items()}
    decision = frames.get(settings.decision_frame) or Bars.of(settings.decision_frame, ())
    closes = decision.open_time + decision.step
    trends = [_aligned(frames.get(frame), closes, settings) for frame in settings.trend_frames]
    origins = tuple(
        (frame, instant(int(frames[frame].open_time[0])))
        for frame in (settings.decision_frame, *settings.trend_frames)
        if frame in frames and len(frames[frame])
    )
    evaluations = []
    for row, (time, close, momentum, structure, reason) in enumerate(_decisions(decision, settings)):
        readings = [track[row] for track in trends]
        obstacles = (reason, *(obstacle for _, obstacle in readings))
        blocked = next((worst for worst in (Reason.GAP, Reason.WARMUP) if worst in obstacles), Reason.NONE)
        evidence = Evidence(structure, origins, holdings.get(time, FLAT))
        values = tuple(value for value, _ in readings)
        reading = Reading(symbol, time, close, momentum, values, evidence, blocked)
        evaluations.append(judge(reading, tick, settings))
    return evaluations


def _columns(frame: Frame, rows: Bars | Sequence[Candle]) -> Bars:
    return rows if isinstance(rows, Bars) else Bars.of(frame, rows)


def _decisions(
    bars: Bars, settings: SignalSettings
) -> Iterator[tuple[datetime, float, Momentum | None, Structure, Reason]]:
    """For each decision bar: its close time and price, its figures (None while cold), and why it is cold."""
    duration = bars.frame.duration
    for number, run in enumerate(bars.runs()):
        machine = StructureMachine(settings)
        part = bars[run]
        cold = Reason.GAP if number else Reason.WARMUP
        prices = zip(*(column.tolist() for column in (part.open, part.high, part.low, part.close)), strict=True)
        averages = indicators.volume_average(part.volume, settings).tolist()
        figures = indicators.momentum(part, settings)
        rows = zip(part.open_time.tolist(), prices, part.volume.tolist(), averages, figures, strict=True)
        for index, (opened, bar, volume, average, momentum) in enumerate(rows, 1):
            time = instant(opened)
            structure = machine.advance(time, bar, volume, average)
            warm = index >= settings.warmup_bars
            yield time + duration, bar[-1], momentum if warm else None, structure, Reason.NONE if warm else cold


def _aligned(bars: Bars | None, instants: np.ndarray, settings: SignalSettings) -> Track:
    """The trend reading that stood at each instant: of the last bar closed by then, if it is the one that was due."""
    if bars is None or not len(bars):
        return [(None, Reason.WARMUP)] * len(instants)
    readings = list(_trend_readings(bars, settings))
    last = np.searchsorted(bars.open_time + bars.step, instants, side="right") - 1
    missing = instants >= bars.open_time[last] + 2 * bars.step
    return [
        (None, Reason.WARMUP) if index < 0 else (None, Reason.GAP) if late else readings[index]
        for index, late in zip(last.tolist(), missing.tolist(), strict=True)
    ]


def _trend_readings(bars: Bars, settings: SignalSettings) -> Iterator[tuple[Trend | None, Reason]]:
    for number, run in enumerate(bars.runs()):
        cold = Reason.GAP if number else Reason.WARMUP
        for index, value in enumerate(indicators.trend(bars.close[run], settings), 1):
            warm = index >= settings.warmup_bars
            yield (value, Reason.NONE) if warm else (None, cold)
