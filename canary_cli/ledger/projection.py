"""What each journal line means for the ledger's rows. Pure: rows come from, and go back to, whoever holds them.

Every event may come twice and late: a row that exists is never made again, an execution never shrinks, and what has
ended is not reopened.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from canary_cli.core.accounting.pnl import FUNDING
from canary_cli.core.model import ZERO, OrderStatus, PositionSide, Side
from canary_cli.journal.record import Entry
from canary_cli.ledger.types import plain, rounded

Row = dict[str, Any]
Key = tuple[Any, ...]

UNANSWERED = ("INTENDED", "UNKNOWN")
"""Words for an order the exchange has not spoken about yet; beside its own, ours are DENIED and ABSENT."""


class Rows(Protocol):
    """Rows by table and by primary key without the account."""

    def get(self, table: str, key: Key) -> Row | None: ...

    def put(self, table: str, key: Key, row: Row) -> None: ...


def project(rows: Rows, entry: Entry) -> None:
    """Apply one journal line. Raises KeyError, ValueError or ArithmeticError where its data is not what it must be."""
    projector = _PROJECTORS.get(entry.event)
    if projector:
        projector(rows, entry)


def _run_started(rows: Rows, entry: Entry) -> None:
    data = entry.data
    told = {name: data.get(name) for name in ("plan", "plan_sha256", "version", "commit")}
    numbers = {name: _text(data.get(name)) for name in ("seed", "speed")}
    start = _time(data.get("deployment_start")) or entry.timestamp
    before = rows.get("runs", (entry.run_id,)) or {"started_at": entry.timestamp}
    rows.put("runs", (entry.run_id,), {**told, **numbers, "deployment_start": start, **before})


def _run_ended(rows: Rows, entry: Entry) -> None:
    ended = {"ended_at": entry.timestamp, "outcome": entry.data.get("outcome"), "exit_code": entry.data.get("exit")}
    rows.put("runs", (entry.run_id,), {**(rows.get("runs", (entry.run_id,)) or {}), **ended})


def _step_started(rows: Rows, entry: Entry) -> None:
    key = (entry.run_id, entry.data["step"])
    attempts = (rows.get("steps", key) or {"attempts": 0})["attempts"]
    fresh = {"finished_at": None, "outcome": None, "evidence": None, "detail": None}
    rows.put("steps", key, {**fresh, "attempts": attempts + 1, "started_at": entry.timestamp})


def _step_finished(rows: Rows, entry: Entry) -> None:
    key = (entry.run_id, entry.data["step"])
    told = {name: entry.data.get(name) for name in ("outcome", "evidence", "detail")}
    rows.put("steps", key, {"attempts": 1, **(rows.get("steps", key) or {}), **told, "finished_at": entry.timestamp})


def _gate(rows: Rows, entry: Entry) -> None:
    data = entry.data
    row = {"phase": _number(data.get("phase", entry.phase)), "verdict": data["verdict"], "checks": data.get("checks")}
    _once(rows, "gates", entry, row)


def _approval(rows: Rows, entry: Entry) -> None:
    row = {name: entry.data.get(name) for name in ("what", "by", "plan_sha256", "commit")}
    _once(rows, "approvals", entry, {**row, "expires": _time(entry.data.get("expires"))})


def _approval_voided(rows: Rows, entry: Entry) -> None:
    """`seq` and `run` name the approval's own journal line."""
    key = (entry.data["run"], _number(entry.data["seq"]))
    approval = rows.get("approvals", key)
    if approval:
        rows.put("approvals", key, {**approval, "voided_at": approval.get("voided_at") or entry.timestamp})


def _incident(rows: Rows, entry: Entry) -> None:
    data = entry.data
    key = (data["incident"],)
    fresh = {"run_id": data.get("run", entry.run_id), "cause": data.get("cause"), "opened_at": entry.timestamp}
    row = rows.get("incidents", key) or {**fresh, "state": "OPEN", "data": {}}
    told = {"state": data.get("state", row["state"]), "updated_at": entry.timestamp}
    rows.put("incidents", key, {**row, **told, "data": {**row["data"], **data}})


def _latch_set(rows: Rows, entry: Entry) -> None:
    key = (entry.data["source"],)
    present = rows.get("latches", key)
    if present is None or present["cleared_at"]:
        told = {"reason": entry.data.get("reason", ""), "by": entry.data.get("by", "")}
        rows.put("latches", key, {**told, "set_at": entry.timestamp, "cleared_at": None, "cleared_by": None})


def cleared_sources(data: Mapping[str, Any]) -> Sequence[str]:
    """Of a `latch_cleared` line: `sources` of a person's verb, `source` of the session that takes it over."""
    return data["sources"] if "sources" in data else (data["source"],)


def _latch_cleared(rows: Rows, entry: Entry) -> None:
    for source in cleared_sources(entry.data):
        present = rows.get("latches", (source,))
        if present:
            cleared = {"cleared_at": entry.timestamp, "cleared_by": entry.data.get("by", "")}
            rows.put("latches", (source,), {**present, **cleared})


def _signal(rows: Rows, entry: Entry) -> None:
    data = entry.data
    row = {
        "symbol": data.get("symbol", entry.pair),
        "side": data.get("side", entry.side) or None,
        "decision": entry.event,
        "code": data.get("code"),
        "confidence": _text(entry.signal_confidence),
        "confluence": _text(entry.confluence_score),
        "data": dict(data),
    }
    _once(rows, "signals", entry, row)


def _order_intent(rows: Rows, entry: Entry) -> None:
    data = entry.data
    if rows.get("orders", (data["client_id"],)):
        return
    words = {name: data.get(name) for name in ("symbol", "side", "type", "purpose", "reduce_only", "close_position")}
    money = {name: _money(data.get(name)) for name in ("quantity", "price", "trigger_price")}
    row = {
        **words,
        **money,
        "run_id": entry.run_id,
        "decision_price": _figure(data.get("decision_price")),
        "decided_at": _time(data.get("decided_at")),
        "signal_id": _text(data.get("signal_id")),
        "status": "INTENDED",
        "created_at": entry.timestamp,
        "updated_at": entry.timestamp,
    }
    rows.put("orders", (data["client_id"],), row)


def _order_told(status: str) -> Callable[[Rows, Entry], None]:
    """An answer about an order that was unanswered so far; a late one does not undo what the stream already told."""

    def told(rows: Rows, entry: Entry) -> None:
        data, row = entry.data, _order(rows, entry)
        answer: Row = {name: _number(data[name]) for name in ("order_id", "algo_id") if data.get(name)}
        words = {name: _text(data[name]) for name in ("code", "message", "latency_ms") if data.get(name) is not None}
        if data.get("reason"):
            words["message"] = data["reason"]
        if row["status"] in UNANSWERED:
            answer["status"] = str(data.get("status") or status)
        rows.put("orders", (data["client_id"],), {**row, **answer, **words, "updated_at": entry.timestamp})

    return told


def _order_resolved(rows: Rows, entry: Entry) -> None:
    _order_told("NEW" if entry.data["outcome"] == "found" else "ABSENT")(rows, entry)


def _order_updated(rows: Rows, entry: Entry) -> None:
    data, row = entry.data, _order(rows, entry)
    executed = _money(data.get("executed")) or ZERO
    before = row.get("executed") or ZERO
    ended = row["status"] in _FINAL and executed == before
    if executed < before or ended:
        return
    row = {**row, "executed": executed, "status": data["status"], "updated_at": entry.timestamp}
    row["average_price"] = _figure(data.get("average_price")) or row.get("average_price")
    rows.put("orders", (data["client_id"],), {**row, "order_id": _number(data.get("order_id")) or row.get("order_id")})


def _algo_updated(rows: Rows, entry: Entry) -> None:
    data, row = entry.data, _order(rows, entry)
    if row["status"] in _FINAL:
        return
    told = {"algo_id": _number(data.get("algo_id")) or row.get("algo_id"), "status": data["status"]}
    rows.put("orders", (data["client_id"],), {**row, **told, "updated_at": entry.timestamp})


def _fill(rows: Rows, entry: Entry) -> None:
    data = entry.data
    key = (data["symbol"], _number(data["trade_id"]))
    if rows.get("trades", key):
        return
    words = {name: data.get(name) for name in ("maker", "purpose")}
    money = {name: _money(data.get(name)) or ZERO for name in ("price", "quantity", "realized", "commission")}
    figures = {name: _figure(data.get(name)) for name in ("decision_price", "slippage_bps")}
    row = {
        **words,
        **money,
        **figures,
        "run_id": entry.run_id,
        "client_id": data["client_id"],
        "order_id": _number(data.get("order_id")),
        "at": _time(data.get("time")) or entry.timestamp,
        "side": Side(data["side"]).value,
        "position_side": data.get("position_side") or "BOTH",
        "commission_asset": data.get("commission_asset") or "USDT",
    }
    rows.put("trades", key, row)
    _move_position(rows, data["symbol"], row)


def _adopted(rows: Rows, entry: Entry) -> None:
    """The exchange's position taken for ours: it stands, whatever the fills before say, of either side."""
    data = entry.data
    for side in (PositionSide.LONG, PositionSide.SHORT):
        if held := rows.get("positions", (data["symbol"], side.value)):
            rows.put("positions", (data["symbol"], side.value), {**held, "quantity": ZERO})
    told = {"quantity": _money(data["quantity"]), "entry_price": _figure(_money(data["entry_price"]))}
    row = {**told, "updated_at": _time(data.get("time")) or entry.timestamp}
    rows.put("positions", (data["symbol"], PositionSide.BOTH.value), row)


def _move_position(rows: Rows, symbol: str, trade: Row) -> None:
    key = (symbol, trade["position_side"])
    row = rows.get("positions", key) or {"quantity": ZERO, "entry_price": ZERO}
    change = trade["quantity"] * Side(trade["side"]).sign
    entry_price = _figure(entry_after(row["quantity"], row["entry_price"], change, trade["price"]))
    moved = {"quantity": row["quantity"] + change, "entry_price": entry_price, "updated_at": trade["at"]}
    rows.put("positions", key, moved)


def entry_after(quantity: Decimal, entry: Decimal, change: Decimal, price: Decimal) -> Decimal:
    """Entry price of a signed position after a signed trade: averaged when it grows, kept when it shrinks."""
    after = quantity + change
    if after == 0:
        return ZERO
    if quantity * change >= 0:
        return (quantity * entry + change * price) / after
    return entry if after * quantity > 0 else price


def _equity(rows: Rows, entry: Entry) -> None:
    names = ("wallet", "unrealized", "equity", "peak", "drawdown_pct")
    _once(rows, "equity", entry, {name: _figure(entry.data.get(name)) for name in names})


def _wallet(rows: Rows, entry: Entry) -> None:
    """Funding, as the account's stream told it: it names no pair, and the line's number stands for the exchange's."""
    data = entry.data
    if data["reason"] in FUNDING:
        at = _time(data.get("time")) or entry.timestamp
        row = {"symbol": "", "asset": "USDT", "amount": _money(data["change"]), "at": at}
        rows.put("income", (data["reason"], entry.seq), row)


def _alert(rows: Rows, entry: Entry) -> None:
    row = {name: _text(entry.data.get(name)) for name in ("severity", "channel", "message")}
    _once(rows, "alerts", entry, {**row, "sent": bool(entry.data.get("sent"))})


def _drill(rows: Rows, entry: Entry) -> None:
    data = entry.data
    row = {"kind": data.get("kind"), "seconds": _figure(data.get("seconds")), "outcome": _text(data.get("outcome"))}
    _once(rows, "drills", entry, row)


def _once(rows: Rows, table: str, entry: Entry, row: Row) -> None:
    rows.put(table, (entry.run_id, entry.seq), {**row, "at": entry.timestamp})


def _order(rows: Rows, entry: Entry) -> Row:
    """The order told of; one nobody intended gets a row too, which verify-db then points at."""
    fresh = {"run_id": entry.run_id, "status": "UNKNOWN", "created_at": entry.timestamp}
    return rows.get("orders", (entry.data["client_id"],)) or fresh


def _money(value: Any) -> Decimal | None:
    return None if value is None else plain(Decimal(str(value)))


def _figure(value: Any) -> Decimal | None:
    return None if value is None else plain(rounded(Decimal(str(value))))


def _number(value: Any) -> int | None:
    number = None if value in (None, "") else int(value)
    if number is not None and number.bit_length() > 63:
        raise ValueError(f"{number} is no identifier")
    return number


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


_FINAL = {status.value for status in OrderStatus if status.is_final} | {"DENIED", "ABSENT", "FINISHED"}

_PROJECTORS: dict[str, Callable[[Rows, Entry], None]] = {
    "run_started": _run_started,
    "run_ended": _run_ended,
    "step_started": _step_started,
    "step_finished": _step_finished,
    "gate": _gate,
    "approval": _approval,
    "approval_voided": _approval_voided,
    "incident_opened": _incident,
    "incident_updated": _incident,
    "latch_set": _latch_set,
    "latch_cleared": _latch_cleared,
    "signal": _signal,
    "signal_refused": _signal,
    "risk_refused": _signal,
    "order_intent": _order_intent,
    "order_confirmed": _order_told("NEW"),
    "order_rejected": _order_told("REJECTED"),
    "order_denied": _order_told("DENIED"),
    "order_unknown": _order_told("UNKNOWN"),
    "order_resolved": _order_resolved,
    "order_updated": _order_updated,
    "algo_updated": _algo_updated,
    "fill": _fill,
    "adopted": _adopted,
    "equity": _equity,
    "wallet": _wallet,
    "alert": _alert,
    "drill": _drill,
}
