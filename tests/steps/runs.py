"""Two runs told into a real journal: one that went well and one that a breaker ended. Every story test reads these."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry, Record
from canary_cli.journal.writer import Journal

START = datetime(2026, 2, 22, 10, tzinfo=UTC)
GOOD, BROKEN = "20260222-1000-aaaa", "20260222-1000-bbbb"

Line = tuple[float, Record]
"""Minutes after the start, and what was written then."""


def write_run(folder: Path, lines: Iterator[Line], run_id: str) -> tuple[Entry, ...]:
    now = [START]
    journal = Journal(folder, lambda: now[0])
    for minutes, record in lines:
        now[0] = START + timedelta(minutes=minutes)
        journal.append(record)
    journal.close()
    return tuple(read(folder))


def line(minutes: float, event: str, run_id: str = GOOD, **fields: Any) -> Line:
    own = {name: value for name, value in fields.items() if name in _OWN}
    return minutes, Record(event, run_id=run_id, data=fields, **own)


_OWN = {"pair", "status", "reason", "signal_confidence", "confluence_score", "side", "actor"}


def started(run_id: str = GOOD) -> Line:
    return line(
        0,
        "run_started",
        run_id,
        plan="golive",
        plan_sha256="3f2a1c9e",
        account="rehearsal:7f3a",
        kind="paper",
        seed=7,
        speed=120.0,
        version="0.1.0",
        commit="abc1234",
        deployment_start=START.isoformat(),
        limits={"drawdown": {"pre-trip": "-2.5", "breaker": "-4"}, "latency": {"gate": "500", "warning": "750"}},
    )


def phase(number: int, minutes: float, run_id: str = GOOD) -> Line:
    fraction = {1: "0.1", 2: "0.5", 3: "1"}[number]
    return line(minutes, "phase_entered", run_id, number=number, name=f"p{number}", fraction=fraction,
                pairs=["BTCUSDT", "ETHUSDT"], ends_at=None)  # fmt: skip


def check(metric: str, value: str | None, op: str, limit: str, verdict: str = "PASS", n: int = 24) -> dict[str, Any]:
    return {"metric": metric, "value": value, "op": op, "limit": limit, "n": n, "window": "phase",
            "population": "orders", "verdict": verdict, "detail": "", "counts": True}  # fmt: skip


def gate(number: int, minutes: float, verdict: str, *checks: dict[str, Any], run_id: str = GOOD) -> Line:
    return line(minutes, "gate", run_id, phase=number, verdict=verdict, checks=list(checks), status=verdict)


def trip(minutes: float, symbol: str, realized: str, run_id: str = GOOD, purpose: str = "entry") -> Iterator[Line]:
    """In and out again: an entry of 1 at 100, an exit that realises so much, 0.05 commission each."""
    for index, (side, profit) in enumerate((("BUY", "0"), ("SELL", realized))):
        client_id = f"{symbol}-{minutes}-{index}"
        at = minutes + index * 3
        why = purpose if index == 0 or purpose == "probe" else "exit"
        yield line(at, "order_intent", run_id, client_id=client_id, symbol=symbol, side=side, purpose=why)
        yield line(at, "order_confirmed", run_id, client_id=client_id, order_id=1, latency_ms=180 + minutes, send_ms=90)
        price = str(100 + Decimal(profit))
        yield line(at, "fill", run_id, symbol=symbol, side=side, quantity="1", price=price, realized=profit,
                   trade_id=int(minutes * 10) + index,
                   commission="0.05", commission_asset="USDT", slippage_bps="2.5", purpose=why)  # fmt: skip


def equity(minutes: float, value: str, peak: str = "10000", run_id: str = GOOD) -> Line:
    drawdown = (Decimal(value) - Decimal(peak)) / Decimal(peak) * 100
    return line(minutes, "equity", run_id, wallet=value, unrealized="0", equity=value, peak=peak,
                drawdown_pct=str(drawdown))  # fmt: skip


def good_run() -> Iterator[Line]:
    yield started()
    yield gate(0, 5, "GO", {"name": "exchange.rest", "status": "PASS", "evidence": "12 ms"})
    yield phase(1, 30)
    yield line(35, "signal", pair="BTCUSDT", side="BUY", signal_confidence="84.5", confluence_score="3.5")
    yield from trip(36, "BTCUSDT", "20.10")
    yield from trip(42, "ETHUSDT", "-0.02", purpose="probe")
    yield equity(45, "9990")
    yield gate(1, 60, "PASS", check("errors", "0", "==", "0"), check("latency_max", "222", "<", "500"),
               check("drawdown", "-0.1", ">", "-1"), check("confluence", "3.5", ">=", "3", n=1))  # fmt: skip
    yield phase(2, 60)
    yield from trip(80, "ETHUSDT", "-5")
    yield equity(90, "10010", "10010")
    yield gate(2, 180, "WARNING", check("warnings", "1", "<=", "2", "WARNING"), check("latency_p95", "260", "<", "500"),
               check("drawdown", "-0.2", ">", "-2"), check("fill_rate_worst_pair", "100", ">", "95"))  # fmt: skip
    yield phase(3, 180)
    yield equity(200, "10005", "10010")
    yield gate(3, 240, "PASS", check("pairs_missing", "0", "==", "0"), check("breaker_self_test", "1", "==", "1"),
               check("audit_gaps", "0", "==", "0"))  # fmt: skip
    yield line(240, "approval", what="crew briefed", by="Elo")
    yield line(241, "run_ended", outcome="DONE", exit=0)


def broken_run() -> Iterator[Line]:
    """A crash in phase 1 gaps through the stops; the breaker rolls back with ETHUSDT and BTCUSDT open."""
    run = BROKEN
    yield started(run)
    yield phase(1, 30, run)
    yield from list(trip(31, "BTCUSDT", "0", run))[:3]
    yield from list(trip(32, "ETHUSDT", "0", run))[:3]
    yield equity(44, "9990", run_id=run)
    yield equity(45, "9690", run_id=run)
    yield line(45, "latch_set", run, source="rollback", reason="breaker: drawdown -3.10 % of equity", by="session")
    yield line(45.02, "incident_opened", run, incident="CB-2026-0222-001", cause="breaker", run=run)
    yield from (_close(symbol, realized, run) for symbol, realized in (("BTCUSDT", "-190"), ("ETHUSDT", "-120")))
    yield line(45.1, "flat", run, first_byte=0.004, acknowledged=0.061, verified=0.420,
               positions=2, left=[], status="FLAT")  # fmt: skip
    yield piece("alert", "slack sent")
    yield piece("capture-logs", "captured")
    yield piece("snapshot-db", "backup.db.gz")
    yield piece("verify-db", "PASS")
    yield piece("pnl", "the database does not answer", outcome="NOT DONE")
    yield line(47, "run_ended", run, outcome="ROLLED_BACK", exit=5)


def piece(step: str, detail: str, outcome: str = "DONE") -> Line:
    """A piece of the rollback's work, a plan minute (half a wall second) after the trip."""
    return line(46, "step_finished", BROKEN, step=step, outcome=outcome, detail=detail, actor="rollback")


def _close(symbol: str, realized: str, run_id: str) -> Line:
    return line(45.05, "fill", run_id, symbol=symbol, side="SELL", quantity="1", price=str(100 + Decimal(realized)),
                realized=realized, trade_id=9999,
                commission="0.05", commission_asset="USDT", slippage_bps="31", purpose="kill")  # fmt: skip
