"""Candles of a simulated market into the signal engines; each closed decision bar is judged once, as `session.feed`."""

from collections.abc import Callable, Mapping
from datetime import datetime

from canary_cli.core.model import Candle, Frame, SymbolRules
from canary_cli.core.signals import Holding, SignalEngine, SignalSettings
from canary_cli.core.trading.inputs import Decided, Input
from canary_cli.session.simulate.candles import ClosedCandles

HISTORY = 499
"""Candles of each frame to warm up with."""


class SimulatedFeed:
    """Feeds one engine a pair. `holding` tells what the session holds of a pair; `post` takes what was decided."""

    def __init__(
        self,
        candles: ClosedCandles,
        rules: Mapping[str, SymbolRules],
        settings: SignalSettings,
        now: datetime,
        *,
        post: Callable[[Input], None],
        holding: Callable[[str], Holding],
    ) -> None:
        self._candles = candles
        self._decision = settings.decision_frame
        self._post = post
        self._holding = holding
        self._frames = frames_of(settings)
        self._engines = {symbol: SignalEngine(symbol, one.tick, settings) for symbol, one in rules.items()}
        for symbol, engine in self._engines.items():
            engine.warm({frame: candles.newest(symbol, frame, HISTORY, now) for frame in self._frames})
        self._last = now

    def catch_up(self, now: datetime) -> None:
        """Judge every decision bar that closed since the last call; whatever was missed meanwhile comes first."""
        if self._decision.floor(now) <= self._last:
            return
        for symbol in self._engines:
            missed = [candle for frame in self._frames for candle in self._since(symbol, frame, now)]
            for candle in sorted(missed, key=lambda one: (one.close_time, -one.frame.duration)):
                self._feed(candle, now)
        self._last = now

    def _since(self, symbol: str, frame: Frame, now: datetime) -> list[Candle]:
        if frame.floor(now) <= self._last:
            return []
        count = (now - self._last) // frame.duration + 2
        found = self._candles.newest(symbol, frame, count, now)
        return [candle for candle in found if candle.close_time > self._last]

    def _feed(self, candle: Candle, now: datetime) -> None:
        engine = self._engines[candle.symbol]
        evaluation = engine.close(candle, self._holding(candle.symbol))
        if evaluation is not None:
            self._post(Decided(now, evaluation, engine.signal(evaluation)))


def frames_of(settings: SignalSettings) -> tuple[Frame, ...]:
    """Longest first."""
    return tuple(sorted({settings.decision_frame, *settings.trend_frames}, key=lambda one: one.duration, reverse=True))
