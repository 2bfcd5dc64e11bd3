"""The pieces of work that a rollback is made of. Each says what it found, or raises why it could not be done."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

from canary_cli.alerts import Alert, Fate, Severity
from canary_cli.bootstrap import World
from canary_cli.core.policy.rollback import decide
from canary_cli.errors import ConfigurationError, DatabaseError
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.steps.aftermath import PASSED
from canary_cli.steps.capture_logs import capture_logs
from canary_cli.steps.latching import note
from canary_cli.steps.rollback.state import Rollback

ALERT_PATIENCE = 5.0
"""Wall seconds to wait for the channels' answer; the outbox goes on trying after that."""

VERIFY_TRIES = 3
RESTORE_TIMEOUT = 3600.0
A_MINUTE = timedelta(minutes=1)
"""A backup's name tells the minute: one of the incident's own minute may be younger than the incident."""


def note_flat(world: World, rollback: Rollback) -> None:
    report = rollback.report
    assert report is not None
    data: dict[str, Any] = {
        "incident": rollback.incident,
        "cause": rollback.cause,
        "first_byte": _later(rollback.trip_seconds, report.first_byte),
        "acknowledged": _later(rollback.trip_seconds, report.acknowledged),
        "verified": _later(rollback.trip_seconds, report.verified),
        "positions": len(report.positions),
        "left": [{"symbol": one.symbol, "quantity": str(one.quantity)} for one in report.left],
    }
    event = "flat" if report.is_flat else "flatten_incomplete"
    note(world, Record(event, run_id=rollback.run_id, actor="rollback", status=str(report.outcome), data=data))


def _later(trip: float, seconds: float | None) -> float | None:
    """A clock of the closing, counted from the trip that asked for it. Seconds."""
    return None if seconds is None else round(trip + seconds, 4)


def alert(world: World, rollback: Rollback) -> str:
    """Sent after the closing, never before it; waits a moment to learn what became of it."""
    report = rollback.report
    state = "verified flat" if report is not None and report.is_flat else "NOT FLAT: exposure remains"
    message = f"CANARY ROLLBACK {rollback.incident}: {rollback.cause}. {state}."
    receipt = world.alerts.send(Alert(message, Severity.CRITICAL, "rollback", rollback.incident))
    receipt.wait(ALERT_PATIENCE)
    told = ", ".join(f"{one.channel} {one.fate}" for one in receipt.deliveries)
    sent = any(one.fate is Fate.SENT for one in receipt.deliveries)
    data = {"severity": "CRITICAL", "message": message, "channel": told, "sent": sent}
    note(world, Record("alert", run_id=rollback.run_id, actor="rollback", reason=message, data=data))
    if not told:
        raise ConfigurationError("no channel is configured", "set SLACK_BOT_TOKEN")
    if not sent:
        raise TimeoutError(f"{told}; what waits is said as soon as it can be")
    return told


def logs(world: World, evidence: EvidenceFolder) -> str:
    missing = capture_logs(world.account.log_dir, evidence)
    return "captured" if not missing else f"captured, without {', '.join(missing)}"


def snapshot(world: World) -> str:
    from canary_cli.steps.snapshot_db import snapshot_db

    return snapshot_db(world).file


async def verify(world: World, rollback: Rollback) -> str:
    """The ledger takes in what the journal has beyond it, then is checked; it may lag while a run still writes.

    One that cannot even be read, of a server that answers, is as corrupted as can be.
    """
    from canary_cli.ledger.backups.opening import open_store
    from canary_cli.steps.verify_db import verify_db

    try:
        for _ in range(VERIFY_TRIES):
            await asyncio.to_thread(_catch_up, world)
            found = await asyncio.to_thread(verify_db, world)
            if found.ok:
                break
            await world.clock.pause(0.5)
    except DatabaseError:
        await asyncio.to_thread(open_store, world.settings.database_url)
        rollback.is_corrupted = True
        raise
    rollback.is_corrupted = found.is_corrupted
    return PASSED if found.ok else "; ".join(f"{one.name}: {one.detail}" for one in found.checks if one.ok is False)


def _catch_up(world: World) -> None:
    with suppress(DatabaseError):  # a run's own writer may be at the very same lines
        world.ledger.apply(read(world.account.log_dir, after_seq=world.ledger.caught_up_to()))


async def account(world: World, evidence: EvidenceFolder) -> str:
    """What the exchange says the account holds now."""
    from canary_cli.render.output import plain

    snapshot = await world.exchange.snapshot()
    evidence.write("account.json", json.dumps(plain(snapshot), indent=2))
    return f"{len(snapshot.positions)} positions, {len(snapshot.orders)} orders, {len(snapshot.algo_orders)} stops"


async def profit_and_loss(world: World, rollback: Rollback, evidence: EvidenceFolder) -> str:
    """P&L since deployment start; what the rollback itself cost is part of it."""
    from canary_cli.render.output import plain
    from canary_cli.steps import pnl

    report = await pnl.report(world, pnl.request(world, pnl.DEPLOYMENT_START, pnl.NOW))
    rollback.pnl, rollback.pnl_pct = report.pnl.net, report.pnl.net_pct
    evidence.write("pnl.json", json.dumps(plain(report.pnl), indent=2))
    return f"{report.pnl.net:.2f} USDT"


def write_up(world: World, rollback: Rollback) -> str:
    from canary_cli.steps.postmortem import draft

    return str(draft(world, rollback.incident))


async def restore(world: World, rollback: Rollback) -> str:
    """The newest sound backup from before the incident; the snapshot just taken holds what is to be got rid of."""
    from canary_cli.ledger.backups.manifest import check_file
    from canary_cli.steps.restore_db import RestoreRequest, plan_restore, restore_db
    from canary_cli.steps.verify_db import ask_positions

    before = None if rollback.opened is None else rollback.opened - A_MINUTE
    plan = plan_restore(world, RestoreRequest(at=before, verify=True, seconds=RESTORE_TIMEOUT))
    told: list[str] = []
    restored = await asyncio.to_thread(restore_db, world, plan, "rollback", told.append, lambda: ask_positions(world))
    manifest = check_file(plan.backup) if plan.backup else None
    rollback.restored_from = manifest.created_at if manifest else None
    rollback.is_corrupted = False
    rollback.missing.pop("verify-db", None)
    rollback.done["verify-db"] = PASSED
    return f"{restored.source} in {restored.seconds:.1f} s"


async def decide_restart(world: World, rollback: Rollback) -> str:
    """The decision tree on what is known by now. A cause nobody has named is answered like the worst."""
    from canary_cli.steps.plan import load_rollback

    tree = load_rollback(world.home).tree
    rollback.decision = decide(tree, rollback.pnl_pct, rollback.root_cause, is_corrupted=rollback.is_corrupted is True)
    return "; ".join(rollback.decision.actions)


def note_state(world: World, rollback: Rollback) -> None:
    data: dict[str, Any] = {
        "incident": rollback.incident,
        "done": rollback.done,
        "missing": rollback.missing,
        "pnl": rollback.pnl,
        "pnl_pct": rollback.pnl_pct,
        "is_corrupted": rollback.is_corrupted,
        "root_cause": rollback.root_cause,
        "decision": rollback.decision,
        "rolled_back": rollback.report is not None,
    }
    if rollback.report is not None:
        data["state"] = "STABLE" if rollback.report.is_flat else "OPEN"
    note(world, Record("incident_updated", run_id=rollback.run_id, actor="rollback", data=data))
