"""Writes a session's facts and notes into the journal, with the audit trail's own fields filled where they apply."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from canary_cli.core.codec import encode
from canary_cli.core.model import Book
from canary_cli.core.trading import facts as f
from canary_cli.core.trading.effects import Note
from canary_cli.core.trading.record import to_data
from canary_cli.journal.record import Record


@dataclass(frozen=True, slots=True)
class Standing:
    """What every line says of its moment: phase number, drawdown in percent."""

    phase: int | None = None
    drawdown_pct: Decimal | None = None


class Lines(Protocol):
    """Where lines go: the journal on disk, or its twin in memory."""

    def append(self, record: Record) -> int: ...

    async def durable(self) -> None: ...


class Scribe:
    """`heard` sees every record: the live view and the ledger listen there.

    What the disk refuses is kept, in its order, until it takes it: whoever trades goes on and opens nothing, for
    `durable` fails meanwhile.
    """

    def __init__(self, journal: Lines, run_id: str, actor: str, standing: Callable[[], Standing] = Standing) -> None:
        self._journal = journal
        self._run_id = run_id
        self._actor = actor
        self._standing = standing
        self.last_seq = 0
        self._kept: deque[Record] = deque()
        self._unsynced = ""
        self.heard: list[Callable[[Record], None]] = []

    def write_fact(self, fact: f.Fact) -> None:
        self.write(fact.event, data=to_data(fact), **_audit_fields(fact))

    def write_book(self, book: Book, reason: str) -> None:
        """A pair's book as it was when something about its market was doubted: `reason` names the trigger."""
        self.write("book_snapshot", data=encode(book), pair=book.symbol, reason=reason)

    def note(self, note: Note) -> None:
        self.write(note.event, pair=note.pair, data=note.data, **note.fields)

    def write(self, event: str, *, data: dict[str, Any], **fields: Any) -> None:
        """Append one line, or keep it until the disk takes it."""
        standing = self._standing()
        record = Record(
            event,
            run_id=self._run_id,
            actor=self._actor,
            phase=standing.phase,
            data=data,
            **{"drawdown_pct": standing.drawdown_pct, **fields},
        )
        self._kept.append(record)
        self.catch_up()
        for listener in self.heard:
            listener(record)

    def catch_up(self) -> str:
        """Write what is kept; returns why lines are not safe on disk, empty when they are as far as anybody knows."""
        while self._kept:
            try:
                self.last_seq = self._journal.append(self._kept[0])
            except OSError as error:
                return f"the journal cannot be written: {error.strerror or error}"
            self._kept.popleft()
        return self._unsynced

    async def durable(self) -> None:
        """Raises OSError where the disk refuses. One sync that failed can never be made good by this process."""
        if refused := self.catch_up():
            raise OSError(refused)
        try:
            await self._journal.durable()
        except OSError as error:
            told = "mend the disk, then begin the run again"
            self._unsynced = f"the journal cannot be brought to disk: {error.strerror or error}; {told}"
            raise


def _audit_fields(fact: f.Fact) -> dict[str, Any]:
    """The fields of the owner's audit line that this fact has something to say for."""
    match fact:
        case f.Intended():
            return {"pair": fact.symbol, "quantity": fact.quantity, "side": fact.side.value, "status": "INTENDED",
                    "risk_gate": "CLEARED" if fact.purpose.adds_risk else "", "reason": fact.reason}  # fmt: skip
        case f.OrderConfirmed():
            return {"order_id": str(fact.order_id), "latency_ms": fact.latency_ms, "status": "NEW"}
        case f.OrderMoved():
            return {"order_id": str(fact.order_id), "status": fact.status.value}
        case f.Filled():
            return {"pair": fact.symbol, "order_id": str(fact.order_id), "status": "FILLED", "side": fact.side.value,
                    "fill_price": fact.price, "quantity": fact.quantity, "latency_ms": fact.latency_ms}  # fmt: skip
        case f.RiskRefused():
            return {"pair": fact.symbol, "risk_gate": fact.code, "side": fact.side.value, "reason": fact.detail}
        case f.OrderDenied():
            return {"status": "DENIED", "reason": fact.reason}
        case f.OrderRejected():
            return {"status": "REJECTED", "reason": fact.message}
        case f.AlgoMoved():
            return {"pair": fact.symbol, "order_id": str(fact.algo_id), "status": fact.status.value}
        case f.EquityMarked() | f.BreakerMoved():
            return {"drawdown_pct": fact.drawdown_pct}
        case f.TriggerFired():
            return {"pair": fact.pair, "status": fact.level.upper()}
        case f.Latched():
            return {"reason": fact.reason, "status": "LATCHED"}
    return {}
