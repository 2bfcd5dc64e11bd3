"""The circuit breaker at its limits and under nonsense."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.accounting.equity import Curve, drawdown_pct, equity_of
from canary_cli.core.model import Position
from canary_cli.core.policy import breaker
from canary_cli.core.policy.breaker import Breaker, Zone
from tests.core.policy.conftest import NOON

PEAK = Decimal(10_000)
MONEY = st.decimals(Decimal("0.01"), Decimal(10**9), places=2)


def after(*equities: object, state: Breaker | None = None) -> Zone:
    state = state or Breaker()
    for equity in equities:
        exact = None if equity is None else Decimal(str(equity))
        state, _ = breaker.step(state, exact, PEAK, NOON)
    return state.zone


def test_fault_1_exactly_minus_3_trips_and_minus_2_99_does_not() -> None:
    assert after(9700) is Zone.TRIGGERED
    assert after(9701) is Zone.PRE_TRIP
    assert after("9700.00000001") is Zone.PRE_TRIP


def test_exactly_minus_2_5_is_pre_trip() -> None:
    assert after(9750) is Zone.PRE_TRIP
    assert after("9750.01") is Zone.ARMED


@given(peak=MONEY)
def test_the_limit_is_exact_whatever_the_peak(peak: Decimal) -> None:
    at_limit = peak * 97 / 100
    state, change = breaker.step(Breaker(), at_limit, peak, NOON)
    assert (state.zone, change is not None) == (Zone.TRIGGERED, True)
    state, _ = breaker.step(Breaker(), at_limit + Decimal("1e-12"), peak, NOON)
    assert state.zone is Zone.PRE_TRIP


def test_fault_2_unrealised_loss_alone_trips() -> None:
    long = Position("BTCUSDT", Decimal("0.1"), Decimal(50_000), Decimal(47_000))
    equity = equity_of(Decimal(10_000), [long], {"BTCUSDT": Decimal(47_000)})
    assert equity == 9700
    assert after(equity) is Zone.TRIGGERED


def test_fault_3_a_withdrawal_trips_nothing_and_a_deposit_hides_nothing() -> None:
    """2 % down, half of it is withdrawn, or as much again paid in: 2 % down, and a loss of 1 % more is 3 %."""
    losing = Curve().marked(PEAK, NOON).marked(Decimal(9800), NOON)
    for after in (Decimal(4900), Decimal(19_600)):
        moved = losing.transferred(Decimal(9800), after)
        assert moved.marked(after, NOON).drawdown_pct == -2
        assert moved.marked(after * Decimal("0.99"), NOON).drawdown_pct == Decimal("-2.98")


@pytest.mark.parametrize("broken", [None, "NaN", "Infinity", "-Infinity", 0, -50])
def test_fault_4_broken_readings_are_no_drawdown_and_no_recovery(broken: object) -> None:
    exact = None if broken is None else Decimal(str(broken))
    assert equity_of(exact, (), {}) is None
    assert after(9749, equity_of(exact, (), {})) is Zone.PRE_TRIP
    assert after(equity_of(exact, (), {})) is Zone.ARMED
    assert drawdown_pct(PEAK, None) is None
    assert drawdown_pct(Decimal("NaN"), PEAK) is None


def test_a_position_without_a_mark_leaves_equity_unknown() -> None:
    held = [Position("BTCUSDT", Decimal(1), Decimal(100), Decimal(0))]
    assert equity_of(PEAK, held, {}) is None
    assert equity_of(PEAK, held, {"BTCUSDT": Decimal("NaN")}) is None
    assert equity_of(PEAK, held, {"BTCUSDT": Decimal(0)}) is None


@given(equities=st.lists(st.none() | MONEY | st.just(Decimal("NaN")), max_size=30))
def test_the_zone_only_gets_worse_until_a_human_resets_it(equities: list[Decimal | None]) -> None:
    state, rank = Breaker(), list(Zone)
    for equity in equities:
        moved, change = breaker.step(state, equity, PEAK, NOON)
        assert rank.index(moved.zone) >= rank.index(state.zone)
        assert (change is None) == (moved.zone is state.zone)
        state = moved


def test_one_trip_per_latch() -> None:
    state, change = breaker.step(Breaker(), Decimal(9000), PEAK, NOON)
    assert change is not None
    assert change.zone is Zone.TRIGGERED
    assert breaker.step(state, Decimal(8000), PEAK, NOON) == (state, None)
    assert breaker.step(state, Decimal(12_000), Decimal(12_000), NOON) == (state, None)


def test_only_a_named_human_with_a_reason_resets_it() -> None:
    tripped, _ = breaker.step(Breaker(), Decimal(9000), PEAK, NOON)
    for by, reason in (("", "why"), ("alpha", " ")):
        with pytest.raises(ValueError, match="name and a reason"):
            breaker.reset(tripped, by, reason, NOON)
    armed = breaker.reset(tripped, "alpha", "reviewed", NOON)
    assert (armed.zone, armed.reset_by) == (Zone.ARMED, "alpha")
