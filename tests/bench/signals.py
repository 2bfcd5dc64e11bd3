"""How fast the signal engines are, on a synthetic year of 20 pairs: `python tests/bench/signals.py [--pairs N]`.

Prints closed bars per second of the incremental engine, the time of the batch engine, and the ratio of both to TA-Lib's
indicators alone on the same bars. One core; times are of the process, so a busy machine does not flatter or spoil them.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from time import process_time

import numpy as np
import talib

from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import Bars, Evaluation, SignalEngine, SignalSettings, evaluate_batch
from canary_cli.core.signals.bars import instant, resample
from canary_cli.core.signals.indicators import MomentumStream, TrendStream, VolumeStream

YEAR, HISTORY = 365 * 96, 260 * 96
TICK = Decimal("0.01")
STREAMED_BARS = 2_000
FIRST_OPEN = 1_700_006_400_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    pairs = parser.parse_args().pairs
    print_ = sys.stdout.write
    batch, indicators, streamed, alone = Clock(), Clock(), Clock(), Clock()
    judged: list[list[Evaluation]] = []  # all are held, as whoever wants them all would
    for seed in range(pairs):
        frames = market(seed)
        with batch:
            judged.append(evaluate_batch(f"PAIR{seed}", TICK, frames))
        with indicators:
            talib_alone(frames)
        assert len(judged[-1]) == YEAR
    judged.clear()
    engines, candles = streaming(pairs)
    with streamed:
        for pair, candle in candles:
            engines[pair].close(candle)
    with alone:
        talib_stream_alone(candles)
    print_(f"batch:     {pairs} pairs x {YEAR} M15 bars in {batch.spent:.1f} s")
    print_(f" ({batch.spent / indicators.spent:.0f} x TA-Lib's indicators alone, {indicators.spent:.2f} s)\n")
    print_(f"streaming: {pairs} pairs, {len(candles) / streamed.spent:,.0f} closed bars/s")
    print_(f" ({streamed.spent / alone.spent:.1f} x TA-Lib's streams alone, {len(candles) / alone.spent:,.0f}/s)\n")


@dataclass
class Clock:
    """Adds up the process time spent inside `with`."""

    spent: float = 0.0

    def __enter__(self) -> None:
        self.spent -= process_time()

    def __exit__(self, *_: object) -> None:
        self.spent += process_time()


def market(seed: int) -> dict[Frame, Bars]:
    """A random walk whose volatility and drift wander; the year of M15 bars, and longer frames that start before."""
    random = np.random.default_rng(seed)
    bars = HISTORY + YEAR
    drift = np.repeat(random.normal(0, 1.5e-4, bars // 96 + 1), 96)[:bars]
    close = 1000 * np.exp(np.cumsum(drift + random.standard_t(4, bars) * 0.0015))
    open_ = np.concatenate(([1000.0], close[:-1]))
    reach = np.abs(random.normal(0, 0.001, (2, bars)))
    high, low = np.maximum(open_, close) * (1 + reach[0]), np.minimum(open_, close) * (1 - reach[1])
    times = FIRST_OPEN + 900_000 * np.arange(bars, dtype=np.int64)
    base = Bars(Frame.M15, times, open_, high, low, close, random.lognormal(5, 0.8, bars))
    return {Frame.M15: base[HISTORY:], **{frame: resample(base, frame) for frame in SignalSettings().trend_frames}}


def talib_alone(frames: dict[Frame, Bars]) -> None:
    settings, base = SignalSettings(), frames[Frame.M15]
    for frame in settings.trend_frames:
        for period in settings.ema_periods:
            talib.EMA(frames[frame].close, period)
    talib.RSI(base.close, settings.wilder_period)
    talib.SMA(base.volume, settings.volume_period)
    for wilder in (talib.ATR, talib.ADX, talib.PLUS_DI, talib.MINUS_DI):
        wilder(base.high, base.low, base.close, settings.wilder_period)


def streaming(pairs: int) -> tuple[list[SignalEngine], list[tuple[int, Candle]]]:
    """Warm engines, and the candles that follow in the order a feed delivers them."""
    engines, candles = [], []
    for pair in range(pairs):
        start = FIRST_OPEN + HISTORY * 900_000 + 86_400_000 * 10
        end = start + STREAMED_BARS * 900_000
        frames = market(pair)
        history = {frame: _candles(pair, bars[bars.open_time + bars.step <= start]) for frame, bars in frames.items()}
        engine = SignalEngine(f"PAIR{pair}", TICK)
        engine.warm({frame: list(rows) for frame, rows in history.items()})
        engines.append(engine)
        for bars in frames.values():
            closes = bars.open_time + bars.step
            candles += [(pair, candle) for candle in _candles(pair, bars[(closes > start) & (closes <= end)])]
    return engines, sorted(candles, key=lambda item: (item[1].close_time, -item[1].frame.duration, item[0]))


def _candles(pair: int, bars: Bars) -> Iterator[Candle]:
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    for opened, *prices in zip(*(column.tolist() for column in columns), strict=True):
        yield Candle(f"PAIR{pair}", bars.frame, instant(opened), *prices)


def talib_stream_alone(candles: list[tuple[int, Candle]]) -> None:
    """The same candles through the streams the engine uses, and nothing else."""
    settings, frames = SignalSettings(), market(0)
    base = frames[Frame.M15]
    trends = {frame: TrendStream(frames[frame].close, settings) for frame in settings.trend_frames}
    wilder, volume = MomentumStream(base.high, base.low, base.close, settings), VolumeStream(settings)
    for _, candle in candles:
        if candle.frame in trends:
            trends[candle.frame].update(candle.close)
        else:
            wilder.update(candle.high, candle.low, candle.close)
            volume.update(candle.volume)


if __name__ == "__main__":
    main()
