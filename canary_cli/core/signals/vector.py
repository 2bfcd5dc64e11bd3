"""A short check that this machine computes the figures the definition asks for: a known vector through both engines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np

from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import indicators
from canary_cli.core.signals.bars import Bars, instant
from canary_cli.core.signals.batch import evaluate_batch
from canary_cli.core.signals.engine import SignalEngine
from canary_cli.core.signals.model import Evaluation
from canary_cli.core.signals.settings import SignalSettings

SYMBOL, TICK = "SELFTEST", Decimal("0.01")
END = instant(1_767_225_600_000)
BARS = {Frame.D1: 252, Frame.H4: 256, Frame.H1: 264, Frame.M15: 300}
STREAMED = timedelta(hours=10)
TOLERANCE = 1e-9
FIGURES = ("close", "confluence", "confidence", "alignment", "atr")
EXPECTED = (125.5286689285181, 4.0, 76.968210422, 66.66666666666667, 1.0979345798725704)


@dataclass(frozen=True, slots=True)
class SelfTest:
    passed: bool
    detail: str


def self_test() -> SelfTest:
    """Takes some tens of milliseconds. `detail` says what was proven, or what failed first."""
    version = indicators.C_LIBRARY.decode().split()[0]
    history = {frame: list(_candles(frame, bars)) for frame, bars in BARS.items()}
    batch, streamed = evaluate_batch(SYMBOL, TICK, history), list(_stream(history))
    last = batch[-1]
    figures = tuple(getattr(last, name) for name in FIGURES)
    if not np.allclose(figures, EXPECTED, rtol=0, atol=TOLERANCE):
        return SelfTest(False, f"TA-Lib C {version} gives {dict(zip(FIGURES, figures, strict=True))}, not {EXPECTED}")
    if streamed != batch[-len(streamed) :]:
        return SelfTest(False, f"TA-Lib C {version}: bar by bar differs from batch")
    if _flat_rsi() != indicators.NEUTRAL_RSI:
        return SelfTest(False, f"TA-Lib C {version}: RSI of a flat market is not 50")
    signals = sum(evaluation.is_signal for evaluation in batch)
    return SelfTest(True, f"TA-Lib C {version}, {len(streamed)} bars equal in batch and stream, {signals} signals")


def _stream(history: dict[Frame, list[Candle]]) -> Iterator[Evaluation]:
    """The last bars of the vector one by one, through an engine that is saved and restored before them."""
    cut = END - STREAMED
    engine = SignalEngine(SYMBOL, TICK)
    engine.warm({frame: [bar for bar in bars if bar.close_time <= cut] for frame, bars in history.items()})
    engine = SignalEngine.restore(engine.state())
    rest = [candle for candles in history.values() for candle in candles if candle.close_time > cut]
    for candle in sorted(rest, key=lambda bar: (bar.close_time, -bar.frame.duration)):
        evaluation = engine.close(candle)
        if evaluation:
            yield evaluation


def _candles(frame: Frame, count: int) -> Iterator[Candle]:
    """A wave on a slope with repeatable noise; the last candle of every frame closes at `END`."""
    seed, close = int(frame.duration.total_seconds()), 100.0
    for bar in range(count):
        seed = (seed * 1_103_515_245 + 12_345) % 2**31
        noise = seed / 2**30 - 1
        open_, close = close, close + 0.05 + 0.6 * noise + 0.4 * ((bar % 24 < 12) - 0.5)
        reach = 0.2 + 0.3 * abs(noise)
        high, low = max(open_, close) + reach, min(open_, close) - reach
        volume = 1000 * (1 + 2 * abs(noise)) * (1 + (bar % 7 == 0))
        yield Candle(SYMBOL, frame, END - (count - bar) * frame.duration, open_, high, low, close, volume)


def _flat_rsi() -> float:
    flat = np.full(30, 100.0)
    times = np.arange(30, dtype=np.int64)
    bars = Bars(Frame.M15, times, flat, flat, flat, flat, flat)
    return list(indicators.momentum(bars, SignalSettings()))[-1].rsi
