"""Incidents on screen: a table, the escalation clock, what the decision tree says of each."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from canary_cli.core.policy.rollback import Rollback
from canary_cli.render import output
from canary_cli.steps.escalating import Clock
from canary_cli.steps.incidents import Incident, State, answer, obstacle

_STYLES = {State.OPEN: "bold red", State.STABLE: "yellow", State.CLOSED: "dim"}


def show(account: str, incidents: Sequence[Incident], plan: Rollback, clock: Clock | None, now: datetime) -> None:
    """`clock` is that of the incident which nobody has closed; a closed one may still keep a run from beginning."""
    if not incidents:
        output.line(f"no incident on {account}")
        return
    table = output.table("incident", "state", "age", "cause", "P&L", "root cause")
    table.columns[0].no_wrap = True
    for one in incidents:
        pnl = "?" if one.pnl_pct is None else f"{one.pnl_pct:.2f} %"
        table.add_row(
            one.id, one.state, _age(one, now), one.cause, pnl, one.root_cause or "", style=_STYLES[one.state]
        )  # fmt: skip
    output.stdout().print(table)
    output.line(f"{incidents[-1].id}: {_next(incidents[-1], plan)}")
    in_the_way, way_out = obstacle(incidents, plan.tree, account)
    if clock is not None:
        show_clock(clock)
    elif in_the_way:
        output.line(f"no run begins: {in_the_way}")
        output.notice(f"next:  {way_out}")


def _age(one: Incident, now: datetime) -> str:
    return minutes(one.age(now)) if one.is_unresolved else f"{one.opened:%Y-%m-%d %H:%M}"


def minutes(span: timedelta) -> str:
    whole = int(span / timedelta(minutes=1))
    return f"{whole // 60} h {whole % 60} min" if whole >= 60 else f"{whole} min"


def _next(one: Incident, plan: Rollback) -> str:
    if not one.rolled_back:
        return f"kept by {one.closed_by}" if one.closed_by else "decide" if one.trigger else "roll back"
    found = answer(one, plan.tree)
    return "; ".join(found.actions) + (f"; reviewed by {one.reviewed_by}" if one.reviewed_by else "")


def show_clock(clock: Clock) -> None:
    """Each level with its time, its people and its decision; the one reached is marked."""
    one = clock.incident
    output.line(f"{one.id} {one.state} for {minutes(clock.age)}")
    for level in clock.plan.escalations:
        acked = f" (acknowledged by {one.acks[level.level]})" if level.level in one.acks else ""
        mark = output.glyph(output.Mark.NEXT if level == clock.level else output.Mark.NEUTRAL, output.stdout())
        since = f"{one.opened + level.after:%H:%M}"
        output.line(f"  {mark} {since} {clock.people(level)}: {level.decision}{acked}")
    output.notice(f"next:  {clock.next_command}")


def document(account: str, incidents: Sequence[Incident], plan: Rollback, clock: Clock | None) -> dict[str, object]:
    return {
        "account": account,
        "incidents": [{**output.plain(one), "decision": output.plain(answer(one, plan.tree))} for one in incidents],
        "clock": None if clock is None else _clock(clock),
    }


def _clock(clock: Clock) -> dict[str, object]:
    return {
        "incident": clock.incident.id,
        "age_seconds": clock.age.total_seconds(),
        "level": clock.level.level,
        "people": clock.people(clock.level),
        "decision": clock.level.decision,
        "next": clock.next_command,
    }
