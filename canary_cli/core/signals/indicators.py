"""EMA, RSI, ATR, ADX and the volume average through TA-Lib, in batch and bar by bar, equal bit for bit.

Two traps are mended. TA-Lib gives RSI 0 in a market that never moved, which reads as oversold: here it is 50. A NaN
makes it answer 0 or nothing for ever: callers feed unbroken runs of finite bars only and start anew after a gap.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import talib
from talib import stream

from canary_cli.core.signals.bars import Bars, Floats
from canary_cli.core.signals.settings import SignalSettings
from canary_cli.errors import ConfigurationError

OLDEST_LIBRARY = (0, 8)  # the first with streams that equal the batch functions
NEUTRAL_RSI = 50.0
C_LIBRARY: bytes = getattr(talib, "__ta_version__", b"")


class Trend(NamedTuple):
    """Exponential averages of the close, fast to slow."""

    fast: float
    middle: float
    slow: float


class Momentum(NamedTuple):
    """Wilder's figures of one bar: RSI and ADX 0...100, ATR in price."""

    rsi: float
    atr: float
    adx: float
    plus_di: float
    minus_di: float


def check_library(wrapper: str, library: bytes) -> None:
    """Refuse a wheel that carries another C library than the wrapper was made for: one was shipped, and it ran.

    Raises ConfigurationError.
    """
    versions = [re.match(r"(\d+)\.(\d+)", text) for text in (wrapper, library.decode())]
    made_for, found = ((int(version[1]), int(version[2])) if version else (0, 0) for version in versions)
    if found != made_for or found < OLDEST_LIBRARY:
        message = f"TA-Lib {wrapper} carries the C library {library.decode()!r}"
        raise ConfigurationError(message, "install the locked version: make setup")


check_library(talib.__version__, C_LIBRARY)


def trend(closes: Floats, settings: SignalSettings) -> Iterator[Trend]:
    """One reading a bar of an unbroken run; NaN before an average's period is full."""
    columns = [talib.EMA(closes, period).tolist() for period in settings.ema_periods]
    return (Trend(*row) for row in zip(*columns, strict=True))


def momentum(bars: Bars, settings: SignalSettings) -> Iterator[Momentum]:
    """One reading a bar of an unbroken run; NaN before the period is full."""
    prices, period = (bars.high, bars.low, bars.close), settings.wilder_period
    rsi = talib.RSI(bars.close, period)
    moved = np.maximum.accumulate(bars.close != bars.close[:1])
    rsi[~moved & ~np.isnan(rsi)] = NEUTRAL_RSI
    wilder = (talib.ATR, talib.ADX, talib.PLUS_DI, talib.MINUS_DI)
    columns = [rsi.tolist(), *(function(*prices, period).tolist() for function in wilder)]
    return (Momentum(*row) for row in zip(*columns, strict=True))


def volume_average(volumes: Floats, settings: SignalSettings) -> Floats:
    """Simple mean of the last `volume_period` volumes, this bar's included."""
    return np.asarray(talib.SMA(volumes, settings.volume_period))


class TrendStream:
    """`Trend` bar by bar. Opened on the run's history so far, which must cover the slowest period."""

    def __init__(self, closes: Floats, settings: SignalSettings) -> None:
        self._fast, self._middle, self._slow = (stream.EMA(closes, period) for period in settings.ema_periods)
        self.value = Trend(self._fast.value, self._middle.value, self._slow.value)

    def update(self, close: float) -> Trend:
        self.value = Trend(self._fast.update(close), self._middle.update(close), self._slow.update(close))
        return self.value


class MomentumStream:
    """`Momentum` bar by bar. Opened on the run's history so far: two Wilder periods at least."""

    def __init__(self, high: Floats, low: Floats, close: Floats, settings: SignalSettings) -> None:
        period = settings.wilder_period
        self._rsi = stream.RSI(close, period)
        wilder = (stream.ATR, stream.ADX, stream.PLUS_DI, stream.MINUS_DI)
        self._atr, self._adx, self._plus, self._minus = (kind(high, low, close, period) for kind in wilder)
        self._first = float(close[0])
        self._moved = bool((close != close[0]).any())
        self.value = Momentum(
            self._rsi.value if self._moved else NEUTRAL_RSI,
            *(kind.value for kind in (self._atr, self._adx, self._plus, self._minus)),
        )

    def update(self, high: float, low: float, close: float) -> Momentum:
        rsi = self._rsi.update(close)
        self._moved = self._moved or close != self._first
        self.value = Momentum(
            rsi if self._moved else NEUTRAL_RSI,
            self._atr.update(high, low, close),
            self._adx.update(high, low, close),
            self._plus.update(high, low, close),
            self._minus.update(high, low, close),
        )
        return self.value


class VolumeStream:
    """The volume average bar by bar, NaN until its period is full."""

    def __init__(self, settings: SignalSettings) -> None:
        self._period = settings.volume_period
        self._head: list[float] = []
        self._mean: stream.SMA | None = None

    def update(self, volume: float) -> float:
        if self._mean is not None:
            return float(self._mean.update(volume))
        self._head.append(volume)
        if len(self._head) < self._period:
            return float("nan")
        self._mean = stream.SMA(np.array(self._head), self._period)
        return float(self._mean.value)
