"""One rollback as it goes: what was asked for, what is done, what is missing, how it ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from canary_cli.core.policy.rollback import Cause, Restart
from canary_cli.errors import ExitCode, Result
from canary_cli.journal.record import Entry
from canary_cli.session.flattening import FlattenReport
from canary_cli.steps.interrupting import Interrupted

if TYPE_CHECKING:
    from canary_cli.steps.escalating import Clock

PASSED = "PASS"
"""What verify-db comes to when nothing is wrong."""

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
    the account is not flat, `interrupted` what cut the rollback short. `is_corrupted` is what verify-db said of the
    ledger last, None while it was not asked.
    `clock` is the escalation's, at the end. `lines` are the journal's as far as they have been read: a long one takes
    seconds.
    """

    incident: str
    cause: str
    run_id: str
    began: datetime
    folder: Path
    report: FlattenReport | None = None
    trip_seconds: float = 0.0
    closer: str = ""
    interrupted: Interrupted | None = None
    opened: datetime | None = None
    restored_from: datetime | None = None
    pnl: Decimal | None = None
    pnl_pct: Decimal | None = None
    root_cause: Cause | None = None
    is_corrupted: bool | None = None
    decision: Restart | None = None
    clock: "Clock | None" = None
    lines: tuple[Entry, ...] = field(default=(), repr=False)
    done: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def result(self) -> Result:
        """ROLLED_BACK only when the exchange, asked again, said flat."""
        if self.interrupted is not None:
            return self.interrupted.result
        if self.report is None:
            return Result("STAGE_DONE") if not self.missing else Result("NOT_DONE", ExitCode.HUMAN_NEEDED)
        if self.report.is_flat:
            return Result("ROLLED_BACK", ExitCode.ROLLED_BACK)
        return Result("ROLLBACK_INCOMPLETE", ExitCode.INCOMPLETE)


Tell = Callable[[int, Rollback], None]
"""Told of each stage by its number, when it is over."""
