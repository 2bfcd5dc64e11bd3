"""The pieces of work that a rollback is made of, by their names in `runbooks/rollback.toml`.

Each says what it found, or raises why it could not be done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from canary_cli.bootstrap import World
from canary_cli.core.policy.rollback import Step, decide
from canary_cli.errors import ConfigurationError, DatabaseCorrupted, DatabaseError, ExchangeUnreachable
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.steps.latching import note
from canary_cli.steps.rollback import gathering
from canary_cli.steps.rollback.state import PASSED, Rollback

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


async def latched(world: World, rollback: Rollback) -> str:  # noqa: ARG001
    """Read back from the disk: what was not written stops no session, whatever was meant."""
    found = read_latches(world.account.state_dir)
    if not found:
        raise OSError("no latch is on disk: a session may open positions again")
    return f"set by {', '.join(one.source for one in found)}"


async def flattened(world: World, rollback: Rollback) -> str:  # noqa: ARG001
    """What the closing came to."""
    report = rollback.report
    if report is None or not report.is_flat:
        raise ExchangeUnreachable("NOT FLAT: exposure remains")
    return f"{len(report.closed)} positions closed, verified flat"


def first_word(world: World, incident: str, cause: str) -> str:
    """What is said while the closing goes on: that it does, why, under which number, and who is called."""
    from canary_cli.core.policy.rollback import escalation
    from canary_cli.steps.escalating import called
    from canary_cli.steps.plan import contacts_to_call, rollback_to_run

    level = escalation(rollback_to_run(world.home)[0], timedelta())
    whom = called(level, contacts_to_call(world.home))
    return f"CANARY ROLLBACK {incident} begun, closing everything: {cause}. {whom}"


def say_first_word(world: World, incident: str, words: str) -> None:
    """Loads what alerts need, which may hang."""
    from canary_cli.alerts import Alert, Severity
    from canary_cli.steps.escalating import CONDITION

    world.alerts.send(Alert(words, Severity.CRITICAL, CONDITION, incident))
    data = {"severity": "CRITICAL", "message": words, "key": CONDITION}
    note(world, Record("alert", actor="rollback", reason=words, data=data))


async def alert(world: World, rollback: Rollback) -> str:
    """The second word: whether flat was verified, to the level that is reached by now."""
    return await asyncio.to_thread(_alert, world, rollback)


def _alert(world: World, rollback: Rollback) -> str:
    """Waits a moment to learn what became of it. Raises TimeoutError where no channel took it, ConfigurationError
    where there is none; others tell the level then.
    """
    from canary_cli.alerts import Alert, Fate, Severity
    from canary_cli.steps.escalating import CONDITION, clock_of

    report, at = rollback.report, clock_of(world, rollback.incident)
    state = "verified flat" if report is not None and report.is_flat else "NOT FLAT: exposure remains"
    message = f"CANARY ROLLBACK {rollback.incident}: {rollback.cause}. {state}. {at.called(at.level) if at else ''}"
    receipt = world.alerts.send(Alert(message.strip(), Severity.CRITICAL, CONDITION, rollback.incident))
    receipt.wait(ALERT_PATIENCE)
    told = ", ".join(f"{one.channel} {one.fate}" for one in receipt.deliveries)
    sent = any(one.fate is Fate.SENT for one in receipt.deliveries)
    data = {"severity": "CRITICAL", "message": message, "channel": told, "sent": sent}
    note(world, Record("alert", run_id=rollback.run_id, actor="rollback", reason=message, data=data))
    if not told:
        raise ConfigurationError("no channel is configured", "set SLACK_BOT_TOKEN")
    if not sent:
        raise TimeoutError(f"{told}; what waits is said as soon as it can be")
    if at is not None:
        level = {"incident": rollback.incident, "told": at.level.level, "roles": at.level.roles}
        note(world, Record("incident_updated", run_id=rollback.run_id, actor="rollback", data=level))
    return told


async def verify(world: World, rollback: Rollback) -> str:
    """The ledger takes in what the journal has beyond it, then is checked; it may lag while a run still writes."""
    from canary_cli.steps.verify_db import verify_db

    try:
        for _ in range(VERIFY_TRIES):
            await asyncio.to_thread(_catch_up, world)
            found = await asyncio.to_thread(verify_db, world)
            if found.ok:
                break
            await world.clock.pause(0.5)
    except DatabaseCorrupted:
        rollback.is_corrupted = True
        raise
    rollback.is_corrupted = found.is_corrupted
    return PASSED if found.ok else "; ".join(f"{one.name}: {one.detail}" for one in found.checks if one.ok is False)


def _catch_up(world: World) -> None:
    with suppress(DatabaseError):  # a run's own writer may be at the very same lines
        world.ledger.apply(read(world.account.log_dir, after_seq=world.ledger.caught_up_to()))


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
    """The decision tree on what is known by now, stored for gate 0. An unknown cause is answered like the worst."""
    from canary_cli.steps.plan import rollback_to_run

    tree = rollback_to_run(world.home)[0].tree
    is_corrupted = rollback.is_corrupted is True
    rollback.decision = decide(tree, rollback.pnl_pct, rollback.root_cause, is_corrupted=is_corrupted)
    known = {name: getattr(rollback, name) for name in ("pnl", "pnl_pct", "is_corrupted", "root_cause", "decision")}
    data = {"incident": rollback.incident, **known}
    note(world, Record("incident_updated", run_id=rollback.run_id, actor="rollback", data=data))
    return "; ".join(rollback.decision.actions)


async def write_up(world: World, rollback: Rollback) -> str:
    from canary_cli.steps.postmortem import draft

    return str(await asyncio.to_thread(draft, world, rollback.incident, rollback.lines))


async def prove(world: World, rollback: Rollback) -> str:  # noqa: ARG001
    """The manifest, of everything that lies in the folder by now."""
    return str(await asyncio.to_thread(EvidenceFolder(rollback.folder).finish))


def note_state(world: World, rollback: Rollback) -> None:
    """The end of it. One that was cut short has not ended: the next goes on with what is `done`."""
    data: dict[str, Any] = {"incident": rollback.incident, "rolled_back": rollback.report is not None or None}
    if rollback.interrupted is None:
        data |= {"done": rollback.done, "missing": rollback.missing, "rolled_back": rollback.report is not None}
    if rollback.report is not None:
        data["state"] = "STABLE" if rollback.report.is_flat else "OPEN"
    note(world, Record("incident_updated", run_id=rollback.run_id, actor="rollback", data=data))


PIECES: Mapping[Step, Callable[[World, Rollback], Awaitable[str]]] = {
    Step.LATCH: latched,
    Step.FLATTEN: flattened,
    Step.ALERT: alert,
    Step.CAPTURE_LOGS: gathering.logs,
    Step.SNAPSHOT_DB: gathering.snapshot,
    Step.ACCOUNT: gathering.account,
    Step.PNL: gathering.profit_and_loss,
    Step.METRICS: gathering.metrics,
    Step.BOOKS: gathering.books,
    Step.CONFIGURATION: gathering.configuration,
    Step.VERIFY_DB: verify,
    Step.RESTORE: restore,
    Step.DECISION_TREE: decide_restart,
    Step.POSTMORTEM: write_up,
    Step.MANIFEST: prove,
}
"""Latch and flatten are done before, by whoever closes: theirs say what that came to."""
