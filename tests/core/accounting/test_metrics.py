"""Windows of execution and strategy evidence, figure by figure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.accounting import execution
from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.execution import slippage_bps
from canary_cli.core.accounting.metrics import SPACED, Metrics, Reading, Seen, readings
from canary_cli.core.accounting.numbers import percentile
from canary_cli.core.model import Side
from canary_cli.core.signals import SignalSettings

NOW = datetime(2026, 2, 22, 12, tzinfo=UTC)
ONE = Decimal(1)


def read(metrics: Metrics, name: str, curve: Curve | None = None, now: datetime = NOW) -> Reading:
    return readings(metrics, curve or Curve(), now)[name]


def value(metrics: Metrics, name: str) -> Decimal | None:
    return read(metrics, name).value


def sent(metrics: Metrics, number: int, latency: float = 100, purpose: str = "entry", filled: str = "1") -> Metrics:
    """An order of one unit, acknowledged, filled that far, and over."""
    name = f"c{number}"
    metrics = metrics.ordered(name, "BTCUSDT", purpose, latency, ONE)
    if Decimal(filled):
        metrics = metrics.filled(name, "BTCUSDT", purpose, Decimal(filled), Decimal(2))
    return metrics.ended(name)


def many(*latencies: float) -> Metrics:
    metrics = Metrics()
    for number, latency in enumerate(latencies):
        metrics = sent(metrics, number, latency)
    return metrics


def test_nothing_measured_is_none_and_never_zero() -> None:
    empty = readings(Metrics(), Curve(), NOW)
    counts = {"errors", "errors_recent", "orders", "strategy_orders", "evaluations", "liquidations", "warnings"}
    assert {name for name, one in empty.items() if one.value is not None} == counts


def test_latency_in_the_five_ways_it_is_judged() -> None:
    metrics = many(100, 1600, 200, 1700, 300, 1800)
    assert value(metrics, "latency_max") == 1800
    assert value(metrics, "latency_last") == 1800
    assert value(metrics, "latency_3_of_5") == 1600
    assert value(metrics, "latency_p95") == 1800
    assert value(metrics, "latency_p50") == 300


def test_latency_is_told_leg_by_leg_and_a_fill_counts_once() -> None:
    metrics = Metrics().ordered("a", "BTCUSDT", "entry", 120, ONE, 100)
    for after in (130, 150):
        metrics = metrics.filled("a", "BTCUSDT", "entry", ONE / 2, Decimal(2), after)
    metrics = metrics.filled("b", "BTCUSDT", "entry", ONE, Decimal(2), 90)  # the stream overtook the reply
    metrics = metrics.ordered("b", "BTCUSDT", "entry", 110, ONE, 105)
    assert value(metrics, "latency_send_p95") == 20
    assert value(metrics, "latency_ack_p95") == 105
    assert (value(metrics, "latency_fill_p95"), read(metrics, "latency_fill_p95").n) == (130, 2)


def test_three_of_five_needs_three_and_forgets_the_sixth() -> None:
    assert value(many(9000, 9000), "latency_3_of_5") is None
    assert value(many(9000, 9000, 9000), "latency_3_of_5") == 9000
    assert value(many(9000, 1, 2, 9000, 9000, 3), "latency_3_of_5") == 3


def test_an_order_still_filling_is_not_counted_as_unfilled() -> None:
    waiting = Metrics().ordered("a", "BTCUSDT", "entry", 10, ONE)
    assert value(waiting, "fill_rate") is None
    half = waiting.filled("a", "BTCUSDT", "entry", Decimal("0.5"), None)
    assert value(half, "fill_rate") is None
    assert value(half.ended("a"), "fill_rate") == 50
    assert value(half.filled("a", "BTCUSDT", "entry", Decimal("0.5"), None), "fill_rate") == 100


def test_a_fill_may_come_before_its_acknowledgement() -> None:
    early = Metrics().filled("a", "BTCUSDT", "entry", ONE, Decimal(3))
    assert value(early, "orders") == 0
    known = early.ordered("a", "BTCUSDT", "entry", 120, ONE)
    assert (value(known, "orders"), value(known, "fill_rate"), value(known, "slippage_mean")) == (1, 100, 3)
    assert read(known, "errors").n == 1


def test_the_worst_pair_is_named() -> None:
    metrics = sent(Metrics(), 1)
    metrics = metrics.ordered("e", "ETHUSDT", "probe", 10, ONE).filled("e", "ETHUSDT", "probe", ONE / 2, Decimal(60))
    worst = read(metrics.ended("e"), "fill_rate_worst_pair")
    assert (worst.value, worst.population) == (50, "ETHUSDT")
    slipped = read(metrics, "slippage_worst_pair")
    assert (slipped.value, slipped.population) == (60, "ETHUSDT")


def test_slippage_is_told_of_each_pair_by_itself() -> None:
    metrics = sent(sent(Metrics(), 1), 2)
    metrics = metrics.ordered("e", "ETHUSDT", "probe", 10, ONE).filled("e", "ETHUSDT", "probe", ONE, Decimal(60))
    found = [read(metrics, f"slippage_last {pair}") for pair in ("BTCUSDT", "ETHUSDT")]
    assert [(one.pair, one.value, one.n) for one in found] == [("BTCUSDT", 2, 2), ("ETHUSDT", 60, 1)]


def test_a_figure_that_looks_back_begins_afresh_alone_and_the_phase_forgets_nothing() -> None:
    metrics = sent(Metrics(), 1).rejected("r", "ETHUSDT", "entry").rejected("s", "ETHUSDT", "entry")
    metrics = metrics.ordered("e", "ETHUSDT", "probe", 900, ONE).filled("e", "ETHUSDT", "probe", ONE, Decimal(60))
    fresh = metrics.afresh("order_error_rate_recent")
    assert (value(fresh, "order_error_rate_recent"), read(fresh, "errors_recent").n) == (None, 0)
    assert read(metrics.afresh("errors_recent"), "errors_recent").n == 0
    assert (value(fresh, "errors"), value(fresh, "order_error_rate"), value(fresh, "warnings")) == (2, 50, 2)
    assert (value(fresh, "latency_last"), value(fresh, "slippage_last ETHUSDT")) == (900, 60)
    again = sent(fresh, 2).rejected("t", "BTCUSDT", "entry").resolved("r", found=True)
    assert (value(again, "errors_recent"), read(again, "errors_recent").n) == (1, 2)

    fresh = metrics.afresh("slippage_last", "ETHUSDT").afresh("latency_last").afresh("fill_rate_recent")
    assert "slippage_last ETHUSDT" not in readings(fresh, Curve(), NOW)
    assert (value(fresh, "slippage_last BTCUSDT"), value(fresh, "slippage_worst_pair")) == (2, 60)
    assert (value(fresh, "latency_last"), value(fresh, "latency_max"), read(fresh, "fill_rate_recent").n) == (
        None,
        900,
        0,
    )


def test_a_figure_begun_afresh_stays_so_when_old_orders_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "KEPT", 10)
    metrics = many(*[100] * 9).rejected("r", "BTCUSDT", "entry").afresh("order_error_rate_recent")
    for number in range(100, 103):
        metrics = sent(metrics, number)
    assert (value(metrics, "errors_recent"), read(metrics, "errors_recent").n) == (0, 3)
    assert value(metrics, "errors") == 1


def test_confluence_looks_back_for_its_trigger_and_over_the_phase_for_its_gate() -> None:
    low, high = (Seen(NOW, Decimal(score), Decimal(80), Decimal(90)) for score in ("1.5", "3.5"))
    fresh = Metrics().evaluated(low).evaluated(low).afresh("confluence_recent")
    assert (value(fresh, "confluence_recent"), value(fresh, "confluence")) == (None, Decimal("1.5"))
    seen = fresh.evaluated(high)
    assert (value(seen, "confluence_recent"), read(seen, "confluence_recent").n, read(seen, "confluence").n) == (
        Decimal("3.5"), 1, 3,
    )  # fmt: skip


def test_stops_and_strangers_say_nothing_about_fills_and_orders() -> None:
    metrics = sent(Metrics(), 1)
    resting = metrics.ordered("s", "BTCUSDT", "stop", 90, Decimal(0)).filled("s", "BTCUSDT", "stop", ONE, Decimal(500))
    foreign = resting.filled("x", "BTCUSDT", "foreign", ONE, Decimal(500))
    assert value(foreign, "orders") == 1
    assert value(foreign, "slippage_mean") == 2
    assert read(foreign, "errors").n == 2, "a stop is an order that may fail, too"


def test_unknown_is_an_error_until_found() -> None:
    unknown = sent(Metrics(), 1).unknown("u", "BTCUSDT", "entry")
    assert value(unknown, "order_error_rate") == 50
    assert value(unknown.resolved("u", found=True), "order_error_rate") == 0
    assert value(unknown.resolved("u", found=False), "order_error_rate") == 50
    assert value(unknown.filled("u", "BTCUSDT", "entry", ONE, None), "errors") == 0


def test_rejected_orders_are_errors_and_warnings() -> None:
    metrics = sent(Metrics(), 1).rejected("r", "BTCUSDT", "entry").warned()
    assert (value(metrics, "errors"), value(metrics, "order_success"), value(metrics, "warnings")) == (1, 50, 2)


def test_execution_and_strategy_evidence_are_kept_apart() -> None:
    metrics = sent(sent(Metrics(), 1, purpose="probe"), 2, purpose="probe_exit")
    assert (value(metrics, "orders"), value(metrics, "strategy_orders")) == (2, 0)
    assert read(metrics, "orders").population == "2 orders, 2 of them probes"
    assert value(sent(metrics, 3), "strategy_orders") == 1


def test_long_phases_forget_orders_but_not_their_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "KEPT", 10)
    metrics = many(9000, *[100] * 29).rejected("r", "BTCUSDT", "entry")
    for number in range(100, 120):
        metrics = sent(metrics, number)
    assert len(metrics.execution.sent) == 10
    assert value(metrics, "warnings") == 1, "the gate still counts what was rejected"
    assert (value(metrics, "latency_max"), value(metrics, "latency_p95")) == (9000, 100)
    assert (value(metrics, "orders"), value(metrics, "strategy_orders"), value(metrics, "errors")) == (50, 50, 1)
    assert read(metrics, "errors").n == 51


def test_signals_and_their_rate_over_a_day() -> None:
    metrics = Metrics()
    for hour in range(24):
        seen = Seen(NOW + timedelta(hours=hour), Decimal("3.5"), Decimal(80 + hour % 2), Decimal(90), f"P{hour}")
        metrics = metrics.evaluated(None).evaluated(seen).fresh(Decimal(3600))
    assert value(metrics, "evaluations") == 48
    assert value(metrics, "confidence") == Decimal("80.5")
    rate = read(metrics, "signals_per_hour", now=NOW + timedelta(hours=24))
    assert (rate.value, rate.n) == (1, 24)
    assert read(metrics, "signals_per_hour", now=NOW + timedelta(hours=47)).value == ONE / 24
    assert value(Metrics().fresh(Decimal(3600)), "signals_per_hour") is None


def test_a_signal_that_repeats_itself_is_counted_once_and_a_storm_of_new_ones_whole() -> None:
    def at(minutes: int, symbol: str = "BTCUSDT", side: str = "BUY") -> Seen:
        return Seen(NOW + timedelta(minutes=minutes), Decimal("3.5"), Decimal(80), Decimal(90), symbol, side)

    day = Metrics().fresh(Decimal(24 * 3600))
    metrics = day
    for minutes in range(0, 135, 15):
        metrics = metrics.evaluated(at(minutes))
    metrics = metrics.evaluated(at(130, "ETHUSDT")).evaluated(at(140, side="SELL"))
    assert value(metrics, "signals_per_hour") == Decimal(4) / 24
    for number in range(200):
        day = day.evaluated(at(number, f"P{number}"))
    assert value(day, "signals_per_hour") == Decimal(200) / 24
    assert SignalSettings().cooldown == SPACED


def test_parity_of_the_last_hour_is_unmeasured_where_nobody_could_compare() -> None:
    metrics = Metrics().repeated(24, 2)
    assert (value(metrics, "parity_recent"), read(metrics, "parity_recent").n) == (2, 24)
    assert value(metrics.repeated(24, None), "parity_recent") is None


def test_only_fresh_time_is_covered() -> None:
    assert value(Metrics().fresh(Decimal(90)).stale(Decimal(10)), "covered") == 90


def test_what_was_slept_through_is_made_good_by_going_on_longer() -> None:
    slept = Metrics(asked_seconds=Decimal(1800)).fresh(Decimal(300)).stale(Decimal(1500))
    assert value(slept, "covered") == Decimal(100) / 6
    assert value(slept.fresh(Decimal(1320)), "covered") == 90
    assert value(slept.fresh(Decimal(5000)), "covered") == 100


def test_drawdown_is_unmeasured_while_equity_is() -> None:
    curve = Curve().marked(Decimal(100), NOW).marked(Decimal(99), NOW)
    assert read(Metrics(), "drawdown", curve).value == -1
    blind = curve.marked(None, NOW)
    assert read(Metrics(), "drawdown", blind).value is None
    assert read(Metrics(), "intraday_drawdown", blind).value is None


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), None])
def test_a_latency_that_is_no_number_is_not_measured(broken: float | None) -> None:
    metrics = Metrics().ordered("a", "BTCUSDT", "entry", broken, ONE)
    assert value(metrics, "latency_last") is None
    assert value(metrics, "orders") == 1


@given(st.lists(st.sampled_from(["ack", "reject", "unknown", "found", "absent", "fill", "end"]), max_size=60))
def test_rates_stay_rates_whatever_happens(events: list[str]) -> None:
    metrics = Metrics()
    for number, event in enumerate(events):
        name = f"c{number // 3}"
        match event:
            case "ack":
                metrics = metrics.ordered(name, "BTCUSDT", "entry", 10.0 * number, ONE)
            case "reject":
                metrics = metrics.rejected(name, "BTCUSDT", "entry")
            case "unknown":
                metrics = metrics.unknown(name, "BTCUSDT", "entry")
            case "fill":
                metrics = metrics.filled(name, "BTCUSDT", "entry", Decimal("0.4"), Decimal(number))
            case "end":
                metrics = metrics.ended(name)
            case _:
                metrics = metrics.resolved(name, found=event == "found")
    found = readings(metrics, Curve(), NOW)
    for name in ("fill_rate", "fill_rate_worst_pair", "order_error_rate", "order_success", "order_error_rate_recent"):
        rate = found[name].value
        assert rate is None or 0 <= rate <= 100
    errors, whole = found["errors"].value, found["order_success"].value
    assert errors is not None
    assert errors <= found["errors"].n == metrics.execution.count
    assert whole is None or whole + (found["order_error_rate"].value or 0) == 100


@given(values=st.lists(st.decimals(0, 1000, places=1), min_size=1), percent=st.integers(1, 100))
def test_the_nearest_rank_percentile(values: list[Decimal], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(one <= found for one in values) * 100 >= percent * len(values)


def test_slippage_costs_on_both_sides() -> None:
    assert slippage_bps(Side.BUY, Decimal(101), Decimal(100)) == 100
    assert slippage_bps(Side.SELL, Decimal(99), Decimal(100)) == 100
    assert slippage_bps(Side.BUY, Decimal(99), Decimal(100)) == -100
    assert slippage_bps(Side.BUY, Decimal(99), Decimal(0)) is None
