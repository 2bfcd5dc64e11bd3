"""Conditional orders that a reading does not show, or should not show: nothing is held without its stop."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from canary_cli.core.model import AlgoOrder, AlgoStatus, OrderType, Side
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.trading.effects import CancelAlgo, Effect, RaiseAlert, ReadAccount
from canary_cli.core.trading.events import AccountRead, AlgoUpdated
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.inputs import Replied, RollBack
from canary_cli.core.trading.protection import unprotected
from canary_cli.core.trading.replies import Rejected
from canary_cli.core.trading.resting import READINGS
from canary_cli.core.trading.standing import trading_state
from tests.core.trading.conftest import Desk
from tests.core.trading.test_after_a_crash import crash
from tests.core.trading.test_rechecking import exits, reading, wait
from tests.core.trading.test_session import entered, placed, rest

NUMBERS = {Purpose.STOP: 900, Purpose.TARGET: 901}


def resting(intent: Intended) -> AlgoOrder:
    return AlgoOrder(
        NUMBERS[intent.purpose], intent.client_id, intent.symbol, intent.side, intent.type, AlgoStatus.NEW,
        intent.trigger_price or Decimal(0), close_position=True,
    )  # fmt: skip


def guarded(desk: Desk) -> tuple[Intended, Intended]:
    """A position with its stop and its target confirmed, a while ago."""
    desk.tell(reading(desk))
    _entry, (stop, target) = entered(desk)
    for one in (stop, target):
        rest(desk, one, NUMBERS[one.purpose])
    wait(desk, 5)
    return stop, target


def seen(desk: Desk, *algos: AlgoOrder, position: Decimal | None = None) -> AccountRead:
    """A reading of the position as we hold it, and of these conditional orders."""
    held = desk.state.held.get("BTCUSDT")
    read = reading(desk, position=(held.quantity if held else Decimal(0)) if position is None else position)
    return replace(read, snapshot=replace(read.snapshot, algo_orders=algos))


def read_on(desk: Desk, *algos: AlgoOrder, times: int = READINGS) -> list[Effect]:
    """So many readings, a second apart; what the last one made the session do."""
    effects: Sequence[Effect] = ()
    for _ in range(times):
        wait(desk, 1)
        effects = desk.tell(seen(desk, *algos))
    return list(effects)


def alerts(effects: Sequence[Effect]) -> list[str]:
    return [effect.message for effect in effects if isinstance(effect, RaiseAlert)]


def test_a_stop_that_vanished_unheard_is_doubted_first_and_placed_anew_once_sure(desk: Desk) -> None:
    stop, target = guarded(desk)
    effects = read_on(desk, resting(target), times=READINGS - 1)
    assert [effect.delay for effect in effects if isinstance(effect, ReadAccount)] == [1.0]
    assert not placed(tuple(effects))
    assert trading_state(desk.state)[0] is TradingState.REDUCING, "meanwhile nothing is opened"

    effects = read_on(desk, resting(target), times=1)
    (again,) = placed(tuple(effects))
    assert (again.purpose, again.trigger_price, again.side) == (Purpose.STOP, stop.trigger_price, Side.SELL)
    assert desk.state.algos[stop.client_id].status is AlgoStatus.EXPIRED
    assert "placed anew" in alerts(effects)[0]

    rest(desk, again)
    desk.tell(seen(desk, resting(target), resting(again)))
    assert not unprotected(desk.state)
    assert desk.state.reconciled


def test_a_stop_that_shows_again_was_never_gone(desk: Desk) -> None:
    stop, target = guarded(desk)
    read_on(desk, resting(target), times=READINGS - 1)
    read_on(desk, resting(target), resting(stop), times=1)
    assert not placed(tuple(read_on(desk, resting(target), times=READINGS - 1)))


def test_a_second_stop_has_as_long_to_be_confirmed_as_the_first_had(desk: Desk) -> None:
    """However old the position is: else the first tick after it was sent would close it."""
    _stop, target = guarded(desk)
    wait(desk, 60)
    assert placed(tuple(read_on(desk, resting(target))))
    assert not exits(wait(desk, 30))
    assert exits(wait(desk, 1))


@pytest.mark.parametrize("ends", ["refused", "vanishes again"])
def test_a_position_whose_second_stop_does_not_rest_either_is_closed(desk: Desk, ends: str) -> None:
    _stop, target = guarded(desk)
    (again,) = placed(tuple(read_on(desk, resting(target))))
    if ends == "refused":
        effects = desk.tell(Replied(desk.now, again.client_id, Rejected(-2021, "would trigger"), 5.0, 4.0))
    else:
        rest(desk, again, 902)
        effects = tuple(read_on(desk, resting(target)))
    (exit_,) = placed(effects)
    assert (exit_.purpose, exit_.reduce_only) == (Purpose.EXIT, True)


def test_a_stop_that_has_triggered_and_closed_nothing_is_not_placed_again_but_done_by_hand(desk: Desk) -> None:
    stop, target = guarded(desk)
    desk.tell(AlgoUpdated(desk.now, replace(resting(stop), status=AlgoStatus.FINISHED), 77))
    (exit_,) = placed(tuple(read_on(desk, resting(target))))
    assert exit_.purpose is Purpose.EXIT


def test_a_reading_that_the_stream_has_overtaken_says_nothing_of_a_stop(desk: Desk) -> None:
    """Asked before the stop was placed, answered after it was told."""
    old = seen(desk)
    stop, target = guarded(desk)
    desk.tell(AlgoUpdated(desk.now, resting(stop)))
    desk.tell(AlgoUpdated(desk.now, resting(target)))
    late = seen(desk)
    for _ in range(READINGS + 1):
        snapshot = replace(late.snapshot, time=old.snapshot.time)
        effects = desk.tell(replace(late, snapshot=snapshot))
        assert [effect.delay for effect in effects if isinstance(effect, ReadAccount)] == [1.0]
    assert not desk.state.missed
    assert desk.state.reconciled


def test_a_stop_whose_position_is_gone_with_it_is_not_placed_again(desk: Desk) -> None:
    """It has triggered, and its trade is told of late."""
    guarded(desk)
    for _ in range(READINGS):
        wait(desk, 1)
        assert not placed(desk.tell(seen(desk, position=Decimal(0))))


def test_a_target_that_vanished_is_told_once_and_nothing_is_closed(desk: Desk) -> None:
    stop, _target = guarded(desk)
    effects = read_on(desk, resting(stop))
    assert "its stop guards it alone" in alerts(effects)[0]
    assert not placed(tuple(effects))
    assert not alerts(read_on(desk, resting(stop)))
    assert desk.state.reconciled


def test_after_a_crash_the_first_readings_find_a_stop_gone(desk: Desk) -> None:
    stop, target = guarded(desk)
    crash(desk, timedelta(minutes=10))
    desk.mark(BTCUSDT="50000", ETHUSDT="3000")
    (again,) = placed(tuple(read_on(desk, resting(target))))
    assert (again.purpose, again.trigger_price) == (Purpose.STOP, stop.trigger_price)
    rest(desk, again, 902)
    crash(desk)
    (exit_,) = placed(tuple(read_on(desk, resting(target))))
    assert exit_.purpose is Purpose.EXIT, "once, whoever of us placed it"


def test_while_the_account_is_rolled_back_no_stop_gets_in_the_way_of_the_closing(desk: Desk) -> None:
    guarded(desk)
    desk.tell(RollBack(desk.now, "test", "a person's word"))
    assert not placed(tuple(read_on(desk)))


def test_what_is_left_of_a_position_that_is_gone_does_not_rest_on(desk: Desk) -> None:
    """Its cancel got lost: a stop without a position would open one."""
    stop, _target = guarded(desk)
    desk.fill(stop, "49500", quantity=str(desk.state.held["BTCUSDT"].quantity))
    assert not desk.state.held
    wait(desk, 1)
    assert CancelAlgo("BTCUSDT", 900, stop.client_id) in desk.tell(seen(desk, resting(stop)))


def test_a_stop_that_was_replaced_and_rests_after_all_is_cancelled(desk: Desk) -> None:
    stop, target = guarded(desk)
    (again,) = placed(tuple(read_on(desk, resting(target))))
    rest(desk, again, 902)
    wait(desk, 1)
    new = replace(resting(again), algo_id=902)
    cancels = [e for e in desk.tell(seen(desk, resting(stop), resting(target), new)) if isinstance(e, CancelAlgo)]
    assert cancels == [CancelAlgo("BTCUSDT", 900, stop.client_id)]


def test_the_stop_of_a_position_that_we_know_nothing_of_is_left_to_guard_it(desk: Desk) -> None:
    stop, _target = guarded(desk)
    quantity = desk.state.held["BTCUSDT"].quantity
    desk.fill(stop, "49500", quantity=str(quantity))
    wait(desk, 1)
    effects = desk.tell(seen(desk, resting(stop), position=quantity))
    assert not [effect for effect in effects if isinstance(effect, CancelAlgo)]


@pytest.mark.parametrize("has_position", [False, True])
def test_a_stranger_s_conditional_order_that_only_a_reading_shows_latches(desk: Desk, has_position: bool) -> None:
    """With a position that our fills do not explain it is part of that mismatch, and adopted with it."""
    theirs = AlgoOrder(99, "web_1", "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, AlgoStatus.NEW, Decimal(49_000))
    desk.tell(seen(desk, theirs, position=Decimal(int(has_position))))
    assert ("foreign-order" in desk.state.latches) is not has_position
