"""The status blocks after each stage of a rollback, and the validations after the last: the words of the procedure.

Every value is a fact that was asked for; what was not done or is not known says so, and then the block is no green one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from canary_cli.core.policy.rollback import Restart
from canary_cli.render import output
from canary_cli.render.figures import day, money
from canary_cli.render.incidents import show_clock
from canary_cli.steps.aftermath import Validation, validations
from canary_cli.steps.rollback.state import INVESTIGATE, PASSED, POSTMORTEM, RESTORE, STOP

if TYPE_CHECKING:
    from canary_cli.steps.rollback.state import Rollback

NOT_DONE, UNKNOWN = "NOT DONE", "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Stopped:
    """After stage 1. `open_positions` as the exchange answered; None: it gave no answer."""

    signals_disabled: bool
    open_positions: int | None
    team_alerted: bool


@dataclass(frozen=True, slots=True)
class Investigated:
    """After stage 2. `pnl` in USDT, None where it is not known; `root_cause` empty where nobody has found it."""

    logs_captured: bool
    pnl: Decimal | None
    root_cause: str


@dataclass(frozen=True, slots=True)
class Restored:
    """After stage 3. `from_backup` is when the backup was taken, None where nothing was restored."""

    from_backup: datetime | None
    integrity_passed: bool | None


def show_checkpoint(stage: int, rollback: "Rollback") -> None:
    """Print the block after a stage on stdout; after the last one also the decision and the escalation clock."""
    shown = block(stage, rollback, unicode=output.speaks_unicode(output.stdout()))
    if shown:
        output.line(f"\n{shown}\n")
    if stage == POSTMORTEM and rollback.decision is not None:
        output.line(f"decision tree: {decision_line(rollback.decision)}")
    if stage == POSTMORTEM and rollback.clock is not None:
        show_clock(rollback.clock)


def decision_line(decision: Restart) -> str:
    """`POSTPONE RESTART: find the root cause; ...`, what gate 0 obeys."""
    return f"{'MAY RESTART' if decision.may_restart else 'POSTPONE RESTART'}: {'; '.join(decision.actions)}"


def block(stage: int, rollback: "Rollback", *, unicode: bool) -> str:
    report, done = rollback.report, rollback.done
    flat, latched = report is not None and report.is_flat, "latch" not in rollback.missing
    if stage == STOP:
        left = None if report is None else len(report.left)
        return after_stop(Stopped(latched, 0 if flat else left or None, "alert" in done), unicode=unicode)
    if stage == INVESTIGATE:
        return after_investigation(
            Investigated("capture-logs" in done, rollback.pnl, rollback.root_cause or ""), unicode=unicode
        )
    if stage == RESTORE:
        passed = done.get("verify-db") == PASSED if "restore" in done else None
        return after_restore(Restored(rollback.restored_from, passed), unicode=unicode)
    if stage == POSTMORTEM and report is not None:
        found = validations(flat, latched, rollback.incident, done, rollback.missing)
        return validations_block(found, unicode=unicode)
    return ""


def after_stop(facts: Stopped, *, unicode: bool = True) -> str:
    safe = facts.signals_disabled and facts.open_positions == 0
    positions = UNKNOWN if facts.open_positions is None else str(facts.open_positions)
    return _block(
        safe,
        f"System Status: {'SAFE' if safe else 'NOT SAFE'}",
        (
            f"Signal generation: {'DISABLED' if facts.signals_disabled else NOT_DONE}",
            f"Open positions: {positions}",
            f"Risk: {'MITIGATED' if safe else 'NOT MITIGATED'}",
            f"Team: {'ALERTED' if facts.team_alerted else NOT_DONE}",
        ),
        _next("Investigate root cause (Stage 2)", unicode=unicode),
        unicode=unicode,
    )


def after_investigation(facts: Investigated, *, unicode: bool = True) -> str:
    complete = facts.logs_captured and facts.pnl is not None and bool(facts.root_cause)
    pnl = f"CALCULATED ({money(facts.pnl)})" if facts.pnl is not None else NOT_DONE
    return _block(
        complete,
        f"Documentation: {'COMPLETE' if complete else 'INCOMPLETE'}",
        (
            f"Error logs: {'CAPTURED' if facts.logs_captured else NOT_DONE}",
            f"P&L: {pnl}",
            f"Root cause: {'IDENTIFIED' if facts.root_cause else NOT_DONE}",
        ),
        "Options:\n  A) Database restore needed? → Stage 3\n  B) Data OK? → Proceed to post-mortem (Stage 4)",
        unicode=unicode,
    )


def after_restore(facts: Restored, *, unicode: bool = True) -> str:
    complete = facts.from_backup is not None and facts.integrity_passed is True
    integrity = NOT_DONE if facts.integrity_passed is None else "PASS" if facts.integrity_passed else "FAIL"
    came_from = (
        f"Database restored from {day(facts.from_backup)} {facts.from_backup.astimezone(UTC):%H:%M}"
        if facts.from_backup
        else f"Database: {NOT_DONE}"
    )
    return _block(
        complete,
        f"Data Recovery: {'COMPLETE' if complete else 'INCOMPLETE'}",
        (
            came_from,
            f"Integrity verified: {integrity}",
            "System ready for restart" if complete else "System NOT ready for restart",
        ),
        _next("Post-mortem analysis (Stage 4)", unicode=unicode),
        unicode=unicode,
    )


def validations_block(validations: Iterable[Validation], *, unicode: bool = True) -> str:
    """`☑ No open positions: read flat twice` or `☐ Team notified: NOT DONE (no channel answered)`."""
    done, open_ = ("☑", "☐") if unicode else ("[x]", "[ ]")
    return "\n".join(
        f"{done} {one.text}: {one.evidence}" if one.done else f"{open_} {one.text}: {NOT_DONE} ({one.evidence})"
        for one in validations
    )


def _block(good: bool, title: str, lines: Iterable[str], end: str, *, unicode: bool) -> str:
    mark = ("✅" if good else "❌") if unicode else ("[ok]" if good else "[!!]")
    text = "\n".join([f"{mark} {title}", *(f"   - {line}" for line in lines), "", end])
    return text if unicode else text.replace("→", "->")


def _next(action: str, *, unicode: bool) -> str:
    return f"{'☑️ ' if unicode else '[>]'} Next Action: {action}"
