"""What each check found, how long it took, and how the verb ends because of them. Pure."""

from dataclasses import dataclass
from datetime import datetime

from canary_cli.core.policy.checks import Check, Decision, Status, verdict
from canary_cli.errors import ExitCode, Result


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure for monitoring systems, with the limits beyond which it warns or fails. `unit` as Nagios knows it."""

    value: float
    unit: str = ""
    warn: float | None = None
    fail: float | None = None
    low_is_bad: bool = False

    def beyond(self, limit: float | None) -> bool:
        """A value that is no number is beyond every limit."""
        if limit is None:
            return False
        return not (self.value >= limit if self.low_is_bad else self.value <= limit)


@dataclass(frozen=True, slots=True)
class Finding:
    """`evidence` is what was seen, `hint` what to do about it; `unreachable` means the exchange gave no answer."""

    status: Status
    evidence: str
    hint: str = ""
    measure: Measure | None = None
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    name: str
    finding: Finding
    seconds: float

    @property
    def check(self) -> Check:
        return Check(self.name, self.finding.status, self.finding.evidence, self.finding.hint)


@dataclass(frozen=True, slots=True)
class Report:
    """One go/no-go decision. `at` is plan time."""

    account: str
    kind: str
    plan: str
    at: datetime
    seconds: float
    checked: tuple[Checked, ...]

    def of(self, *statuses: Status) -> tuple[Checked, ...]:
        return tuple(one for one in self.checked if one.finding.status in statuses)

    @property
    def stoppers(self) -> tuple[Checked, ...]:
        return tuple(one for one in self.checked if one.finding.status.stops)

    @property
    def is_go(self) -> bool:
        return verdict([one.check for one in self.checked]) is Decision.GO

    @property
    def result(self) -> Result:
        if any(one.finding.unreachable for one in self.checked):
            return Result("EXCHANGE_UNREACHABLE", ExitCode.EXCHANGE_UNREACHABLE)
        return Result("GO") if self.is_go else Result("NO_GO", ExitCode.NO_GO)


def passed(evidence: str, measure: Measure | None = None) -> Finding:
    return Finding(Status.PASS, evidence, measure=measure)


def warned(evidence: str, hint: str, measure: Measure | None = None) -> Finding:
    return Finding(Status.WARN, evidence, hint, measure)


def failed(evidence: str, hint: str, measure: Measure | None = None) -> Finding:
    return Finding(Status.FAIL, evidence, hint, measure)


def skipped(evidence: str) -> Finding:
    return Finding(Status.SKIP, evidence)


def judged(measure: Measure, evidence: str, hint: str) -> Finding:
    """The finding that the measure's own limits give."""
    if measure.beyond(measure.fail):
        return failed(evidence, hint, measure)
    if measure.beyond(measure.warn):
        return warned(evidence, hint, measure)
    return passed(evidence, measure)
