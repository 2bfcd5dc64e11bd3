"""A plan on the screen: clock times, stakes, gates and thresholds, in that order."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

from canary_cli.core.policy.plan import Check, Kind, Phase, Plan, Trigger
from canary_cli.core.policy.vocabulary import METRICS, PER_PAIR
from canary_cli.render import figures, output
from canary_cli.steps.plan import Shown

_KINDS = {Kind.HARD: "FAIL", Kind.SOFT: "warning", Kind.EVIDENCE: "INCONCLUSIVE"}


def show_checked(read: Mapping[Path, Any], *, as_json: bool) -> None:
    if as_json:
        files = [{"file": path, "sha256": getattr(what, "sha256", None)} for path, what in read.items()]
        output.print_document({"files": files, "reason": "PLAN_OK", "exit_code": 0})
        return
    for path, what in read.items():
        output.line(f"{path}: OK{_summary(what)}")


def _summary(what: Any) -> str:
    if not isinstance(what, Plan):
        return ""
    gates = sum(_rows(phase) for phase in what.phases)
    return f", {len(what.phases)} phases, {gates} checks, {len(what.triggers)} triggers, sha256 {what.sha256[:12]}"


def _rows(phase: Phase) -> int:
    """What the gate will judge: its checks, and the row that counts the warnings."""
    return len(phase.gate.checks) + 1


def show(shown: Shown, *, as_json: bool) -> None:
    if as_json:
        output.print_document(_document(shown))
        return
    plan = shown.plan
    output.notice(str(shown.path))
    output.line(f"PLAN {plan.name} {plan.version}  sha256 {plan.sha256[:12]}", style="bold")
    output.stdout().print(_schedule(shown))
    output.stdout().print(_stakes(shown))
    _readings_of_ten_percent(shown)
    for phase in plan.phases:
        output.stdout().print(_gate(phase))
    output.stdout().print(_triggers(plan))
    _crew(plan)


def _crew(plan: Plan) -> None:
    crew = plan.crew
    output.line(f"Crew {crew.opens:%H:%M} to {crew.closes:%H:%M} UTC. A question that nobody answers")
    output.line(f"  rolls back after {_span(crew.rollback_inside)} while they are there;")
    output.line(
        f"  else it holds the size after {_span(crew.stop_outside)}, rolls back after {_span(crew.rollback_outside)}."
    )
    output.line("Money triggers never wait.")


def _document(shown: Shown) -> dict[str, Any]:
    document: dict[str, Any] = output.plain(shown)
    crew = shown.plan.crew
    document["plan"]["crew"] |= {"opens": f"{crew.opens:%H:%M}", "closes": f"{crew.closes:%H:%M}"}
    return {**document, "metrics": METRICS, "reason": "DONE", "exit_code": 0}


def _span(length: timedelta) -> str:
    """As a plan writes it: `30 min`, `1 h 30 min`."""
    left, words = int(length.total_seconds()), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words) or "0 s"


def _schedule(shown: Shown) -> Table:
    made = output.table("UTC", "step", "what", title=f"Schedule, starting {figures.instant(shown.start)}")
    for due in shown.schedule:
        made.add_row(_clock(due.at, shown.start), due.step.name, _what(shown.plan, due.step.name))
    return made


def _clock(at: datetime, start: datetime) -> str:
    """The title says the day; another day is marked."""
    days = (at.date() - start.date()).days
    return f"{at:%H:%M}" + (f" {days:+d} d" if days else "")


def _what(plan: Plan, step: str) -> str:
    kind, _, number = step.partition(" ")
    if step == "prerequisites":
        return "preflight may run any number of times"
    if step == "gate 0":
        zero = plan.gate_zero
        return (
            f"go/no-go within {_span(zero.decide)}; red: troubleshoot "
            f"{_span(zero.troubleshoot)}, else postpone by {_span(zero.postpone)}"
        )
    if kind == "phase":
        phase = plan.phase(int(number))
        pairs = f"{len(phase.pairs)} pairs" if phase.pairs else f"all pairs (at most {plan.risk.max_pairs})"
        return f"{figures.share(phase.fraction)} of volume, {_span(phase.duration)}, {pairs}"
    if kind == "gate":
        phase = plan.phase(int(number))
        return (
            f"{_rows(phase)} checks; unproven: extend by {_span(phase.extend)}, "
            f"at most {_span(phase.max_extend)}; promote: {phase.promote}"
        )
    return ""


def _stakes(shown: Shown) -> Table:
    title = f"At stake with {figures.money(shown.equity)} of equity"
    made = output.table("phase", "a trade loses", "full positions", "all stops filled", "gross", "probes", title=title)
    for column in made.columns[1:]:
        column.justify = "right"
    for one in shown.stakes:
        made.add_row(
            str(one.phase),
            f"{figures.money(one.risk)} ({figures.percent(one.risk_pct, 1)})",
            str(one.full_positions),
            f"{figures.money(one.all_stops)} ({figures.percent(one.all_stops_pct, 1)})",
            figures.money(one.gross),
            f"{one.probes}, {figures.money(one.probe_cost)}",
        )
    return made


def _readings_of_ten_percent(shown: Shown) -> None:
    """`10 %` can mean volume or capital; the plan means volume, and says what the other reading would be."""
    first, trip = shown.stakes[0], shown.plan.breaker.trip
    share = figures.share(shown.plan.phases[0].fraction)
    output.line(f"{share} of volume (this plan): every trade is {share} of its normal size and loses")
    output.line(
        f"  at most {figures.money(first.risk)}; the breaker at {figures.number(trip)} % is of the whole account."
    )
    output.line(f"{share} of capital (the other reading): a stake of {figures.money(first.sleeve)} of which")
    output.line(
        f"  a trade loses {figures.percent(first.sleeve_risk_pct, 1)}; the same breaker would be "
        f"{figures.number(first.sleeve_trip_pct)} % of that stake."
    )
    output.line(f"All stops together stay short of the breaker ({figures.money(-trip * shown.equity / 100)}).")


def _gate(phase: Phase) -> Table:
    made = output.table("goes on while", "else", "measured", title=f"Gate {phase.number}")
    made.columns[0].no_wrap = True
    for check in phase.gate.checks:
        made.add_row(f"{check.metric} {check.op} {figures.number(check.limit)}", _else(check), METRICS[check.metric])
    made.add_row(f"warnings <= {phase.gate.max_warnings}", "FAIL", METRICS["warnings"] + ", and soft rows outside")
    return made


def _else(check: Check) -> str:
    if check.by_construction:
        return "by construction"
    words = _KINDS[check.kind]
    if check.at_once:
        return f"{words} at once"
    return f"{words} ({check.min_errors} errors)" if check.min_errors else words


def _triggers(plan: Plan) -> Table:
    """Each metric stands under its trigger: beside it, at 80 columns, its name would be cut in two."""
    made = output.table("trigger", "warning", "critical", "does", "samples", title="Watched all the time")
    made.columns[0].min_width = 2 + max(len(trigger.metric) for trigger in plan.triggers)
    made.columns[3].no_wrap = True
    for trigger in plan.triggers:
        made.add_row(
            f"{trigger.name}{_where(trigger)}\n  {trigger.metric}",
            _limit(trigger, trigger.warning),
            _limit(trigger, trigger.critical) + _lasting(trigger),
            trigger.action.value if trigger.critical is not None else "alert",
            str(trigger.min_samples),
        )
    made.add_row(
        "breaker\n  drawdown",
        f"<= {figures.number(plan.breaker.pre_trip)}",
        f"<= {figures.number(plan.breaker.trip)}",
        "rollback",
        "1",
    )
    return made


def _where(trigger: Trigger) -> str:
    return (" (each pair)" if trigger.metric in PER_PAIR else "") + _phases(trigger)


def _phases(trigger: Trigger) -> str:
    return f" (phase {', '.join(map(str, trigger.phases))})" if trigger.phases else ""


def _lasting(trigger: Trigger) -> str:
    return f" for {_span(trigger.lasting)}" if trigger.lasting else ""


def _limit(trigger: Trigger, limit: Decimal | None) -> str:
    return figures.MISSING if limit is None else f"{'>' if trigger.worse == 'above' else '<'} {figures.number(limit)}"
