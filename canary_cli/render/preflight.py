"""A preflight report for eyes, for scripts, and for Nagios."""

from collections.abc import Mapping
from typing import Any

from canary_cli.core.policy.checks import Status
from canary_cli.errors import CanaryError, ExitCode, Result
from canary_cli.monitor.textfile import Gauge
from canary_cli.render import output
from canary_cli.render.output import STYLES, Mark
from canary_cli.steps.preflight.finding import Checked, Measure, Report

MARKS = {
    Status.PASS: Mark.GOOD,
    Status.WARN: Mark.WARNING,
    Status.FAIL: Mark.BAD,
    Status.ERROR: Mark.UNKNOWN,
    Status.SKIP: Mark.NEUTRAL,
}
NAGIOS_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def show(report: Report) -> Result:
    """On stdout: the table, then what to do about each line that is not fine, then the decision."""
    console = output.stdout()
    table = output.table("", "check", "", "seen")
    said: dict[str, str] = {}
    for one in report.checked:
        mark = MARKS[one.finding.status]
        glyph, style = output.glyph(mark, console), STYLES[mark]
        first = said.setdefault(one.finding.evidence, one.name)
        seen = one.finding.evidence if first == one.name else f"as {first}"
        table.add_row(glyph, one.name, one.finding.status.value, seen, style=style)
    console.print(table)
    for hint, names in _hints(report).items():
        output.line(f"{', '.join(names)}: {hint}")
    output.line(decision(report), style="bold green" if report.is_go else "bold red")
    return report.result


def show_json(report: Report) -> Result:
    output.print_document(document(report))
    return report.result


def show_nagios(report: Report) -> Result:
    state = nagios_state(report)
    output.line(nagios(report))
    return Result(NAGIOS_STATES[state], ExitCode(state))


def show_nagios_failure(error: Exception) -> Result:
    """Whatever kept the checks from being made is UNKNOWN: a monitoring system reads nothing else."""
    said = error.message if isinstance(error, CanaryError) else f"bug in canary: {type(error).__name__}"
    output.line(one_line(f"CANARY UNKNOWN - {said}"))
    return Result(NAGIOS_STATES[3], ExitCode(3))


def _hints(report: Report) -> dict[str, list[str]]:
    """What to do, each said once, with the checks it is for."""
    hints: dict[str, list[str]] = {}
    for one in report.of(Status.FAIL, Status.ERROR, Status.WARN):
        if one.finding.hint:
            hints.setdefault(one.finding.hint, []).append(one.name)
    return hints


def decision(report: Report) -> str:
    counts = ", ".join(f"{len(found)} {status.value}" for status in Status if (found := report.of(status)))
    return f"{'GO' if report.is_go else 'NO-GO'}: {counts or 'nothing was checked'} in {report.seconds:.1f} s"


def document(report: Report) -> Mapping[str, Any]:
    return {
        "account": report.account,
        "kind": report.kind,
        "plan": report.plan,
        "at": report.at,
        "seconds": round(report.seconds, 3),
        "verdict": "GO" if report.is_go else "NO-GO",
        "checks": [_check(one) for one in report.checked],
        "reason": "; ".join(f"{one.name}: {one.finding.evidence}" for one in report.stoppers),
        "exit_code": report.result.code,
    }


def _check(one: Checked) -> Mapping[str, Any]:
    found = one.finding
    return {
        "name": one.name,
        "status": found.status,
        "evidence": found.evidence,
        "hint": found.hint,
        "measure": found.measure,
        "seconds": round(one.seconds, 3),
    }


def nagios_state(report: Report) -> int:
    """0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. A check that failed outweighs one that could not be made."""
    if report.of(Status.FAIL):
        return 2
    if report.of(Status.ERROR) or not report.checked:
        return 3
    return 1 if report.of(Status.WARN) else 0


def nagios(report: Report) -> str:
    """One line as monitoring plugins print it: state, text, and performance data behind the bar."""
    bad = report.of(Status.FAIL, Status.ERROR, Status.WARN)
    away = [one.name for one in bad if one.finding.unreachable]
    said = [f"exchange unreachable ({', '.join(away)})"] if away else []
    said += [f"{one.name}: {one.finding.evidence}" for one in bad if not one.finding.unreachable]
    text = "; ".join(said) or f"{len(report.of(Status.PASS))} checks pass on {report.account}"
    figures = " ".join(_figure(one.name, one.finding.measure) for one in report.checked if one.finding.measure)
    return one_line(f"CANARY {NAGIOS_STATES[nagios_state(report)]} - {text.replace('|', '/')} | {figures}")


def one_line(text: str) -> str:
    return " ".join(text.split())


def _figure(name: str, measure: Measure) -> str:
    return f"'{name}'={measure.value:g}{measure.unit};{_limit(measure, measure.warn)};{_limit(measure, measure.fail)}"


def _limit(measure: Measure, limit: float | None) -> str:
    """A range in the plugin guidelines' words: `50` alerts above 50, `50:` below."""
    return "" if limit is None else f"{limit:g}{':' if measure.low_is_bad else ''}"


def gauges(report: Report) -> list[Gauge]:
    """What `--textfile` holds. A check that could not be made is as bad as one that failed."""
    account = (report.account,)
    stops: dict[tuple[str, ...], float]
    stops = {(*account, one.name): float(one.finding.status.stops) for one in report.checked}
    figures: dict[tuple[str, ...], float]
    figures = {(*account, one.name): one.finding.measure.value for one in report.checked if one.finding.measure}
    return [
        Gauge(
            "canary_preflight_go", "1 when every check allows to go live.", ("account",), {account: float(report.is_go)}
        ),
        Gauge("canary_preflight_stops", "1 for a check that says NO-GO.", ("account", "check"), stops),
        Gauge("canary_preflight_value", "What a check measured (ms, GiB, h).", ("account", "check"), figures),
        Gauge(
            "canary_preflight_time_seconds",
            "When the checks were made.",
            ("account",),
            {account: report.at.timestamp()},
        ),
    ]
