"""The rollback sequence: stop, investigate, restore where asked, and the draft of the post-mortem.

Stopping never waits for anything else. What cannot be done is listed as NOT DONE; flat with evidence missing is flat.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from canary_cli.alerts import Alert, Fate, Severity
from canary_cli.bootstrap import World
from canary_cli.errors import CanaryError, ConfigurationError, DatabaseError, ExitCode, Result
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.session.flattening import FlattenReport, flatten
from canary_cli.steps.capture_logs import capture_logs
from canary_cli.steps.latching import latch_entries, note
from canary_cli.steps.looking import look

ALERT_PATIENCE = 5.0
"""Wall seconds to wait for the channels' answer; the outbox goes on trying after that."""

VERIFY_TRIES = 3
STAGE_TIMEOUT = 150.0
"""Wall seconds that stage 2 may take: its budget in the sequence."""


@dataclass(slots=True)
class Rollback:
    """One rollback as it goes. `done` and `missing` name pieces of work, with what they found or why they failed."""

    incident: str
    cause: str
    run_id: str
    began: datetime
    folder: Path
    report: FlattenReport | None = None
    trip_seconds: float = 0.0
    pnl: Decimal | None = None
    done: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def result(self) -> Result:
        """ROLLED_BACK only when the exchange, asked again, said flat."""
        if self.report is not None and self.report.is_flat:
            return Result("ROLLED_BACK", ExitCode.ROLLED_BACK)
        return Result("ROLLBACK_INCOMPLETE", ExitCode.INCOMPLETE)


Tell = Callable[[str, Rollback], None]


async def roll_back(world: World, cause: str, by: str, tell: Tell) -> Rollback:
    """The whole sequence, typed by hand: latch and flatten from what the exchange says, then everything else.

    Nothing is read from this machine's disks before the account is flat.
    """
    latch_entries(world, "rollback", cause, by)
    known, rules = await look(world)
    report = await flatten(world.exchange, world.clock, known, rules, cause, lambda _left: None, None)
    rollback = open_incident(world, cause, last_run(world))
    rollback.report = report
    await after_flat(world, rollback, tell)
    return rollback


def open_incident(world: World, cause: str, run_id: str) -> Rollback:
    """Open the incident, or join the one that is open: its folder is made, its id is CB-YYYY-MMDD-NNN."""
    now = world.clock.now()
    incidents = world.home / "logs" / "incidents"
    day = f"CB-{now:%Y-%m%d}-"
    number = 1 + sum(path.name.startswith(day) for path in incidents.glob("CB-*"))
    incident = _open_one(world) or f"{day}{number:03d}"
    folder = incidents / incident
    rollback = Rollback(incident, cause, run_id, now, folder)
    data = {"incident": incident, "cause": cause, "run": run_id}
    note(world, Record("incident_opened", run_id=run_id, actor="rollback", reason=cause, data=data))
    note(world, Record("flatten_started", run_id=run_id, actor="rollback", reason=cause, data={"cause": cause}))
    return rollback


def _open_one(world: World) -> str | None:
    """The account's incident that has been opened and not closed."""
    found: str | None = None
    for entry in read(world.account.log_dir):
        if entry.event == "incident_opened":
            found = entry.data["incident"]
        elif entry.event == "incident_closed":
            found = None
    return found


def last_run(world: World) -> str:
    started = [entry.run_id for entry in read(world.account.log_dir) if entry.event == "run_started"]
    return started[-1] if started else ""


async def after_flat(world: World, rollback: Rollback, tell: Tell) -> None:
    """Stages 1 to 4 once the closing has ended: tell the team, gather evidence in parallel, draft the post-mortem."""
    _note_flat(world, rollback)
    await _try(world, rollback, "alert", asyncio.to_thread(_alert, world, rollback))
    tell("stop", rollback)
    evidence = EvidenceFolder.create(rollback.folder)
    work: dict[str, Awaitable[str]] = {
        "capture-logs": asyncio.to_thread(_logs, world, evidence),
        "snapshot-db": asyncio.to_thread(_snapshot, world),
        "account": _account(world, evidence),
        "pnl": _pnl(world, rollback, evidence),
    }
    await asyncio.gather(*(_try(world, rollback, name, deed) for name, deed in work.items()))
    await _try(world, rollback, "verify-db", _verify(world))
    tell("investigate", rollback)
    await _try(world, rollback, "postmortem", asyncio.to_thread(_postmortem, world, rollback))
    await _try(world, rollback, "manifest", asyncio.to_thread(lambda: str(evidence.finish())))
    _note_state(world, rollback)
    tell("postmortem", rollback)


async def _try(world: World, rollback: Rollback, name: str, deed: Awaitable[str]) -> None:
    """One piece of evidence; its failure is written down and holds up nothing."""
    try:
        async with asyncio.timeout(STAGE_TIMEOUT):
            rollback.done[name] = await deed
    except (CanaryError, OSError, TimeoutError) as error:
        rollback.missing[name] = str(error) or type(error).__name__
    outcome = "DONE" if name in rollback.done else "NOT DONE"
    detail = rollback.done.get(name) or rollback.missing[name]
    data = {"step": name, "outcome": outcome, "detail": detail}
    note(world, Record("step_finished", run_id=rollback.run_id, actor="rollback", status=outcome, data=data))


def _note_flat(world: World, rollback: Rollback) -> None:
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


def _alert(world: World, rollback: Rollback) -> str:
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
    return told


def _logs(world: World, evidence: EvidenceFolder) -> str:
    missing = capture_logs(world.account.log_dir, evidence)
    return "captured" if not missing else f"captured, without {', '.join(missing)}"


def _snapshot(world: World) -> str:
    from canary_cli.steps.snapshot_db import snapshot_db

    return snapshot_db(world).file


async def _verify(world: World) -> str:
    """The ledger takes in what the journal has beyond it, then is checked; it may lag while a run still writes."""
    from canary_cli.steps.verify_db import verify_db

    for _ in range(VERIFY_TRIES):
        await asyncio.to_thread(_catch_up, world)
        if (await asyncio.to_thread(verify_db, world)).ok:
            return "PASS"
        await world.clock.pause(0.5)
    return "FAIL"


def _catch_up(world: World) -> None:
    with suppress(DatabaseError):  # a run's own writer may be at the very same lines
        world.ledger.apply(read(world.account.log_dir, after_seq=world.ledger.caught_up_to()))


async def _account(world: World, evidence: EvidenceFolder) -> str:
    """What the exchange says the account holds now."""
    from canary_cli.render.output import plain

    snapshot = await world.exchange.snapshot()
    evidence.write("account.json", json.dumps(plain(snapshot), indent=2))
    return f"{len(snapshot.positions)} positions, {len(snapshot.orders)} orders, {len(snapshot.algo_orders)} stops"


async def _pnl(world: World, rollback: Rollback, evidence: EvidenceFolder) -> str:
    """P&L since deployment start; what the rollback itself cost is part of it."""
    from canary_cli.render.output import plain
    from canary_cli.steps import pnl

    report = await pnl.report(world, pnl.request(world, pnl.DEPLOYMENT_START, pnl.NOW))
    rollback.pnl = report.pnl.net
    evidence.write("pnl.json", json.dumps(plain(report.pnl), indent=2))
    return f"{report.pnl.net:.2f} USDT"


def _postmortem(world: World, rollback: Rollback) -> str:
    from canary_cli.steps.postmortem import draft

    return str(draft(world, rollback.incident))


def _note_state(world: World, rollback: Rollback) -> None:
    data = {
        "incident": rollback.incident,
        "state": "STABLE" if rollback.result.code is ExitCode.ROLLED_BACK else "OPEN",
        "done": rollback.done,
        "missing": rollback.missing,
    }
    note(world, Record("incident_updated", run_id=rollback.run_id, actor="rollback", data=data))
