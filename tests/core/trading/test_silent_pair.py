"""One held pair whose mark price falls silent while the others are told."""

from dataclasses import replace
from decimal import Decimal

import pytest

from canary_cli.core.model import Position
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.trading.events import Stream, StreamAlive
from canary_cli.core.trading.inputs import Tick
from canary_cli.core.trading.standing import operational
from tests.core.trading.conftest import Desk
from tests.core.trading.test_rechecking import reading
from tests.core.trading.test_session import entered, placed, refusals, signal


@pytest.fixture
def holding(desk: Desk) -> Desk:
    """0.020 BTC from 50,000."""
    entered(desk)
    return desk


def only_eth(desk: Desk, seconds: int) -> None:
    for _ in range(seconds):
        desk.mark(after=1, ETHUSDT="3000")
        desk.tell(StreamAlive(desk.now, Stream.USER))
        desk.tell(Tick(desk.now))


def test_it_holds_all_entries_and_rolls_nothing_back(holding: Desk) -> None:
    only_eth(holding, 12)
    assert holding.state.conditions["market-stale"].detail == "no mark price of BTCUSDT for 11 s"
    effects = holding.tell(signal(holding, symbol="ETHUSDT"))
    assert not placed(effects) and [refusal.code for refusal in refusals(effects)] == ["reducing"]
    only_eth(holding, 60)
    assert not holding.state.rolling_back


def test_equity_goes_on_at_the_last_mark_so_that_the_breaker_still_sees_the_others(holding: Desk) -> None:
    only_eth(holding, 20)
    assert (holding.state.equity, holding.state.breaker.zone) == (10_000, Zone.ARMED)


def test_a_reading_of_the_account_marks_it_where_the_stream_does_not(holding: Desk) -> None:
    only_eth(holding, 20)
    event = reading(holding, position=Decimal("0.020"))
    lower = Position("BTCUSDT", Decimal("0.020"), Decimal(50_000), Decimal(49_000))
    holding.tell(replace(event, snapshot=replace(event.snapshot, positions=(lower,))))
    only_eth(holding, 1)
    assert holding.state.equity == 9_980
    assert "market-stale" in holding.state.conditions


def test_it_clears_once_the_pair_is_told_again(holding: Desk) -> None:
    only_eth(holding, 12)
    holding.state = replace(holding.state, reconciled=True)
    for _ in range(62):
        holding.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
        holding.tell(StreamAlive(holding.now, Stream.USER))
        holding.tell(Tick(holding.now))
    assert "market-stale" not in holding.state.conditions


def test_a_pair_that_was_quoted_once_is_not_operational_for_ever(desk: Desk) -> None:
    """The last gate asks for every pair: one that trading left half an hour ago must not pass on its old price."""
    pairs = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
    assert operational(desk.state, pairs) == 2
    only_eth(desk, 12)
    assert operational(desk.state, pairs) == 1
