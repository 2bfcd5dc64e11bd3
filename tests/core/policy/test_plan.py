"""Plans: the shipped one holds every number of the design, and a wrong one is refused with every problem named."""

import copy
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.metrics import Metrics
from canary_cli.core.accounting.metrics import readings as read_metrics
from canary_cli.core.policy.exposure import stakes
from canary_cli.core.policy.fields import parse_span
from canary_cli.core.policy.gates import Evidence
from canary_cli.core.policy.parsing import parse_plan
from canary_cli.core.policy.plan import Crew, Plan, Promote, unknown_pairs
from canary_cli.core.policy.vocabulary import METRICS, PER_PAIR
from canary_cli.errors import ExitCode, PlanError
from tests.core.policy.conftest import HOME, NOON, WELL

DOCUMENT = tomllib.loads((HOME / "runbooks" / "golive.toml").read_text(), parse_float=Decimal)
MINUTE = timedelta(minutes=1)
Document = dict[str, Any]


def refused(change: Callable[[Document], Any]) -> str:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    with pytest.raises(PlanError) as caught:
        parse_plan(document, "0" * 64)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert "canary plan check" in caught.value.hint
    return caught.value.message


def test_the_shipped_plan_has_the_design_s_schedule(plan: Plan) -> None:
    at = [(step.name, step.at / MINUTE) for step in plan.sequence[:8]]
    assert at == [
        ("prerequisites", -60), ("gate 0", 0), ("phase 1", 30), ("gate 1", 60), ("phase 2", 60), ("gate 2", 180),
        ("phase 3", 180), ("gate 3", 240)]  # fmt: skip
    assert plan.gate_zero.postpone == 360 * MINUTE
    assert plan.gate_zero.troubleshoot == 15 * MINUTE
    assert [phase.fraction for phase in plan.phases] == [Decimal("0.1"), Decimal("0.5"), Decimal("1.0")]
    assert [phase.min_orders for phase in plan.phases] == [5, 20, 20]
    assert [phase.promote for phase in plan.phases] == [Promote.AUTO, Promote.ASK, Promote.ASK]
    assert plan.phase(1).pairs == ("BTCUSDT", "ETHUSDT", "BNBUSDT")
    assert plan.phase(3).pairs == ()
    with pytest.raises(KeyError):
        plan.phase(4)


def test_what_the_shipped_plan_may_lose(plan: Plan) -> None:
    first, second, third = stakes(plan, Decimal(10_000))
    assert [(s.risk, s.all_stops, s.gross, s.full_positions) for s in (first, second, third)] == [
        (10, 30, 10_000, 3), (50, 150, 30_000, 3), (100, 250, 50_000, 2)]  # fmt: skip
    assert first.probe_cost == Decimal("2.52")
    assert (first.sleeve, first.sleeve_risk_pct, first.sleeve_trip_pct) == (1000, 1, -30)


def test_the_vocabulary_is_what_is_measured() -> None:
    measured = {*read_metrics(Metrics(), Curve(), NOON), *Evidence().readings()}
    assert measured == set(METRICS) - PER_PAIR
    filled = Metrics().ordered("a", "BTCUSDT", "entry", 9, Decimal(1))
    filled = filled.filled("a", "BTCUSDT", "entry", Decimal(1), Decimal(2))
    by_pair = {one.metric for one in read_metrics(filled, Curve(), NOON).values() if one.pair}
    assert by_pair == PER_PAIR
    assert set(WELL) <= measured


def test_unknown_pairs_are_named_with_their_phase(plan: Plan) -> None:
    assert unknown_pairs(plan, plan.pairs) == ()
    assert unknown_pairs(plan, [p for p in plan.pairs if p != "ADAUSDT"]) == ("phase 2: ADAUSDT",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["phase"][0].pop("gate"), "phase 1.gate: is missing"),
        (lambda d: d["phase"][0]["gate"].pop("checks"), "phase 1.gate: has no checks"),
        (lambda d: d["phase"][1]["gate"]["checks"].clear(), "phase 2.gate: has no checks"),
        (lambda d: d["phase"][0]["gate"]["checks"][0].update(metric="latency_p59"), "did you mean latency_p95?"),
        (lambda d: d["phase"][0]["gate"]["checks"][0].update(limit=Decimal("NaN")), "latency_max.limit: is NaN"),
        (lambda d: d["phase"][0]["gate"]["checks"][0].update(limit=float("inf")), "latency_max.limit: is inf"),
        (lambda d: d["phase"][0]["gate"]["checks"][0].update(limit=True), "latency_max.limit: is True"),
        (lambda d: d["phase"][0]["gate"]["checks"][0].update(op="!="), 'latency_max.op: is "!="'),
        (lambda d: d["phase"][1].update(at="45 min"), "while phase 1 lasts until 1:00:00"),
        (lambda d: d["phase"][0].update(at="10 min"), "starts before gate 0 is decided"),
        (lambda d: d["phase"][2].update(fraction=Decimal("0.2")), "smaller than the phase before"),
        (lambda d: d["phase"][1].update(number=3), "numbers are [1, 3, 3]"),
        (lambda d: d["phase"][1].update(pairs=[]), "names no pair"),
        (lambda d: d["phase"][1].update(pairs="most"), 'pairs: is "most"'),
        (lambda d: d["phase"][1]["pairs"].append("BTCUSDT"), "names BTCUSDT 2 times"),
        (lambda d: d["phase"][1].update(pairs=[f"P{i}USDT" for i in range(21)]), "names 21 pairs"),
        (lambda d: d["phase"][2]["caps"].update(open_risk=3), "all stops filled lose 3 % of equity"),
        (lambda d: d["phase"][2]["gate"]["checks"][4].update(limit=-4), "beyond the breaker at -3.0 %"),
        (lambda d: d["phase"][0].update(extend="3 h"), "extend: is longer than max_extend"),
        (lambda d: d["phase"][0]["probes"].update(cap=21), "from 1 to 20"),
        (lambda d: d.update(phase=[]), "phase: there is none"),
        (lambda d: d["breaker"].update(pre_trip=-3), "is not reached before trip"),
        (lambda d: d["breaker"].update(trip=3), "breaker.trip: is 3"),
        (lambda d: d["risk"].update(quota_reserve=10), "from 20 to 99"),
        (lambda d: d["risk"].update(leverage=5), "risk.leverage: is no key of this table"),
        (lambda d: d.update(surprise=1), "surprise: is no key of this table"),
        (lambda d: d.pop("crew"), "crew: is missing"),
        (lambda d: d["crew"].update(opens="9 o'clock"), "crew.opens: is \"9 o'clock\""),
        (lambda d: d["plan"].update(start="2026-02-22T10:00"), "an instant with its zone"),
        (lambda d: d["silence"].update(stream="30"), "silence.stream: is \"30\""),
        (lambda d: d["trigger"][0].update(warning=2000), "warning lies beyond its critical"),
        (lambda d: d["trigger"][5].pop("warning"), "has no limit"),
        (lambda d: d["trigger"][0].update(phases=[7]), "names phase 7"),
        (lambda d: d["trigger"][1].update(name="latency"), "is there 2 times"),
        (lambda d: d["trigger"][4].update(metric="slippage_worst_pair"), "slippage.action: holds one pair"),
        (lambda d: d["phase"][0]["gate"]["checks"][0].update(metric="slippage_last"), "is measured pair by pair"),
        (lambda d: d["phase"][2]["gate"]["checks"][0].update(metric="signals_per_hour"), "is never a gate"),
        (lambda d: d["trigger"][9].update(metric="order_error_rate"), "its hold would never end"),
        (lambda d: d["trigger"][0].update(action="pray"), 'action: is "pray"'),
    ],
)  # fmt: skip
def test_a_wrong_plan_is_refused_and_says_where_and_what(change: Callable[[Document], Any], said: str) -> None:
    message = refused(change)
    assert said in message
    assert "\n" not in message, "one mistake, one line"


def test_every_problem_is_named_at_once() -> None:
    def change(document: Document) -> None:
        del document["phase"][0]["gate"]
        document["risk"]["collar_bps"] = Decimal("NaN")
        document["phase"][1]["at"] = "45 min"

    lines = refused(change).splitlines()
    assert lines[0] == "3 problems"
    assert len(lines) == 4


@given(path=st.lists(st.integers(0, 100), min_size=1, max_size=4), junk=st.sampled_from([None, {}, [], "x", -1, True]))
def test_no_damage_to_a_plan_escapes_as_anything_but_a_plan_error(path: list[int], junk: Any) -> None:
    """Replace anything anywhere: the plan is refused in words, or was still a plan."""
    document = copy.deepcopy(DOCUMENT)
    place: Any = document
    for index in path:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = keys[index % len(keys)]
        if not isinstance(place[key], (dict, list)) or index is path[-1]:
            place[key] = junk
            break
        place = place[key]
    try:
        parse_plan(document, "0" * 64)
    except PlanError as error:
        assert error.message


def test_the_fingerprint_is_of_the_file(plan: Plan) -> None:
    from hashlib import sha256

    assert plan.sha256 == sha256(Path(HOME / "runbooks" / "golive.toml").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "seconds"), [("30 min", 1800), ("1 h 30 min", 5400), ("-1 h", -3600), ("90s", 90), ("2 d", 172800)]
)
def test_lengths_of_time_in_words(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "min", "1.5 h", "1 hour", 30, None, "-"])
def test_what_is_no_length_of_time(text: object) -> None:
    assert parse_span(text) is None


@pytest.mark.parametrize(
    ("opens", "closes", "at", "there"),
    [(9, 15, 9, True), (9, 15, 15, False), (9, 15, 3, False), (22, 6, 23, True), (22, 6, 5, True), (22, 6, 12, False)],
)
def test_the_crew_s_window_may_lie_over_midnight(opens: int, closes: int, at: int, there: bool) -> None:
    crew = Crew(time(opens), time(closes), MINUTE, MINUTE, MINUTE)
    now = datetime(2026, 2, 22, at, tzinfo=UTC)
    assert crew.is_watching(now) is there
    change = crew.changes_at(now)
    assert now < change <= now + timedelta(days=1)
    assert [crew.is_watching(when) for when in (change - MINUTE, change)] == [there, not there]
