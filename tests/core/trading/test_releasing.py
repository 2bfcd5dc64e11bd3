"""What a trigger holds while nothing trades ends by a named person's word, and what the world holds does not."""

from dataclasses import replace
from decimal import Decimal

import pytest

from canary_cli.core.accounting.metrics import Metrics, Seen
from canary_cli.core.policy.plan import Action, Level
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.policy.triggers import DecisionClock, Fired
from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.effects import Journal, RaiseAlert, SnapshotBook
from canary_cli.core.trading.facts import TriggerFired, TriggersReleased
from canary_cli.core.trading.inputs import ArmAgain, ConditionChanged, EnterPhase, Tick
from canary_cli.core.trading.record import from_data, to_data
from canary_cli.core.trading.releasing import held_back
from canary_cli.core.trading.standing import risk_context, session_readings, trading_state
from tests.core.trading.conftest import Desk


def measured(good: int = 96, bad: int = 0, **slipped: str) -> Metrics:
    """So many orders acknowledged and refused; then one of each pair that slipped so far, in bps."""
    metrics = Metrics()
    for number in range(good):
        metrics = metrics.ordered(f"good-{number}", "BTCUSDT", "entry", 40.0, Decimal(1))
    for number in range(bad):
        metrics = metrics.rejected(f"bad-{number}", "BTCUSDT", "entry")
    return slip(metrics, **slipped)


def slip(metrics: Metrics, **slipped: str) -> Metrics:
    for pair, bps in slipped.items():
        name = f"{pair}-{metrics.execution.count}"
        metrics = metrics.ordered(name, pair, "probe", 40.0, Decimal(1))
        metrics = metrics.filled(name, pair, "probe", Decimal(1), Decimal(bps))
    return metrics


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """In phase 2, where a single error rolls nothing back."""
    desk.tell(EnterPhase(desk.now, desk.state.setup.plan.phase(2), ("BTCUSDT", "ETHUSDT"), None))
    return desk


def see(desk: Desk, metrics: Metrics) -> list[str]:
    """The figures are these now; the names of the triggers that fire."""
    desk.state = replace(desk.state, metrics=metrics)
    effects = desk.tell(Tick(desk.now))
    return [one.fact.name for one in effects if isinstance(one, Journal) and isinstance(one.fact, TriggerFired)]


def held(desk: Desk) -> list[tuple[str, str]]:
    return [(one.trigger, one.what) for one in held_back(desk.state)]


def test_the_stop_for_order_errors_ends_by_a_persons_word_and_old_errors_do_not_bring_it_back(watched: Desk) -> None:
    watched.state = replace(watched.state, metrics=measured(bad=4))
    told = [one for one in watched.tell(Tick(watched.now)) if isinstance(one, RaiseAlert)]
    (page,) = (one for one in told if one.severity == "CRITICAL")
    assert "or by word: canary trading enable --by NAME" in page.message
    assert held(watched) == [("order errors", "all entries")]
    effects = watched.tell(ArmAgain(watched.now, "ana", "keys mended", ("order errors",)))
    assert trading_state(watched.state) == (TradingState.ACTIVE, "")
    assert [one.key for one in effects if isinstance(one, RaiseAlert)] == ["trigger/released"]

    after = watched.state.metrics
    assert see(watched, after) == []
    for number in range(19):
        after = after.ordered(f"new-{number}", "BTCUSDT", "entry", 40.0, Decimal(1))
    see(watched, after.rejected("late", "BTCUSDT", "entry"))
    assert trading_state(watched.state)[0] is TradingState.ACTIVE, "one error of twenty is a warning"
    errors = after.rejected("late", "BTCUSDT", "entry").rejected("later", "BTCUSDT", "entry")
    assert see(watched, errors) == ["order errors"]
    assert trading_state(watched.state)[0] is TradingState.REDUCING


def test_only_what_was_seen_is_let_go(watched: Desk) -> None:
    see(watched, measured(bad=4, ETHUSDT="60"))
    watched.tell(ArmAgain(watched.now, "ana", "a thin book", ("slippage ETHUSDT",)))
    assert held(watched) == [("order errors", "all entries")]
    watched.tell(ArmAgain(watched.now, "ana", "a word of an older version"))
    assert held(watched) == [("order errors", "all entries")]


def test_what_the_world_holds_is_not_let_go_by_hand(watched: Desk) -> None:
    watched.tell(ConditionChanged(watched.now, "database", True, "away"))
    assert held(watched) == []
    watched.tell(ArmAgain(watched.now, "ana", "hope", ("database",)))
    assert "database" in watched.state.conditions


def test_a_hold_that_waits_for_an_answer_is_not_let_go_but_kept_or_rolled_back(watched: Desk) -> None:
    fired = Fired("order errors", Level.CRITICAL, Decimal(4), Decimal(3), 50, Action.INVESTIGATE)
    see(watched, measured(bad=4))
    clocks = (DecisionClock("order errors", watched.now, fired),)
    watched.state = replace(watched.state, triggers=replace(watched.state.triggers, clocks=clocks))
    watched.tell(ArmAgain(watched.now, "ana", "hope", ("order errors",)))
    assert [(one.trigger, one.waits) for one in held_back(watched.state)] == [("order errors", True)]


def test_each_pair_that_slips_is_held_by_itself_and_let_go_by_itself(watched: Desk) -> None:
    assert see(watched, measured(BTCUSDT="60")) == ["slippage BTCUSDT"]
    both = slip(watched.state.metrics, ETHUSDT="55")
    watched.state = replace(watched.state, metrics=both)
    effects = watched.tell(Tick(watched.now))
    assert [one.symbol for one in effects if isinstance(one, SnapshotBook)] == ["ETHUSDT"]
    assert [one.key for one in effects if isinstance(one, RaiseAlert)] == ["trigger/slippage ETHUSDT"]
    assert risk_context(watched.state, "BTCUSDT").held_pairs == {"BTCUSDT", "ETHUSDT"}

    see(watched, slip(watched.state.metrics, BTCUSDT="3"))
    assert risk_context(watched.state, "BTCUSDT").held_pairs == {"ETHUSDT"}
    assert not risk_context(watched.state, "BTCUSDT").signals_suspended

    watched.tell(ArmAgain(watched.now, "ana", "the maker is back", ("slippage ETHUSDT",)))
    assert (held(watched), see(watched, watched.state.metrics)) == ([], [])
    assert see(watched, slip(watched.state.metrics, ETHUSDT="51")) == ["slippage ETHUSDT"]


def test_signals_that_are_suspended_are_let_go_and_the_gate_keeps_their_mean(watched: Desk) -> None:
    low = Seen(watched.now, Decimal("1.5"), Decimal(80), Decimal(90), "BTCUSDT", "BUY")
    assert see(watched, watched.state.metrics.evaluated(low)) == ["confluence"]
    assert held(watched) == [("confluence", "entries by signal")]
    assert risk_context(watched.state, "ETHUSDT").signals_suspended
    watched.tell(ArmAgain(watched.now, "ana", "a wrong candle, mended", ("confluence",)))
    assert (held(watched), see(watched, watched.state.metrics)) == ([], [])
    assert session_readings(watched.state)["confluence"].value == Decimal("1.5")


def test_replay_lets_go_too_and_a_trigger_the_plan_no_longer_has_changes_nothing(watched: Desk) -> None:
    see(watched, measured(bad=4))
    fact = TriggersReleased(watched.now, ("order errors", "no such trigger"), "ana", "mended")
    again = from_data(fact.event, to_data(fact))
    assert again == fact
    rebuilt = apply(watched.state, fact)
    assert rebuilt.metrics == watched.state.metrics.afresh("order_error_rate_recent")


def test_a_line_from_before_triggers_had_pairs_is_read() -> None:
    data = {"time": "2026-02-22T12:00:00+00:00", "name": "slippage", "level": "critical", "value": "60", "limit": "50",
            "n": 1, "action": "check-market"}  # fmt: skip
    fact = from_data("trigger", data)
    assert isinstance(fact, TriggerFired)
    assert fact.pair == ""
