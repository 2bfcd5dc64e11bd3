"""Candles from files: `DIR/um_*/PAIR_FRAME.parquet` with open_time (ms, UTC), open, high, low, close and volume."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from canary_cli.core.model import Frame
from canary_cli.core.signals.bars import Bars, instant, milliseconds, resample
from canary_cli.errors import UsageError

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Window:
    """One pair's decision bars without a change of source. `source` is the folder the file lies in."""

    symbol: str
    source: str
    path: Path
    frame: Frame

    def read(self) -> Bars:
        bars = read_bars(self.path, Frame(self.path.stem.rpartition("_")[2]))
        return bars if bars.frame is self.frame else resample(bars, self.frame)


def find_windows(folder: Path, frame: Frame, symbol: str = "*") -> tuple[Window, ...]:
    """Where decision bars can come from: files of that frame, or else of minutes. UsageError when there are none."""
    for source in (frame, Frame.M1):
        paths = sorted(folder.glob(f"um_*/{symbol}_{source}.parquet"))
        if paths:
            return tuple(Window(path.stem.rpartition("_")[0], path.parent.name, path, frame) for path in paths)
    wanted = f"um_*/{symbol}_{frame}.parquet or um_*/{symbol}_{Frame.M1}.parquet"
    if symbol != "*":
        known = sorted({window.symbol for window in find_windows(folder, frame)})
        raise UsageError(f"no {frame} candles of {symbol} in {folder}", f"choose one of: {', '.join(known)}")
    raise UsageError(f"no {frame} candles in {folder}", f"name a folder that holds {wanted}")


def read_frames(folder: Path, window: Window, frames: tuple[Frame, ...]) -> dict[Frame, Bars]:
    """The window's decision bars, and all history of the longer frames until the window ends (empty: no file)."""
    decision = window.read()
    end = int(decision.open_time[-1]) + decision.step if len(decision) else 0
    found = {window.frame: decision}
    for frame in frames:
        paths = sorted(folder.glob(f"um_*/{window.symbol}_{frame}.parquet"))
        bars = read_bars(paths[0], frame) if paths else Bars.of(frame, ())
        found[frame] = bars[bars.open_time + bars.step <= end]
    return found


def read_bars(path: Path, frame: Frame) -> Bars:
    """Raises UsageError where the file is not klines."""
    try:
        table = pq.read_table(path, columns=["open_time", *PRICES, "volume"])
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path}: {str(error).splitlines()[0]}", "name a folder of klines files") from None
    times = np.ascontiguousarray(table["open_time"].to_numpy(), np.int64)
    columns = (np.ascontiguousarray(table[name].to_numpy(), np.float64) for name in (*PRICES, "volume"))
    return Bars(frame, times, *columns)


def seen_tick(bars: Bars) -> Decimal:
    """The tick as the prices show it: one in their last decimal place. The exchange's own may be coarser."""
    prices = np.unique(np.concatenate([getattr(bars, name) for name in PRICES]))
    places = max((_decimals(price) for price in prices[-2000:].tolist()), default=0)
    return Decimal(1).scaleb(-places)


def span(bars: Bars) -> tuple[datetime, datetime]:
    """Close of the first bar and of the last."""
    return instant(int(bars.open_time[0]) + bars.step), instant(int(bars.open_time[-1]) + bars.step)


def bar_closed_by(bars: Bars, moment: datetime) -> int:
    """Index of the last bar closed by then; -1 when there is none."""
    return int(np.searchsorted(bars.open_time + bars.step, milliseconds(moment), side="right")) - 1


def _decimals(price: float) -> int:
    exponent = Decimal(repr(price)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
