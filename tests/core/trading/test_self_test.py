"""The self-test of gates 2 and 3: the decider that trades, just beyond the breaker's limit."""

from dataclasses import replace
from decimal import Decimal

import pytest

from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.core.trading import marking
from canary_cli.core.trading.self_test import breaker_trips
from tests.core.trading.conftest import Desk
from tests.core.trading.test_session import entered


def test_a_copy_of_the_session_rolls_back_with_whatever_it_holds(desk: Desk) -> None:
    entered(desk)
    before = desk.state
    assert breaker_trips(desk.state) is True
    assert desk.state is before


def test_a_session_that_has_tripped_already_is_tested_as_if_it_had_not(desk: Desk) -> None:
    entered(desk)
    desk.mark(BTCUSDT="34999")
    assert desk.state.rolling_back
    assert breaker_trips(desk.state) is True


@pytest.mark.parametrize("trip", ["-0.5", "-3", "-50"])
def test_the_plans_own_limit_is_tested(desk: Desk, trip: str) -> None:
    limits = BreakerLimits(pre_trip=Decimal(trip) / 2, trip=Decimal(trip))
    assert breaker_trips(replace(desk.state, breaker=replace(desk.state.breaker, limits=limits))) is True


def test_without_equity_nothing_is_proved(desk: Desk) -> None:
    assert breaker_trips(replace(desk.state, wallet=None)) is None


def test_a_decider_that_no_longer_rolls_back_is_found_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "roll_back", lambda *_: None)
    assert breaker_trips(desk.state) is False
