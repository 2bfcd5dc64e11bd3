"""Signals: what the strategy sees in closed candles, and why it does or does not enter. Pure and causal.

Values import at once. The engines bring TA-Lib, which is slow to import, so they come when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from canary_cli.core.signals.model import (
    FLAT,
    Component,
    Evaluation,
    Evidence,
    Holding,
    Reason,
    Signal,
    Structure,
    Vote,
)
from canary_cli.core.signals.record import Mismatch, from_record, parity, to_record
from canary_cli.core.signals.settings import SignalSettings

if TYPE_CHECKING:
    from canary_cli.core.signals.bars import Bars
    from canary_cli.core.signals.batch import evaluate_batch, iterate_batch
    from canary_cli.core.signals.engine import SignalEngine
    from canary_cli.core.signals.generator import brackets, space_out, to_signal
    from canary_cli.core.signals.vector import SelfTest, self_test

_LATER = {
    "Bars": "bars",
    "SignalEngine": "engine",
    "SelfTest": "vector",
    "brackets": "generator",
    "evaluate_batch": "batch",
    "iterate_batch": "batch",
    "self_test": "vector",
    "space_out": "generator",
    "to_signal": "generator",
}

__all__ = [
    "FLAT",
    "Bars",
    "Component",
    "Evaluation",
    "Evidence",
    "Holding",
    "Mismatch",
    "Reason",
    "SelfTest",
    "Signal",
    "SignalEngine",
    "SignalSettings",
    "Structure",
    "Vote",
    "brackets",
    "evaluate_batch",
    "from_record",
    "iterate_batch",
    "parity",
    "self_test",
    "space_out",
    "to_record",
    "to_signal",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
