"""Free margin: by each pair's leverage and the available balance, as the exchange tells them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from canary_cli.core.model import Balance, Position
from canary_cli.core.trading.effects import Effect, Note, ReadLeverage
from canary_cli.core.trading.events import AccountRead, LeverageChanged, LeverageRead, Stream, StreamUp
from canary_cli.core.trading.inputs import Tick
from canary_cli.core.trading.margin import free_margin
from canary_cli.core.trading.standing import risk_context
from tests.core.trading.conftest import Desk
from tests.core.trading.test_rechecking import reading, wait
from tests.core.trading.test_session import asked_for, entered, placed, refusals, signal


def balance(desk: Desk, available: str, *held: Position) -> AccountRead:
    """A reading of 10,000 USDT of which so much is available."""
    event = reading(desk)
    told = Balance(Decimal(10_000), Decimal(0), Decimal(10_000), Decimal(available))
    return replace(event, snapshot=replace(event.snapshot, balance=told, positions=held))


def leverage(desk: Desk, **told: int) -> tuple[Effect, ...]:
    return desk.tell(LeverageRead(desk.now, {symbol: Decimal(value) for symbol, value in told.items()}))


def test_an_entry_is_cut_to_the_margin_that_is_left_at_the_leverage_the_exchange_tells(desk: Desk) -> None:
    """2,400 available less the reserve of 2,000 is 400: at 1x that buys 0.008 BTC, not the 0.020 of its risk."""
    leverage(desk, BTCUSDT=1, ETHUSDT=20)
    desk.tell(balance(desk, "2400"))

    (entry,) = placed(desk.tell(signal(desk)))

    assert entry.quantity == Decimal("0.008")
    assert "free margin" in entry.reason


def test_what_the_exchange_holds_back_for_others_is_not_ours_to_use(desk: Desk) -> None:
    desk.tell(balance(desk, "1990"))
    effects = desk.tell(signal(desk))
    assert not placed(effects)
    assert [refusal.code for refusal in refusals(effects)] == ["margin"]


def test_a_position_takes_margin_before_the_next_reading_and_is_not_counted_twice_after_it(desk: Desk) -> None:
    leverage(desk, BTCUSDT=5, ETHUSDT=20)
    desk.tell(balance(desk, "10000"))
    entered(desk)
    desk.mark(BTCUSDT="50000")
    assert free_margin(desk.state) == 9800  # 0.020 BTC at 50,000, a fifth of it

    held = Position("BTCUSDT", Decimal("0.020"), Decimal(50_000), Decimal(50_000))
    desk.tell(balance(desk, "9750", held))
    assert free_margin(desk.state) == 9750  # 50 are held back for something else


@pytest.mark.parametrize("told", [{}, {"BTCUSDT": 0, "ETHUSDT": 20}])
def test_a_pair_whose_leverage_is_unknown_is_refused_and_not_guessed(desk: Desk, told: dict[str, int]) -> None:
    leverage(desk, **told)
    effects = desk.tell(signal(desk))
    assert not placed(effects)
    assert [refusal.code for refusal in refusals(effects)] == ["leverage-unknown"]


def test_before_the_account_was_ever_read_no_margin_is_free(desk: Desk) -> None:
    desk.state = replace(desk.state, margin=None)
    assert [refusal.code for refusal in refusals(desk.tell(signal(desk)))] == ["margin"]


def test_a_leverage_that_is_told_no_more_is_unknown_after_three_looks(desk: Desk) -> None:
    assert risk_context(desk.state, "BTCUSDT").leverage == 20
    asked = [effect for effect in wait(desk, 181) if isinstance(effect, ReadLeverage)]
    assert len(asked) == 3  # once a minute
    assert risk_context(desk.state, "BTCUSDT").leverage is None


def test_a_leverage_that_another_hand_sets_counts_at_once_and_is_written_down(desk: Desk) -> None:
    effects = desk.tell(LeverageChanged(desk.now, "BTCUSDT", Decimal(3)))
    (note,) = asked_for(effects, Note)
    assert isinstance(note, Note)
    assert (note.event, note.pair, note.data) == ("leverage_changed", "BTCUSDT", {"before": "20", "now": "3"})
    assert risk_context(desk.state, "BTCUSDT").leverage == 3
    assert desk.tell(LeverageChanged(desk.now, "DOGEUSDT", Decimal(3))) == ()


def test_after_a_gap_of_the_user_stream_leverage_is_read_anew(desk: Desk) -> None:
    desk.tell(Tick(desk.now))
    assert not asked_for(desk.tell(Tick(desk.now)), ReadLeverage)
    assert asked_for(desk.tell(StreamUp(desk.now + timedelta(seconds=1), Stream.USER)), ReadLeverage)
