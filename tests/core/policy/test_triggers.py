"""Thresholds: once per change of level, never on too few samples, and what no answer leads to."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.policy.plan import Action, Level, Plan
from canary_cli.core.policy.triggers import Fired, TriggerStates, is_crossing, keep, let_go, step, told
from tests.core.policy.conftest import NIGHT, NOON, WELL, readings


def run(plan: Plan, *ticks: dict[str, object], number: int = 2, n: int = 30) -> tuple[TriggerStates, list[Fired]]:
    states, fired = TriggerStates(), []
    for tick in ticks:
        states, now = step(states, readings(n, **tick), NOON, plan.phase(number), plan)
        fired += now
    return states, fired


def acts(fired: list[Fired]) -> list[tuple[str, Action]]:
    return [(one.name, one.action) for one in fired]


def test_a_good_phase_fires_nothing(plan: Plan) -> None:
    for number in (1, 2, 3):
        assert run(plan, {}, {}, number=number) == (TriggerStates(), [])


@pytest.mark.parametrize(
    ("number", "changes", "expected"),
    [
        (1, {"latency_last": 750}, []),
        (1, {"latency_last": 751}, [("latency", Action.ALERT)]),
        (1, {"latency_last": 1501}, [("latency", Action.ROLLBACK)]),
        (2, {"latency_last": 9000}, []),
        (2, {"latency_3_of_5": 1501}, [("latency, 3 of 5", Action.ROLLBACK)]),
        (2, {"fill_rate_recent": "94.9"}, [("fill rate", Action.ALERT)]),
        (2, {"fill_rate_recent": "89.9"}, [("fill rate", Action.INVESTIGATE)]),
        (2, {"BTCUSDT": 51}, [("slippage BTCUSDT", Action.CHECK_MARKET)]),
        (2, {"drawdown": "-1.51"}, [("drawdown", Action.ALERT)]),
        (3, {"drawdown": "-2.01"}, [("drawdown", Action.ALERT), ("current drawdown", Action.ALERT)]),
        (2, {"intraday_drawdown": "-1.01"}, [("intraday drawdown", Action.ALERT)]),
        (2, {"confluence_recent": "1.9"}, [("confluence", Action.SUSPEND_SIGNALS)]),
        (2, {"latency_p50": 1001}, [("latency, lasting", Action.INVESTIGATE)]),
    ],
)
def test_the_table_of_thresholds(
    plan: Plan, number: int, changes: dict[str, object], expected: list[tuple[str, Action]]
) -> None:
    assert acts(run(plan, changes, number=number)[1]) == expected


@pytest.mark.parametrize(
    ("number", "changes"),
    [(1, {"drawdown": -1}), (1, {"errors": 1}), (1, {"liquidations": 1}), (2, {"drawdown": -2}), (3, {"drawdown": -3})],
)
def test_a_hard_limit_broken_during_the_phase_rolls_back_there_and_then_and_once(
    plan: Plan, number: int, changes: dict[str, object]
) -> None:
    _, fired = run(plan, changes, changes, number=number)
    assert [one.action for one in fired].count(Action.ROLLBACK) == 1


@pytest.mark.parametrize(
    ("rate", "errors", "n", "expected"),
    [
        ("5.0", 5, 100, [("order errors", Action.STOP)]),
        ("5.01", 5, 100, [("order errors", Action.STOP), ("order errors, 5 %", Action.ROLLBACK)]),
        ("100", 1, 1, []),
        ("10", 2, 20, [("order errors", Action.STOP)]),
        ("10", 2, 19, []),
        (None, 0, 0, []),
    ],
)
def test_fault_37_error_rate_at_its_limit_one_of_one_and_none(
    plan: Plan, rate: str | None, errors: int, n: int, expected: list[tuple[str, Action]]
) -> None:
    known = readings(n, order_error_rate_recent=rate, errors_recent=errors)
    assert acts(list(step(TriggerStates(), known, NOON, plan.phase(2), plan)[1])) == expected


def test_fault_49_a_metric_that_flaps_around_its_limit_speaks_once(plan: Plan) -> None:
    flapping = [{"BTCUSDT": value} for value in (21, 19, 21, 19.5, 22, 18.1)]
    states, fired = run(plan, *flapping)
    assert acts(fired) == [("slippage BTCUSDT", Action.ALERT)]
    assert states.levels == {"slippage BTCUSDT": Level.WARNING}
    _, fired = run(plan, *flapping, {"BTCUSDT": 18})
    assert acts(fired) == [("slippage BTCUSDT", Action.ALERT), ("slippage BTCUSDT", Action.RELEASE)]


def test_each_pair_has_its_own_level_and_its_own_minimum_of_samples(plan: Plan) -> None:
    states, fired = run(
        plan, {"BTCUSDT": 60, "ETHUSDT": 5}, {"BTCUSDT": 60, "ETHUSDT": 55}, {"BTCUSDT": 5, "ETHUSDT": 55}
    )
    assert [(one.name, one.pair, one.action) for one in fired] == [
        ("slippage BTCUSDT", "BTCUSDT", Action.CHECK_MARKET),
        ("slippage ETHUSDT", "ETHUSDT", Action.CHECK_MARKET),
        ("slippage BTCUSDT", "BTCUSDT", Action.RELEASE),
    ]
    assert states.levels == {"slippage ETHUSDT": Level.CRITICAL}
    rule = next(one for one in plan.triggers if one.name == "slippage")
    patient = replace(plan, triggers=(replace(rule, min_samples=3),))
    known = readings(BTCUSDT=60, ETHUSDT=60)
    known["slippage_last ETHUSDT"] = replace(known["slippage_last ETHUSDT"], n=2)
    assert [one.pair for one in step(TriggerStates(), known, NOON, plan.phase(2), patient)[1]] == ["BTCUSDT"]


def test_what_a_person_lets_go_is_judged_from_the_beginning(plan: Plan) -> None:
    bad = readings(order_error_rate_recent=4, errors_recent=4, BTCUSDT=60)
    held, _ = step(TriggerStates(), bad, NOON, plan.phase(2), plan)
    left = let_go(held, ["order errors"])
    assert left.levels == {"slippage BTCUSDT": Level.CRITICAL}
    assert acts(list(step(left, bad, NOON, plan.phase(2), plan)[1])) == [("order errors", Action.STOP)]


def test_a_fired_name_leads_back_to_its_trigger_and_pair(plan: Plan) -> None:
    found = plan.watched_by("slippage ETHUSDT")
    assert found is not None
    assert (found[0].name, found[1]) == ("slippage", "ETHUSDT")
    assert [plan.watched_by(name) for name in ("slippage", "slippage ", "database", "latency, lasting BTCUSDT")] == [
        None
    ] * 4


def crossings(plan: Plan, states: TriggerStates, *values: int) -> tuple[TriggerStates, list[bool]]:
    """Which changes of level count as a warning, where each is told before the next look."""
    counted = []
    for value in values:
        states, fired = step(states, readings(BTCUSDT=value), NOON, plan.phase(2), plan)
        for one in fired:
            counted.append(is_crossing(states, plan, one.name, one.level))
            states = told(states, one.name, one.level)
    return states, counted


def test_only_a_crossed_warning_threshold_counts_as_a_warning(plan: Plan) -> None:
    assert crossings(plan, TriggerStates(), 21, 60, 30, 0, 60) == (ANY, [True, False, False, False, True])
    assert not is_crossing(TriggerStates(), plan, "latency, lasting", Level.CRITICAL), "it has no warning"


def test_a_restart_judges_afresh_and_counts_no_crossing_twice(plan: Plan) -> None:
    before, _ = crossings(plan, TriggerStates(), 60)
    again = TriggerStates(crossed=before.crossed)
    assert crossings(plan, again, 60)[1] == [False]
    assert crossings(plan, again, 0, 60)[1] == [False, True], "it was well meanwhile, which is told"
    assert crossings(plan, let_go(before, ["slippage BTCUSDT"]), 60)[1] == [True]


def test_what_got_well_while_nobody_ran_is_told_and_asked_about_when_it_comes_again(plan: Plan) -> None:
    """A word given before was for that time; nobody would have been asked ever after."""
    bad, well, phase = readings(parity_recent=3), readings(parity_recent=0), plan.phase(2)
    again = told(keep(TriggerStates(), "parity"), "parity", Level.CRITICAL)
    again, fired = step(again, well, NOON, phase, plan)
    assert acts(list(fired)) == [("parity", Action.RELEASE)]
    again = told(again, "parity", fired[0].level)
    for hour in (1, 4):
        again, fired = step(again, bad, NOON + timedelta(hours=hour), phase, plan)
    assert acts(list(fired)) == [("parity", Action.INVESTIGATE)]


@given(value=st.sampled_from([None, "NaN", "Infinity", "-Infinity"]), metric=st.sampled_from(sorted(WELL)))
def test_the_unmeasured_neither_raises_nor_ends_an_alarm(plan: Plan, metric: str, value: str | None) -> None:
    assert run(plan, {metric: value})[1] == []
    states, _ = run(plan, {"BTCUSDT": 60}, {"BTCUSDT": value})
    assert states.levels["slippage BTCUSDT"] is Level.CRITICAL


@given(values=st.lists(st.decimals(0, 100, places=1), min_size=1, max_size=40))
def test_levels_told_are_levels_entered(plan: Plan, values: list[Decimal]) -> None:
    """Each firing changes the level, and the last one told is the level that holds."""
    states, fired = run(plan, *({"BTCUSDT": value} for value in values))
    told = [one.level for one in fired]
    assert all(a is not b for a, b in zip([Level.NORMAL, *told], told, strict=False))
    assert states.levels.get("slippage BTCUSDT", Level.NORMAL) is (told[-1] if told else Level.NORMAL)


def waited(plan: Plan, asked: datetime, minutes: float, states: TriggerStates | None = None) -> list[Action]:
    bad = readings(fill_rate_recent=80)
    if states is None:
        states, _ = step(TriggerStates(), bad, asked, plan.phase(2), plan)
    return [one.action for one in step(states, bad, asked + timedelta(minutes=minutes), plan.phase(2), plan)[1]]


def test_with_the_crew_there_no_answer_rolls_back_after_two_minutes(plan: Plan) -> None:
    assert waited(plan, NOON, 1.99) == []
    assert waited(plan, NOON, 2) == [Action.ROLLBACK]


def test_at_night_no_answer_holds_the_size_at_two_minutes_and_rolls_back_at_ten(plan: Plan) -> None:
    assert waited(plan, NIGHT, 1.99) == []
    assert waited(plan, NIGHT, 2) == [Action.STOP]
    assert waited(plan, NIGHT, 10) == [Action.ROLLBACK]
    bad, phase = readings(fill_rate_recent=80), plan.phase(2)
    states, _ = step(TriggerStates(), bad, NIGHT, phase, plan)
    states, _ = step(states, bad, NIGHT + timedelta(minutes=2), phase, plan)
    assert waited(plan, NIGHT, 9.9, states) == []
    assert waited(plan, NIGHT, 10, states) == [Action.ROLLBACK]


def test_a_question_keeps_the_time_that_was_named_when_it_was_asked(plan: Plan) -> None:
    """The page of 08:53 says ten minutes; whoever comes at nine has three left, and none were left at nine sharp."""
    before, after = NOON.replace(hour=8, minute=53), NOON.replace(hour=14, minute=59)
    assert waited(plan, before, 7.5) == [Action.STOP]
    assert waited(plan, before, 10) == [Action.ROLLBACK]
    assert waited(plan, after, 2) == [Action.ROLLBACK]


def test_a_human_who_decides_against_ends_the_clock(plan: Plan) -> None:
    states, _ = step(TriggerStates(), readings(fill_rate_recent=80), NOON, plan.phase(2), plan)
    assert waited(plan, NOON, 60, keep(states, "fill rate")) == []


def test_a_metric_that_recovers_ends_the_clock(plan: Plan) -> None:
    states, _ = run(plan, {"fill_rate_recent": 80}, {"fill_rate_recent": 100})
    assert states == TriggerStates()


def test_the_signal_rate_must_be_off_for_three_hours(plan: Plan) -> None:
    states, fired = TriggerStates(), []
    for hour in range(5):
        known = readings(signals_per_hour=0)
        states, now = step(states, known, NOON + timedelta(hours=hour), plan.phase(3), plan)
        fired.append(acts(list(now)))
    assert fired == [[], [], [], [("too few signals", Action.INVESTIGATE)], [("too few signals", Action.ROLLBACK)]]


def hourly(plan: Plan, began: datetime, *differing: object) -> list[list[tuple[str, Action]]]:
    """What fires when parity is looked up once an hour, and finds so many bars."""
    states, told = TriggerStates(), []
    for hour, found in enumerate(differing):
        at = began + timedelta(hours=hour)
        states, fired = step(states, readings(parity_recent=found), at, plan.phase(2), plan)
        told.append(acts(list(fired)))
    return told


def test_parity_lost_for_three_hours_asks_and_for_less_says_nothing(plan: Plan) -> None:
    assert hourly(plan, NOON, 1, 2, 0, 1, 1, 0, 1) == [[]] * 7
    assert hourly(plan, NOON, 1, 2, None, 1) == [[], [], [], [("parity", Action.INVESTIGATE)]]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(NOON, {2: Action.ROLLBACK}), (NIGHT, {2: Action.STOP, 10: Action.ROLLBACK})],
    ids=["with the crew there", "at night"],
)
def test_a_question_about_signals_falls_as_any_other_where_nobody_answers(
    plan: Plan, asked: datetime, expected: dict[int, Action]
) -> None:
    bad, phase, states = readings(parity_recent=3), plan.phase(2), TriggerStates()
    for hour in (-3, 0):
        states, _ = step(states, bad, asked + timedelta(hours=hour), phase, plan)
    assert [clock.trigger for clock in states.clocks] == ["parity"]
    kept = keep(states, "parity")
    for minute in range(1, 12):
        states, fired = step(states, bad, asked + timedelta(minutes=minute), phase, plan)
        assert [one.action for one in fired] == ([expected[minute]] if minute in expected else [])
        assert step(kept, bad, asked + timedelta(minutes=minute), phase, plan)[1] == ()
