"""The three logs an operator tails: what was executed, what the risk guard said, what went to and came from Binance."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from canary_cli.journal.crash import masker
from canary_cli.journal.record import Record
from canary_cli.journal.rotating import RotatingFile

EXECUTION, RISK_GUARD, BINANCE_API = "execution.log", "risk_guard.log", "binance_api.log"
NAMES = (EXECUTION, RISK_GUARD, BINANCE_API)

_RISK_EVENTS = frozenset(
    [
        "risk_refused",
        "breaker",
        "trigger",
        "triggers_released",
        "warning",
        "latch_set",
        "latch_cleared",
        "condition_set",
        "condition_cleared",
        "gate",
        "liquidation",
        "foreign_order",
        "signal_refused",
        "parity_mismatch",
        "leverage_changed",
    ]
)


class TextLogs:
    """Rotated files in `folder`, for their owner alone; times are plan time.

    Only named fields are written, and what is free text among them (a reason, an error's own words) goes through the
    mask: it takes out `secrets`, what the environment hides, and whatever looks like a key, a signature or a password.

    A disk that refuses a line is no reason to stop anything: the line is lost, the journal has what matters.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime], secrets: Iterable[str] = ()) -> None:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        self._now = now
        self._mask = masker(secrets)
        self._files = {name: RotatingFile(folder / name) for name in NAMES}

    def on_record(self, record: Record) -> None:
        """One line for a journal record, in the log it belongs to."""
        name = RISK_GUARD if record.event in _RISK_EVENTS else EXECUTION
        told = {
            "pair": record.pair, "side": record.side, "quantity": record.quantity, "fill_price": record.fill_price,
            "status": record.status, "order_id": record.order_id, "latency_ms": record.latency_ms,
            "risk_gate": record.risk_gate, "drawdown_pct": record.drawdown_pct, "reason": record.reason,
        }  # fmt: skip
        self._write(name, record.event, {key: value for key, value in told.items() if value not in (None, "")})

    def on_request(self, method: str, fields: dict[str, Any]) -> None:
        """One line for a request to Binance and its answer; the caller leaves keys and signatures out."""
        self._write(BINANCE_API, method, fields)

    def _write(self, name: str, what: str, fields: dict[str, Any]) -> None:
        stamp = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = " ".join([stamp, what, *(f"{key}={value}" for key, value in fields.items())])
        with suppress(OSError):
            self._files[name].write(self._mask(text).replace("\n", " "))

    def close(self) -> None:
        for file in self._files.values():
            file.close()
