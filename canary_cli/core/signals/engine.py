"""The incremental engine: one pair, one closed candle at a time, each at a cost that does not grow with history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.core.codec import decode, encode
from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals.generator import Reading, judge, to_signal, worst
from canary_cli.core.signals.model import FLAT, Evaluation, Evidence, Holding, Signal
from canary_cli.core.signals.settings import SignalSettings
from canary_cli.core.signals.tracks import DecisionTrack, TrendTrack


class SignalEngine:
    """Feed every closed candle of every frame; of candles that close together the longer frames first.

    Nothing is read from a running candle, and nothing said is revised. `tick` may be set when the exchange changes it.
    """

    def __init__(self, symbol: str, tick: Decimal, settings: SignalSettings = SignalSettings()) -> None:  # noqa: B008
        self.symbol = symbol
        self.tick = tick
        self.settings = settings
        self._start()

    def _start(self) -> None:
        self._decision = DecisionTrack(self.settings.decision_frame, self.settings)
        self._trends = tuple(TrendTrack(frame, self.settings) for frame in self.settings.trend_frames)

    def warm(self, candles: Mapping[Frame, Sequence[Candle]]) -> None:
        """Forget everything and take in history, oldest first in each frame. No evaluations come of it."""
        self._start()
        for history in candles.values():
            for candle in history:
                self._take(candle)

    def close(self, candle: Candle, holding: Holding = FLAT) -> Evaluation | None:
        """Take in one closed candle. An evaluation for each new decision bar; None for the rest.

        `holding` is what is open in the pair at this instant. A candle seen before, out of order or not finite is
        ignored: the next one shows the gap, and what follows is refused until the frame is warm again. Fetch what is
        missing and `warm` anew to mend it at once.
        """
        if not self._take(candle) or candle.frame is not self._decision.frame:
            return None
        time = self._decision.last_close
        assert time is not None
        obstacles = tuple([track.obstacle(time) for track in (self._decision, *self._trends)])
        trends = tuple(
            None if obstacle else track.value for track, obstacle in zip(self._trends, obstacles[1:], strict=True)
        )
        evidence = Evidence(self._decision.structure, self._origins(), holding)
        reading = Reading(self.symbol, time, candle.close, self._decision.value, trends, evidence, worst(obstacles))
        return judge(reading, self.tick, self.settings)

    def signal(self, evaluation: Evaluation) -> Signal | None:
        """The signal an evaluation gives, priced to the tick; None when it was refused."""
        return to_signal(evaluation, self.tick, self.settings) if evaluation.is_signal else None

    def state(self) -> dict[str, Any]:
        """Everything remembered, as JSON has it: 8 bytes for each price kept, so that restoring is exact."""
        tracks = {"decision": self._decision.state(), **{track.frame.value: track.state() for track in self._trends}}
        return {
            "version": 1,
            "symbol": self.symbol,
            "tick": str(self.tick),
            "settings": encode(self.settings),
            "tracks": tracks,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> "SignalEngine":
        """The engine that `state` was taken from. Raises ValueError for a state of another version."""
        if state.get("version") != 1:
            raise ValueError(f"signal engine state has version {state.get('version')!r}, not 1")
        engine = cls(state["symbol"], Decimal(state["tick"]), decode(SignalSettings, state["settings"]))
        engine._decision.load(state["tracks"]["decision"])
        for track in engine._trends:
            track.load(state["tracks"][track.frame.value])
        return engine

    def _take(self, candle: Candle) -> bool:
        taken = [track.admit(candle) for track in (*self._trends, self._decision) if track.frame is candle.frame]
        return any(taken)

    def _origins(self) -> tuple[tuple[Frame, datetime], ...]:
        tracks = (self._decision, *self._trends)
        return tuple((track.frame, track.origin) for track in tracks if track.origin)
