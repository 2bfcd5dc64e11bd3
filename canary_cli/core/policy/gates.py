"""The verdict at the end of a phase. Unmeasured is never PASS, and too little evidence never rolls anything back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.accounting.numbers import finite
from canary_cli.core.accounting.reading import Reading
from canary_cli.core.policy.comparing import holds
from canary_cli.core.policy.plan import Check, Gate, Kind

ERROR_COUNT = "errors"


class Verdict(StrEnum):
    PASS = "PASS"  # noqa: S105
    WARNING = "WARNING"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One row as it was judged; `value` None is unmeasured. `counts` is False where the row is shown only."""

    metric: str
    value: Decimal | None
    op: str
    limit: Decimal
    n: int
    window: str
    population: str
    verdict: Verdict
    detail: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """`reasons` say in words why it is not a plain PASS; `warnings` is how many were counted against the gate."""

    verdict: Verdict
    checks: tuple[CheckResult, ...]
    reasons: tuple[str, ...]
    warnings: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a gate must know that no window holds. None is unmeasured.

    Parity: bars of the phase the live engine judged, of how many there were, and decisions that the batch engine on the
    same klines does not repeat. `audit_gaps` are lines missing from the journal; `sign_offs` people who have not said
    yes, by name of what they sign.
    """

    bars_judged: int = 0
    bars_closed: int = 0
    parity_mismatches: int | None = None
    breaker_self_test: bool | None = None
    pairs_operational: int = 0
    pairs_wanted: int = 0
    audit_lines: int = 0
    audit_gaps: int | None = None
    sign_offs_missing: tuple[str, ...] | None = None

    def readings(self) -> dict[str, Reading]:
        missing = self.sign_offs_missing
        found = (
            _count("parity_mismatches", self.parity_mismatches, self.bars_judged, "decisions against the batch engine"),
            _count("bars_missed", self.bars_closed - self.bars_judged, self.bars_closed, "closed bars"),
            _count(
                "breaker_self_test",
                None if self.breaker_self_test is None else int(self.breaker_self_test),
                1,
                "a copy of the session, just beyond the limit",
            ),
            _count("pairs_missing", self.pairs_wanted - self.pairs_operational, self.pairs_wanted, "pairs"),
            _count("audit_gaps", self.audit_gaps, self.audit_lines, "journal lines"),
            _count("sign_offs_missing", None if missing is None else len(missing), 1, ", ".join(missing or ())),
        )
        return {reading.metric: reading for reading in found}


def _count(metric: str, value: int | None, n: int, population: str) -> Reading:
    return Reading(metric, None if value is None else Decimal(value), n, population, "phase")


def judge(gate: Gate, readings: Mapping[str, Reading], evidence: Evidence) -> GateVerdict:
    """All rows, then what they come to: a broken hard row or too many warnings FAIL before anything else is asked."""
    if not gate.checks:
        return GateVerdict(Verdict.FAIL, (), (f"{gate.name} has no checks",))
    known = {**readings, **evidence.readings()}
    rows = [_row(check, known) for check in gate.checks]
    warnings = _warnings(gate, rows, known)
    rows.append(_warnings_row(gate, warnings, known))
    return _combined(tuple(rows), warnings, known)


def _row(check: Check, readings: Mapping[str, Reading]) -> CheckResult:
    reading = readings.get(check.metric)
    if reading is None:
        return _result(check, None, Verdict.FAIL, "nothing measures this")
    if reading.value is not None and not reading.value.is_finite():
        return _result(check, reading, Verdict.FAIL, f"{reading.value} is no number")
    good = holds(reading.value, check.op, check.limit)
    if reading.value is None and reading.n >= check.min_n:
        return _result(check, reading, Verdict.INCONCLUSIVE, "not measured yet")
    if reading.value is None or (reading.n < check.min_n and (good or check.kind is not Kind.HARD)):
        return _result(check, reading, Verdict.INCONCLUSIVE, f"{reading.n} of {check.min_n} samples")
    if good:
        return _result(check, reading, Verdict.PASS, "")
    return _result(check, reading, *_broken(check, readings))


def _broken(check: Check, readings: Mapping[str, Reading]) -> tuple[Verdict, str]:
    if check.kind is Kind.EVIDENCE:
        return Verdict.INCONCLUSIVE, "not proven yet"
    if check.kind is Kind.SOFT and not check.by_construction:
        return Verdict.WARNING, "outside its limit"
    counted = readings.get(ERROR_COUNT)
    errors = finite(counted.value) if counted is not None else None
    if errors is not None and errors < check.min_errors:
        return Verdict.WARNING, f"a rate fails on {check.min_errors} errors, there was {errors}"
    return Verdict.FAIL, "the entry rule forbids this" if check.by_construction else "outside its limit"


def _result(check: Check, reading: Reading | None, verdict: Verdict, detail: str) -> CheckResult:
    """A by-construction row says nothing while it holds or is unmeasured; broken, it counts like any other."""
    detail = "; ".join(filter(None, ("by construction" if check.by_construction else "", detail)))
    counts = not check.by_construction or verdict is Verdict.FAIL
    if reading is None:
        return CheckResult(check.metric, None, check.op, check.limit, 0, "", "", verdict, detail, counts)
    return CheckResult(
        check.metric,
        reading.value,
        check.op,
        check.limit,
        reading.n,
        reading.window,
        reading.population,
        verdict,
        detail,
        counts,
    )


def _warnings(gate: Gate, rows: Sequence[CheckResult], readings: Mapping[str, Reading]) -> int:
    """Crossings and rejected orders of the phase, and each soft row outside its limit."""
    soft = sum(
        row.verdict is Verdict.WARNING and check.kind is Kind.SOFT for check, row in zip(gate.checks, rows, strict=True)
    )
    told = readings.get("warnings")
    return soft + (int(told.value) if told is not None and told.value is not None and told.value.is_finite() else 0)


def _warnings_row(gate: Gate, warnings: int, readings: Mapping[str, Reading]) -> CheckResult:
    told = readings.get("warnings")
    if told is None or told.value is None:
        verdict, detail = Verdict.INCONCLUSIVE, "warnings were not counted"
    elif warnings > gate.max_warnings:
        verdict, detail = Verdict.FAIL, "too many warnings"
    else:
        verdict, detail = (Verdict.WARNING, "") if warnings else (Verdict.PASS, "")
    limit = Decimal(gate.max_warnings)
    who = "crossings, rejected orders, soft rows outside"
    return CheckResult("warnings", Decimal(warnings), "<=", limit, told.n if told else 0, "phase", who, verdict, detail)


def _combined(rows: tuple[CheckResult, ...], warnings: int, readings: Mapping[str, Reading]) -> GateVerdict:
    counted = [row for row in rows if row.counts]
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        reasons = tuple(reason(row) for row in counted if row.verdict is verdict)
        if reasons:
            return GateVerdict(verdict, rows, reasons, warnings)
    reasons = tuple(reason(row) for row in counted if row.verdict is Verdict.WARNING)
    entries = readings.get("strategy_orders")
    if entries is None or not entries.value:
        reasons = ("on execution evidence only: no signal was traded", *reasons)
    return GateVerdict(Verdict.WARNING if reasons else Verdict.PASS, rows, reasons, warnings)


def reason(row: CheckResult) -> str:
    """`latency_p95 612 is not < 500 (n=24, 24 orders, phase)`."""
    value = "unmeasured" if row.value is None else f"{row.value:.4f}".rstrip("0").rstrip(".")
    said = "is not" if row.verdict is not Verdict.PASS else "is"
    where = ", ".join(filter(None, (f"n={row.n}", row.population, row.window, row.detail)))
    if row.value is None or (row.verdict is not Verdict.PASS and holds(row.value, row.op, row.limit)):
        return f"{row.metric} {value}: {where}"
    return f"{row.metric} {value} {said} {row.op} {row.limit} ({where})"
