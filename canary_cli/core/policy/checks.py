"""Go or no-go: named checks and what they come to. Nothing checked is not GO."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    PASS = "PASS"  # noqa: S105
    WARN = "WARN"
    SKIP = "SKIP"  # does not apply here; the detail says why
    FAIL = "FAIL"
    ERROR = "ERROR"  # could not be looked at

    @property
    def stops(self) -> bool:
        return self in (Status.FAIL, Status.ERROR)


class Decision(StrEnum):
    GO = "GO"
    NO_GO = "NO-GO"


@dataclass(frozen=True, slots=True)
class Check:
    """`detail` is what was seen, `hint` what to do about it, `evidence` where it can be read again."""

    name: str
    status: Status
    detail: str
    hint: str = ""
    evidence: tuple[str, ...] = field(default=())


def verdict(checks: Sequence[Check]) -> Decision:
    """GO when something was checked, something passed, and nothing failed or could not be looked at."""
    proven = any(check.status in (Status.PASS, Status.WARN) for check in checks)
    return Decision.GO if proven and not any(check.status.stops for check in checks) else Decision.NO_GO
