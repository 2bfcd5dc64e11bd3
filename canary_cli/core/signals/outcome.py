"""What became of a signal on the candles that followed: which of its two prices was traded first."""

from enum import StrEnum

import numpy as np

from canary_cli.core.model import Side
from canary_cli.core.signals.bars import Bars
from canary_cli.core.signals.model import Signal


class Outcome(StrEnum):
    STOP = "stop"
    TARGET = "target"
    OPEN = "open"


def outcome(signal: Signal, following: Bars) -> Outcome:
    """`following` are the bars after the one that gave the signal. A bar that traded both prices counts as the stop."""
    stop, target = float(signal.stop), float(signal.target)
    if signal.side is Side.BUY:
        stopped, reached = following.low <= stop, following.high >= target
    else:
        stopped, reached = following.high >= stop, following.low <= target
    ended = stopped | reached
    if not ended.any():
        return Outcome.OPEN
    return Outcome.STOP if stopped[int(np.argmax(ended))] else Outcome.TARGET
