"""From the text of a plan to a `Plan`, or to one error that names everything wrong with it."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.core.policy.comparing import OPERATORS
from canary_cli.core.policy.consistency import contradictions
from canary_cli.core.policy.fields import Fields, Problem
from canary_cli.core.policy.plan import (
    Action,
    Caps,
    Check,
    Crew,
    Gate,
    GateZero,
    Kind,
    Liquidity,
    Phase,
    Plan,
    ProbeCost,
    Probes,
    Promote,
    RiskLimits,
    SignalLimits,
    Silence,
    Step,
    Trigger,
)
from canary_cli.core.policy.vocabulary import METRICS
from canary_cli.errors import PlanError

MOMENT = timedelta(seconds=1)
LONG_AGO = timedelta(days=-7)


def parse_plan(document: Mapping[str, Any], sha256: str) -> Plan:
    """The plan in a parsed TOML document. Raises PlanError with one line for every problem."""
    problems: list[Problem] = []
    plan = _plan(Fields(document, "", problems), sha256)
    spoiled = {problem.section for problem in problems}
    problems += [problem for problem in contradictions(plan) if problem.section not in spoiled]
    if problems:
        raise PlanError(describe(problems), "mend the plan, then: canary plan check")
    return plan


def describe(problems: list[Problem]) -> str:
    """One line for one problem, else a count and a line each."""
    if len(problems) == 1:
        return str(problems[0])
    return "\n  ".join((f"{len(problems)} problems", *map(str, dict.fromkeys(problems))))


def _plan(fields: Fields, sha256: str) -> Plan:
    head = fields.table("plan")
    phases = tuple(_phase(phase) for phase in fields.tables("phase", "phase"))
    gate_zero = _gate_zero(fields.table("gate_zero"))
    made = Plan(
        name=head.text("name"),
        version=head.text("version"),
        sha256=sha256,
        start=head.instant("start"),
        drawdown_base=head.choice("drawdown_base", ("account",), "account"),
        probe_cost=_probe_cost(fields.table("probe_cost")),
        crew=_crew(fields.table("crew")),
        gate_zero=gate_zero,
        phases=phases,
        triggers=tuple(_trigger(trigger) for trigger in fields.tables("trigger", "trigger")),
        breaker=_breaker(fields.table("breaker")),
        risk=_risk(fields.table("risk")),
        silence=_silence(fields.table("silence")),
        signals=_signals(fields.table("signals")),
        sequence=_sequence(fields, gate_zero, phases),
    )
    head.finish()
    fields.finish()
    return made


def _phase(fields: Fields) -> Phase:
    number = fields.whole("number", 1, 9)
    min_orders = fields.whole("min_orders", 1, 100_000)
    extend = fields.span("extend", low=MOMENT)
    made = Phase(
        number=number,
        name=fields.text("name"),
        starts_at=fields.span("at"),
        duration=fields.span("lasts", low=MOMENT),
        fraction=fields.number("fraction", "0.000001", "1"),
        pairs=_pairs(fields),
        caps=_caps(fields.table("caps")),
        gate=_gate(fields.table("gate"), number, min_orders),
        extend=extend,
        max_extend=fields.span("max_extend"),
        min_orders=min_orders,
        promote=Promote(fields.choice("promote", [word.value for word in Promote])),
        watch=fields.span("watch", low=MOMENT),
        probes=_probes(fields.table("probes")) if fields.has("probes") else None,
    )
    fields.finish()
    return made


def _pairs(fields: Fields) -> tuple[str, ...]:
    """`pairs = "all"`, or the pairs by name."""
    if fields.is_text("pairs"):
        fields.choice("pairs", ("all",))
        return ()
    pairs = fields.words("pairs")
    if not pairs:
        fields.wrong("pairs", "names no pair", 'name some, or write pairs = "all"')
    return pairs


def _gate(fields: Fields, number: int, min_orders: int) -> Gate:
    """The rows as written, and the evidence every gate asks for: enough orders, and enough time with fresh readings."""
    checks = tuple(_check(check, fields.where) for check in fields.tables("checks", f"{fields.where}.check"))
    covered = fields.number("min_covered", "1", "100", "90")
    made = Gate(f"gate {number}", _with_evidence(checks, min_orders, covered), fields.whole("max_warnings", 0, 100, 2))
    fields.finish()
    return made


def _with_evidence(checks: tuple[Check, ...], min_orders: int, covered: Decimal) -> tuple[Check, ...]:
    """Nothing for a gate without rows: evidence alone is not a gate."""
    if not checks:
        return ()
    return (
        *checks,
        Check("orders", ">=", Decimal(min_orders), Kind.EVIDENCE),
        Check("covered", ">=", covered, Kind.EVIDENCE),
    )


def _check(fields: Fields, where: str) -> Check:
    metric = _metric(fields)
    fields.where = f"{where}.{metric}"
    made = Check(
        metric=metric,
        op=fields.choice("op", OPERATORS),
        limit=fields.number("limit", "-1000000", "1000000"),
        kind=Kind(fields.choice("kind", [word.value for word in Kind], Kind.HARD.value)),
        min_n=fields.whole("min_n", 0, 100_000, 1),
        min_errors=fields.whole("min_errors", 0, 1000, 0),
        at_once=fields.flag("at_once"),
        by_construction=fields.flag("by_construction"),
    )
    fields.finish()
    return made


def _metric(fields: Fields) -> str:
    """A name of the vocabulary; another is noted with the nearest that exists."""
    name = fields.text("metric")
    if name and name not in METRICS:
        near = get_close_matches(name, METRICS, n=1) or list(METRICS)
        fields.wrong("metric", f'"{name}" is no metric', f"did you mean {near[0]}?")
    return name


def _trigger(fields: Fields) -> Trigger:
    name = fields.text("name")
    fields.where = f"trigger {name}"
    made = Trigger(
        name=name,
        metric=_metric(fields),
        worse=fields.choice("worse", ("above", "below")),
        action=Action(fields.choice("action", [word.value for word in Action if word is not Action.RELEASE], "alert")),
        warning=fields.number("warning", "-1000000", "1000000") if fields.has("warning") else None,
        critical=fields.number("critical", "-1000000", "1000000") if fields.has("critical") else None,
        min_samples=fields.whole("min_samples", 1, 100_000, 1),
        min_errors=fields.whole("min_errors", 0, 1000, 0),
        margin=fields.number("margin", "0", "1", "0.1"),
        lasting=fields.span("lasting", timedelta()),
        phases=fields.wholes("phases", ()),
    )
    fields.finish()
    return made


def _caps(fields: Fields) -> Caps:
    made = Caps(fields.number("open_risk", "0.000001", "100"), fields.number("gross", "0.000001", "125"))
    fields.finish()
    return made


def _probes(fields: Fields) -> Probes:
    made = Probes(fields.span("every", low=MOMENT), fields.whole("cap", 1, 20))
    fields.finish()
    return made


def _probe_cost(fields: Fields) -> ProbeCost:
    made = ProbeCost(fields.number("notional", "1", "10000"), fields.number("round_trip_bps", "0", "1000"))
    fields.finish()
    return made


def _crew(fields: Fields) -> Crew:
    made = Crew(
        opens=fields.clock("opens"),
        closes=fields.clock("closes"),
        rollback_inside=fields.span("rollback_inside", low=MOMENT),
        stop_outside=fields.span("stop_outside", low=MOMENT),
        rollback_outside=fields.span("rollback_outside", low=MOMENT),
    )
    fields.finish()
    return made


def _gate_zero(fields: Fields) -> GateZero:
    made = GateZero(fields.span("at"), fields.span("decide"), fields.span("troubleshoot"), fields.span("postpone"))
    fields.finish()
    return made


def _breaker(fields: Fields) -> BreakerLimits:
    made = BreakerLimits(fields.number("pre_trip", "-100", "-0.000001"), fields.number("trip", "-100", "-0.000001"))
    fields.finish()
    return made


def _risk(fields: Fields) -> RiskLimits:
    made = RiskLimits(
        per_trade=fields.number("per_trade", "0.000001", "100"),
        max_pairs=fields.whole("max_pairs", 1, 20),
        duplicate_window=fields.span("duplicate_window", low=MOMENT),
        collar_bps=fields.number("collar_bps", "1", "5000"),
        margin_reserve=fields.number("margin_reserve", "0", "100"),
        quota_reserve=fields.number("quota_reserve", "20", "99"),
        liquidity=_liquidity(fields.table("liquidity")),
    )
    fields.finish()
    return made


def _liquidity(fields: Fields) -> Liquidity:
    made = Liquidity(
        depth_share=fields.number("depth_share", "0.000001", "1"),
        depth_bps=fields.number("depth_bps", "1", "1000"),
        minutes=fields.number("minutes", "0.000001", "1000"),
        required=fields.flag("required"),
    )
    fields.finish()
    return made


def _silence(fields: Fields) -> Silence:
    made = Silence(fields.span("stream", low=MOMENT), fields.span("database", low=MOMENT))
    fields.finish()
    return made


def _signals(fields: Fields) -> SignalLimits:
    made = SignalLimits(
        fields.number("min_confluence", "0", "4"),
        fields.number("min_confidence", "0", "100"),
        fields.number("min_alignment", "0", "100"),
    )
    fields.finish()
    return made


def _sequence(fields: Fields, gate_zero: GateZero, phases: tuple[Phase, ...]) -> tuple[Step, ...]:
    """The deeds in order of time. Those of phases and gates follow from the phases; the rest is written down."""
    frame = fields.table("sequence")
    before = Step("prerequisites", frame.span("prerequisites", low=LONG_AGO))
    after = frame.words("hand_off")
    frame.finish()
    held = [
        Step(f"{what} {phase.number}", at)
        for phase in phases
        for what, at in (("phase", phase.starts_at), ("gate", phase.ends_at))
    ]
    end = max((phase.ends_at for phase in phases), default=timedelta())
    return (before, Step("gate 0", gate_zero.at), *held, *(Step(name, end) for name in after))
