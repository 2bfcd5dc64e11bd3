"""One line of the journal: what is written (`Record`) and what is read back (`Entry`).

The first thirteen fields are the audit trail's, in its order; the rest say who, when and in which chain. `data` holds
the event itself: everything needed to rebuild state from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

Number = Decimal | float | int

GENESIS = "0" * 64
"""`prev` of the first line: there was none before it."""

_NUMBERS = ("signal_confidence", "confluence_score", "drawdown_pct", "latency_ms", "fill_price", "quantity")
_AS_WRITTEN = ("event", "pair", "risk_gate", "order_id", "status", "side", "run_id", "phase", "actor", "reason", "data")


@dataclass(frozen=True, slots=True)
class Record:
    """What happened. Prices and quantities in quote and base units, `drawdown_pct` in percent, latency in ms."""

    event: str
    pair: str = ""
    signal_confidence: Number | None = None
    confluence_score: Number | None = None
    risk_gate: str = ""
    drawdown_pct: Number | None = None
    latency_ms: Number | None = None
    order_id: str = ""
    status: str = ""
    fill_price: Number | None = None
    quantity: Number | None = None
    side: str = ""
    run_id: str = ""
    phase: int | None = None
    actor: str = ""
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Record):
    """A record as it lies on disk. `seq` counts the account's lines from 1; `prev` is the sha256 of the line before."""

    timestamp: datetime
    seq: int
    prev: str


def encode(record: Record, timestamp: datetime, seq: int, prev: str) -> bytes:
    """One JSON line, without its newline. Decimals become strings; a value JSON cannot hold raises TypeError."""
    return orjson.dumps(
        {
            "timestamp": timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "pair": record.pair,
            "event": record.event,
            "signal_confidence": record.signal_confidence,
            "confluence_score": record.confluence_score,
            "risk_gate": record.risk_gate,
            "drawdown_pct": record.drawdown_pct,
            "latency_ms": record.latency_ms,
            "order_id": record.order_id,
            "status": record.status,
            "fill_price": record.fill_price,
            "quantity": record.quantity,
            "side": record.side,
            "run_id": record.run_id,
            "phase": record.phase,
            "actor": record.actor,
            "reason": record.reason,
            "seq": seq,
            "prev": prev,
            "data": record.data,
        },
        default=_plain,
        option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS,
    )


def decode(line: bytes) -> Entry:
    """The entry on a line. Raises ValueError where the line is torn or is no journal line."""
    fields: dict[str, Any] = orjson.loads(line)
    try:
        return Entry(
            **{name: fields[name] for name in _AS_WRITTEN},
            **{name: _number(fields[name]) for name in _NUMBERS},
            timestamp=datetime.fromisoformat(fields["timestamp"]),
            seq=int(fields["seq"]),
            prev=fields["prev"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no journal line: {error!r}") from None


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a journal line cannot hold {type(value).__name__}")


def _number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value
