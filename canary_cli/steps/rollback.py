"""The rollback sequence: stop, investigate, restore where asked, and the draft of the post-mortem.

Stopping never waits for anything else. What cannot be done is listed as NOT DONE; flat with evidence missing is flat.
Typed again after it was cut short, it does what is left; typed again later, it joins the incident that is open.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from canary_cli.alerts import Alert, Fate, Severity
from canary_cli.bootstrap import World
from canary_cli.core.policy.rollback import Cause, Restart, decide
from canary_cli.errors import CanaryError, ConfigurationError, DatabaseError, ExitCode, Result
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.session.flattening import FlattenReport, Progress, flatten
from canary_cli.steps import incidents
from canary_cli.steps.booking import book_fills
from canary_cli.steps.capture_logs import capture_logs
from canary_cli.steps.latching import latch_entries, note
from canary_cli.steps.looking import look
from canary_cli.steps.sweep import page, start_sweeper

ALERT_PATIENCE = 5.0
"""Wall seconds to wait for the channels' answer; the outbox goes on trying after that."""

VERIFY_TRIES = 3
STAGE_TIMEOUT = 150.0
"""Wall seconds that stage 2 may take: its budget in the sequence."""

CLOSE_TIMEOUT = 60.0
"""Wall seconds after which closing is handed to a process of its own, and the evidence is gathered meanwhile."""

A_MINUTE = timedelta(minutes=1)
"""A backup's name tells the minute: one of the incident's own minute may be younger than the incident."""

RESTORE_TIMEOUT = 3600.0
ONCE = frozenset({"alert", "capture-logs", "snapshot-db", "restore"})
"""Pieces that a rollback which was cut short does not do again when it is typed again."""

STOP, INVESTIGATE, RESTORE, POSTMORTEM = STAGES = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """`stage` None is all of them; any other than the first goes on with an incident, and closes nothing."""

    reason: str
    by: str
    root_cause: Cause | None = None
    restore: bool = False
    stage: int | None = None

    @property
    def stages(self) -> tuple[int, ...]:
        return STAGES if self.stage is None else (self.stage,)


@dataclass(slots=True)
class Rollback:
    """One rollback as it goes. `done` and `missing` name pieces of work, with what they found or why they failed.

    `report` is None where nothing was closed, because only a later stage was asked for. `closer` says who goes on where
    the account is not flat.
    """

    incident: str
    cause: str
    run_id: str
    began: datetime
    folder: Path
    report: FlattenReport | None = None
    trip_seconds: float = 0.0
    closer: str = ""
    opened: datetime | None = None
    restored_from: datetime | None = None
    pnl: Decimal | None = None
    pnl_pct: Decimal | None = None
    root_cause: Cause | None = None
    decision: Restart | None = None
    done: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def result(self) -> Result:
        """ROLLED_BACK only when the exchange, asked again, said flat."""
        if self.report is None:
            return Result("STAGE_DONE") if not self.missing else Result("NOT_DONE", ExitCode.HUMAN_NEEDED)
        if self.report.is_flat:
            return Result("ROLLED_BACK", ExitCode.ROLLED_BACK)
        return Result("ROLLBACK_INCOMPLETE", ExitCode.INCOMPLETE)

    @property
    def is_corrupted(self) -> bool:
        return self.done.get("verify-db") == "FAIL"


Tell = Callable[[str, Rollback], None]


async def roll_back(
    world: World, request: RollbackRequest, tell: Tell, tell_left: Callable[[Progress], None]
) -> Rollback:
    """The sequence, typed by hand: latch and flatten from what the exchange says, then everything else.

    Nothing is read from this machine's disks before the account is flat.
    """
    report, closer = None, ""
    if STOP in request.stages:
        latch_entries(world, "rollback", request.reason, request.by)
        known, rules = await look(world)
        report = await flatten(world.exchange, world.clock, known, rules, request.reason, tell_left, CLOSE_TIMEOUT)
        closer = "" if report.is_flat else _hand_over(world, report)
    rollback = open_incident(world, request.reason, last_run(world), closing=report is not None)
    rollback.report, rollback.closer = report, closer
    rollback.root_cause = request.root_cause or rollback.root_cause
    if report is not None:
        await book_fills(world, report)
    await after_flat(world, rollback, tell, request.stages, restore=request.restore)
    return rollback


def _hand_over(world: World, report: FlattenReport) -> str:
    """What is left goes to a process of its own, which has no time-out; returns who closes from here on."""
    sweeper = start_sweeper(world.account, None)
    closer = f"process {sweeper.pid} goes on closing" if sweeper else "NOBODY IS CLOSING"
    left = ", ".join(f"{one.symbol} {one.quantity}" for one in report.left) or "not known"
    page(world.account, f"NOT FLAT after {report.seconds:.0f} s, left: {left}; {closer}")
    return closer


def open_incident(world: World, cause: str, run_id: str, *, closing: bool = True) -> Rollback:
    """Open an incident, or join the one that is open: what a rollback that was cut short has done stays done.

    A disk that refuses holds nothing up; then the incident has no number of its own.
    """
    known = incidents.unresolved(incidents.of_account(world.account))
    now = world.clock.now()
    name = known.id if known else f"CB-{now:%Y-%m%d}-000"
    with suppress(OSError):
        if known:
            incidents.update(world, known, "rollback", joined=cause)
        else:
            name = incidents.new_incident(world, cause, run_id, "rollback")
    if closing:
        note(world, Record("flatten_started", run_id=run_id, actor="rollback", reason=cause, data={"cause": cause}))
    rollback = Rollback(name, cause, run_id, now, world.home / "logs" / "incidents" / name, opened=now)
    if known:
        rollback.opened, rollback.root_cause = known.opened, known.root_cause
        rollback.pnl, rollback.pnl_pct = known.pnl, known.pnl_pct
        rollback.done = {piece: detail for piece, detail in known.done.items() if piece in ONCE}
    return rollback


def last_run(world: World) -> str:
    started = [entry.run_id for entry in read(world.account.log_dir) if entry.event == "run_started"]
    return started[-1] if started else ""


async def after_flat(
    world: World, rollback: Rollback, tell: Tell, stages: tuple[int, ...] = STAGES, *, restore: bool = False
) -> None:
    """What follows once the closing has ended: tell the team, gather evidence in parallel, restore, write it up."""
    evidence = EvidenceFolder(rollback.folder)
    with suppress(OSError):  # each piece says for itself that it could not be written
        EvidenceFolder.create(rollback.folder)
    if STOP in stages:
        _note_flat(world, rollback)
        await _try(world, rollback, "alert", lambda: asyncio.to_thread(_alert, world, rollback))
        tell("stop", rollback)
    if INVESTIGATE in stages:
        await _investigate(world, rollback, evidence)
        tell("investigate", rollback)
    if RESTORE in stages and (restore or rollback.is_corrupted):
        await _try(world, rollback, "restore", lambda: _restore(world, rollback), RESTORE_TIMEOUT)
        tell("restore", rollback)
    await _try(world, rollback, "decision tree", lambda: _decide(world, rollback))
    if POSTMORTEM in stages:
        await _try(world, rollback, "postmortem", lambda: asyncio.to_thread(_postmortem, world, rollback))
    await _try(world, rollback, "manifest", lambda: asyncio.to_thread(lambda: str(evidence.finish())))
    _note_state(world, rollback)
    if POSTMORTEM in stages and rollback.report is not None:
        tell("postmortem", rollback)


async def _investigate(world: World, rollback: Rollback, evidence: EvidenceFolder) -> None:
    work: dict[str, Callable[[], Awaitable[str]]] = {
        "capture-logs": lambda: asyncio.to_thread(_logs, world, evidence),
        "snapshot-db": lambda: asyncio.to_thread(_snapshot, world),
        "account": lambda: _account(world, evidence),
        "pnl": lambda: _pnl(world, rollback, evidence),
    }
    await asyncio.gather(*(_try(world, rollback, name, deed) for name, deed in work.items()))
    await _try(world, rollback, "verify-db", lambda: _verify(world))


async def _try(
    world: World, rollback: Rollback, name: str, deed: Callable[[], Awaitable[str]], seconds: float = STAGE_TIMEOUT
) -> None:
    """One piece of work, unless it was done before; its failure is written down and holds up nothing."""
    if name in rollback.done:
        return
    try:
        async with asyncio.timeout(seconds):
            rollback.done[name] = await deed()
    except (CanaryError, OSError, TimeoutError) as error:
        rollback.missing[name] = str(error) or type(error).__name__
    outcome = "DONE" if name in rollback.done else "NOT DONE"
    detail = rollback.done.get(name) or rollback.missing[name]
    data = {"incident": rollback.incident, "step": name, "outcome": outcome, "detail": detail}
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
    rollback.pnl, rollback.pnl_pct = report.pnl.net, report.pnl.net_pct
    evidence.write("pnl.json", json.dumps(plain(report.pnl), indent=2))
    return f"{report.pnl.net:.2f} USDT"


def _postmortem(world: World, rollback: Rollback) -> str:
    from canary_cli.steps.postmortem import draft

    return str(draft(world, rollback.incident))


async def _restore(world: World, rollback: Rollback) -> str:
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
    rollback.done["verify-db"] = "PASS" if all(check.ok is not False for check in restored.checks) else "FAIL"
    return f"{restored.source} in {restored.seconds:.1f} s"


async def _decide(world: World, rollback: Rollback) -> str:
    """The decision tree on what is known by now. A cause nobody has named is answered like the worst."""
    from canary_cli.steps.plan import load_rollback

    tree = load_rollback(world.home).tree
    rollback.decision = decide(tree, rollback.pnl_pct, rollback.root_cause, is_corrupted=rollback.is_corrupted)
    return "; ".join(rollback.decision.actions)


def _note_state(world: World, rollback: Rollback) -> None:
    data: dict[str, Any] = {
        "incident": rollback.incident,
        "done": rollback.done,
        "missing": rollback.missing,
        "pnl": rollback.pnl,
        "pnl_pct": rollback.pnl_pct,
        "is_corrupted": rollback.is_corrupted,
        "root_cause": rollback.root_cause,
        "decision": rollback.decision,
    }
    if rollback.report is not None:
        data["state"] = "STABLE" if rollback.report.is_flat else "OPEN"
    note(world, Record("incident_updated", run_id=rollback.run_id, actor="rollback", data=data))
