"""The batch engine: whole columns through TA-Lib, then the same state machine and rules bar by bar."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import indicators
from canary_cli.core.signals.bars import Bars, instant
from canary_cli.core.signals.components import Trends
from canary_cli.core.signals.generator import Reading, judge, worst
from canary_cli.core.signals.indicators import Momentum, Trend
from canary_cli.core.signals.model import FLAT, Evaluation, Evidence, Holding, Reason, Structure
from canary_cli.core.signals.settings import SignalSettings
from canary_cli.core.signals.structure import StructureMachine

NO_HOLDINGS: Mapping[datetime, Holding] = {}


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
    with _no_collection():
        return list(iterate_batch(symbol, tick, candles, settings, holdings))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Evaluations hold no cycles: walking all of them again and again while they grow took half of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def iterate_batch(
    symbol: str,
    tick: Decimal,
    candles: Mapping[Frame, Bars | Sequence[Candle]],
    settings: SignalSettings = SignalSettings(),  # noqa: B008
    holdings: Mapping[datetime, Holding] = NO_HOLDINGS,
    since: datetime | None = None,
) -> Iterator[Evaluation]:
    """`evaluate_batch` one at a time, for years of bars of which only the count is wanted.

    Bars that closed before `since` are taken in and not judged.
    """
    frames = (settings.decision_frame, *settings.trend_frames)
    columns = {frame: _columns(frame, candles.get(frame, ())) for frame in frames}
    decision = columns[settings.decision_frame]
    firsts = [(frame, instant(int(columns[frame].open_time[0]))) for frame in frames if len(columns[frame])]
    origins: tuple[tuple[Frame, datetime], ...] = ()
    standings = _standings([columns[frame] for frame in settings.trend_frames], decision, settings)
    for figures, (trends, obstacle) in zip(_decisions(decision, settings), standings, strict=True):
        time, close, momentum, structure, own = figures
        if len(origins) < len(firsts):  # a frame has no origin until its first bar has closed
            origins = tuple([(frame, first) for frame, first in firsts if first + frame.duration <= time])
        if since is not None and time < since:
            continue
        evidence = Evidence(structure, origins, holdings.get(time, FLAT))
        reading = Reading(symbol, time, close, momentum, trends, evidence, worst((own, obstacle)))
        yield judge(reading, tick, settings)


def _columns(frame: Frame, rows: Bars | Sequence[Candle]) -> Bars:
    return (rows if isinstance(rows, Bars) else Bars.of(frame, rows)).usable()


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


def _standings(frames: Sequence[Bars], decision: Bars, settings: SignalSettings) -> Iterator[tuple[Trends, Reason]]:
    """At each decision close, the reading of every trend frame that stood then, and what stands in the way of one."""
    closes = decision.open_time + decision.step
    previous, standing = None, ((), Reason.NONE)
    for row in zip(*(_aligned(bars, closes, settings) for bars in frames), strict=True):
        if row != previous:
            standing = (tuple([trend for trend, _ in row]), worst(tuple([obstacle for _, obstacle in row])))
            previous = row
        yield standing


def _aligned(
    bars: Bars, instants: NDArray[np.int64], settings: SignalSettings
) -> Iterator[tuple[Trend | None, Reason]]:
    """The reading of the last bar closed at each instant, if it is the one that was due."""
    readings = list(_trend_readings(bars, settings))
    last = np.searchsorted(bars.open_time + bars.step, instants, side="right") - 1
    due = np.append(bars.open_time, -1)[last] + 2 * bars.step
    for index, late in zip(last.tolist(), (instants >= due).tolist(), strict=True):
        yield (None, Reason.WARMUP) if index < 0 else (None, Reason.GAP) if late else readings[index]


def _trend_readings(bars: Bars, settings: SignalSettings) -> Iterator[tuple[Trend | None, Reason]]:
    for number, run in enumerate(bars.runs()):
        cold = (None, Reason.GAP if number else Reason.WARMUP)
        for index, value in enumerate(indicators.trend(bars.close[run], settings), 1):
            yield (value, Reason.NONE) if index >= settings.warmup_bars else cold
