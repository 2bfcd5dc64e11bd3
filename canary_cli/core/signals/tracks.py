"""What the incremental engine remembers of one frame: its unbroken run of candles and the figures that follow it."""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from canary_cli.core.codec import decode, encode
from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals.bars import Floats, is_usable
from canary_cli.core.signals.indicators import Momentum, MomentumStream, Trend, TrendStream, VolumeStream
from canary_cli.core.signals.model import Reason, Structure
from canary_cli.core.signals.settings import SignalSettings
from canary_cli.core.signals.structure import StructureMachine, StructureState


class Column:
    """Floats that only grow; they reopen the indicators after a restore."""

    def __init__(self, packed: str = "") -> None:
        self._values = array("d", b64decode(packed))
        self.append = self._values.append

    def __len__(self) -> int:
        return len(self._values)

    def numbers(self) -> Floats:
        return np.array(self._values, np.float64)

    def packed(self) -> str:
        return b64encode(self._values.tobytes()).decode()


class Track:
    """The unbroken run of one frame: admits the next candle, forgets everything at a gap."""

    columns: tuple[str, ...] = ()

    def __init__(self, frame: Frame, settings: SignalSettings) -> None:
        self.frame = frame
        self.settings = settings
        self.origin: datetime | None = None
        self.last_close: datetime | None = None
        self.due: datetime | None = None
        self.restarted = False
        self._clear()

    def admit(self, candle: Candle) -> bool:
        """False for a candle already seen or not usable. A gap clears the run first."""
        if not is_usable(candle) or (self.last_close and candle.open_time < self.last_close):
            return False
        if self.last_close and candle.open_time != self.last_close:
            self._clear()
            self.restarted = True
        self.origin = self.origin or candle.open_time
        self.last_close = candle.open_time + self.frame.duration
        self.due = self.last_close + self.frame.duration
        self._append(candle)
        return True

    def obstacle(self, instant: datetime) -> Reason:
        """Why this frame has no opinion at an instant, if so."""
        if self.last_close is None or self.due is None:
            return Reason.WARMUP
        if not self.last_close <= instant < self.due:
            return Reason.GAP
        if not self.warm:
            return Reason.GAP if self.restarted else Reason.WARMUP
        return Reason.NONE

    @property
    def warm(self) -> bool:
        raise NotImplementedError

    def _clear(self) -> None:
        for name in self.columns:
            setattr(self, name, Column())

    def _append(self, candle: Candle) -> None:
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        packed = {name: getattr(self, name).packed() for name in self.columns}
        times = {"origin": encode(self.origin), "last_close": encode(self.last_close)}
        return {**times, "restarted": self.restarted, "columns": packed}

    def load(self, state: Mapping[str, Any]) -> None:
        self.origin, self.last_close = (decode(datetime | None, state[key]) for key in ("origin", "last_close"))
        self.due = self.last_close + self.frame.duration if self.last_close else None
        self.restarted = state["restarted"]
        for name, packed in state["columns"].items():
            setattr(self, name, Column(packed))


class TrendTrack(Track):
    columns = ("close",)
    close: Column

    def _clear(self) -> None:
        super()._clear()
        self._stream: TrendStream | None = None

    def _append(self, candle: Candle) -> None:
        self.close.append(candle.close)
        if self._stream:
            self._stream.update(candle.close)
        else:
            self._open()

    def _open(self) -> None:
        if len(self.close) >= self.settings.warmup_bars:
            self._stream = TrendStream(self.close.numbers(), self.settings)

    @property
    def warm(self) -> bool:
        return self._stream is not None

    @property
    def value(self) -> Trend | None:
        return self._stream.value if self._stream else None

    def load(self, state: Mapping[str, Any]) -> None:
        super().load(state)
        self._open()


class DecisionTrack(Track):
    columns = ("high", "low", "close", "volume")
    high: Column
    low: Column
    close: Column
    volume: Column

    def _clear(self) -> None:
        super()._clear()
        self._stream: MomentumStream | None = None
        self._volume = VolumeStream(self.settings)
        self._machine = StructureMachine(self.settings)
        self.structure = Structure()

    def _append(self, candle: Candle) -> None:
        high, low, close, volume = candle.high, candle.low, candle.close, candle.volume
        self.high.append(high)
        self.low.append(low)
        self.close.append(close)
        self.volume.append(volume)
        average = self._volume.update(volume)
        self.structure = self._machine.advance(candle.open_time, (candle.open, high, low, close), volume, average)
        if self._stream:
            self._stream.update(high, low, close)
        else:
            self._open()

    def _open(self) -> None:
        if len(self.close) >= self.settings.warmup_bars:
            prices = (self.high.numbers(), self.low.numbers(), self.close.numbers())
            self._stream = MomentumStream(*prices, self.settings)

    @property
    def warm(self) -> bool:
        return self._stream is not None

    @property
    def value(self) -> Momentum | None:
        return self._stream.value if self._stream else None

    def state(self) -> dict[str, Any]:
        return {**super().state(), "structure": encode(self._machine.state())}

    def load(self, state: Mapping[str, Any]) -> None:
        super().load(state)
        self._open()
        self._machine = StructureMachine(self.settings, decode(StructureState, state["structure"]))
        for volume in self.volume.numbers().tolist():
            self._volume.update(volume)
