"""Conditional orders in process: what each type watches, when it fires, what comes out, and what else ends it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canary_cli.core.model import AlgoStatus, OrderStatus, OrderType, Side, TimeInForce, WorkingType
from canary_cli.paper.engine import Engine
from canary_cli.paper.market import Shock, ShockKind
from canary_cli.paper.orders import Conditional, ConditionalChange, NewOrder, RestingOrder
from canary_cli.paper.problems import Problem
from tests.paper.conftest import START

BTC = "BTCUSDT"
BUY, SELL = Side.BUY, Side.SELL
STOP, STOP_MARKET = OrderType.STOP, OrderType.STOP_MARKET
TAKE, TAKE_MARKET = OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET


def conditional(engine: Engine, type_: OrderType, side: Side, share: str, **more: Any) -> Conditional:
    """At a share of the last price, for 0.1 unless it closes the position."""
    last, rules = engine.state.lasts[BTC], engine.state.listing(BTC).rules
    quantity = None if more.get("close_position") else Decimal("0.1")
    trigger = rules.round_price(last * Decimal(share), up=False)
    return engine.place_conditional(NewOrder(BTC, side, type_, quantity, trigger_price=trigger, **more))


def at(engine: Engine, share: str) -> Decimal:
    return engine.state.listing(BTC).rules.round_price(engine.state.lasts[BTC] * Decimal(share), up=False)


def bought(engine: Engine, quantity: str = "0.1") -> None:
    engine.place(NewOrder(BTC, BUY, OrderType.MARKET, Decimal(quantity)))


def gap(engine: Engine, move: float, seconds: int = 8) -> None:
    engine.state.market.shock(Shock(ShockKind.GAP, move=move))
    engine.advance(engine.now + timedelta(seconds=seconds))


def became(engine: Engine, one: Conditional) -> RestingOrder:
    order = engine.state.orders.find(BTC, one.order_id, None)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("type_", "side", "share", "move"),
    [
        (STOP_MARKET, SELL, "0.98", -0.03), (STOP_MARKET, BUY, "1.02", 0.03),
        (TAKE_MARKET, SELL, "1.02", 0.03), (TAKE_MARKET, BUY, "0.98", -0.03),
    ],
)  # fmt: skip
def test_each_type_fires_on_its_side_of_the_price_only(
    engine: Engine, type_: OrderType, side: Side, share: str, move: float
) -> None:
    with pytest.raises(Problem, match="-2021"):
        conditional(engine, type_, side, "1.02" if share == "0.98" else "0.98")
    one = conditional(engine, type_, side, share)
    gap(engine, -move / 2)
    assert one.status is AlgoStatus.NEW
    gap(engine, move * 1.6)
    assert (one.status, became(engine, one).type, became(engine, one).original_type) == (
        AlgoStatus.FINISHED, OrderType.MARKET, type_
    )  # fmt: skip


def test_a_stop_limit_rests_at_its_price_and_is_finished_when_that_order_ends(engine: Engine) -> None:
    one = conditional(engine, STOP, SELL, "0.98", price=at(engine, "0.985"), time_in_force=TimeInForce.GTC)
    gap(engine, -0.03)
    order = became(engine, one)
    assert (order.type, order.price, order.status) == (OrderType.LIMIT, one.price, OrderStatus.NEW)
    assert one.status is AlgoStatus.TRIGGERED
    engine.cancel(BTC, order.order_id)
    assert one.status is AlgoStatus.FINISHED
    with pytest.raises(Problem, match="-2011"):
        engine.cancel_conditional(one.algo_id, None)


def test_the_mark_and_the_last_price_are_two_things_to_watch(engine: Engine) -> None:
    by_last = conditional(engine, STOP_MARKET, SELL, "0.985")
    by_mark = conditional(engine, STOP_MARKET, SELL, "0.985", working_type=WorkingType.MARK_PRICE)
    gap(engine, -0.02, seconds=1)
    assert (by_last.status, by_mark.status) == (AlgoStatus.FINISHED, AlgoStatus.NEW)
    engine.advance(engine.now + timedelta(seconds=10))
    assert by_mark.status is AlgoStatus.FINISHED


def test_price_protection_holds_fire_while_last_and_mark_are_apart(engine: Engine) -> None:
    bare = conditional(engine, STOP_MARKET, SELL, "0.985")
    guarded = conditional(engine, STOP_MARKET, SELL, "0.985", price_protect=True)
    gap(engine, -0.12, seconds=1)
    assert (bare.triggered is not None, guarded.triggered) == (True, None)
    engine.advance(engine.now + timedelta(seconds=15))
    assert guarded.triggered is not None


def test_gte_lives_as_long_as_the_position_and_gtc_goes_on(engine: Engine) -> None:
    bought(engine)
    with_it = conditional(engine, STOP_MARKET, SELL, "0.9", close_position=True, with_position=True)
    without = conditional(engine, TAKE_MARKET, SELL, "1.1", close_position=True)
    engine.drain()
    engine.place(NewOrder(BTC, SELL, OrderType.MARKET, Decimal("0.1"), reduce_only=True))
    assert (with_it.status, without.status) == (AlgoStatus.EXPIRED, AlgoStatus.NEW)
    told = [event.status for event in engine.drain() if isinstance(event, ConditionalChange)]
    assert told == [AlgoStatus.EXPIRED]


def test_a_reduce_only_stop_without_a_position_is_rejected_when_it_fires(engine: Engine) -> None:
    one = conditional(engine, STOP_MARKET, SELL, "0.98", reduce_only=True)
    gap(engine, -0.03)
    assert (one.status, one.reason) == (AlgoStatus.REJECTED, "ReduceOnly Order is rejected.")


def test_a_closing_stop_closes_what_is_held_then_and_not_what_was_held_when_it_was_placed(engine: Engine) -> None:
    bought(engine)
    one = conditional(engine, STOP_MARKET, SELL, "0.98", close_position=True)
    bought(engine, "0.2")
    gap(engine, -0.03)
    assert became(engine, one).executed == Decimal("0.3")
    assert engine.position(BTC) == 0


def test_a_client_id_is_its_own_once_among_open_conditionals(engine: Engine) -> None:
    conditional(engine, STOP_MARKET, SELL, "0.9", client_id="mine")
    with pytest.raises(Problem, match="-4116"):
        conditional(engine, STOP_MARKET, SELL, "0.91", client_id="mine")
    engine.cancel_conditional(None, "mine")
    conditional(engine, STOP_MARKET, SELL, "0.91", client_id="mine")


def test_a_dated_one_ends_at_its_date(engine: Engine) -> None:
    until = START + timedelta(minutes=11)
    one = conditional(
        engine, STOP, SELL, "0.95", price=at(engine, "0.95"), time_in_force=TimeInForce.GTD, good_till=until
    )
    engine.advance(until + timedelta(seconds=1))
    assert one.status is AlgoStatus.EXPIRED


def test_a_trailing_buy_waits_for_its_activation_then_follows_the_low(engine: Engine) -> None:
    activate = at(engine, "0.98")
    trailing = NewOrder(
        BTC, BUY, OrderType.TRAILING_STOP_MARKET, Decimal("0.1"), activate_price=activate, callback_rate=Decimal(2)
    )
    one = engine.place_conditional(trailing)
    gap(engine, 0.01)
    assert (one.activated, one.status) == (False, AlgoStatus.NEW)
    gap(engine, -0.05)
    assert (one.activated, one.status) == (True, AlgoStatus.NEW)
    assert one.extreme <= activate
    gap(engine, 0.03)
    assert one.status is AlgoStatus.FINISHED
    assert became(engine, one).callback_rate == 2
    activations = [event.activated for event in engine.drain() if isinstance(event, ConditionalChange)]
    assert activations[:2] == [False, True]


def test_the_dead_mans_switch_spares_conditional_orders(engine: Engine) -> None:
    order = engine.place(NewOrder(BTC, BUY, OrderType.LIMIT, Decimal("0.1"), at(engine, "0.96"), TimeInForce.GTC))
    one = conditional(engine, STOP_MARKET, SELL, "0.9")
    engine.countdown(BTC, 120_000)
    engine.advance(START + timedelta(seconds=119))
    engine.countdown(BTC, 120_000)
    engine.advance(START + timedelta(seconds=200))
    assert order.status is OrderStatus.NEW
    engine.advance(START + timedelta(seconds=240))
    assert (order.status, one.status) == (OrderStatus.CANCELED, AlgoStatus.NEW)


def test_what_comes_out_has_the_same_client_id_and_each_step_is_told(engine: Engine) -> None:
    bought(engine)
    one = conditional(engine, STOP_MARKET, SELL, "0.98", close_position=True, client_id="guard")
    gap(engine, -0.05)
    order = became(engine, one)
    assert (order.client_id, order.status, engine.position(BTC)) == ("guard", OrderStatus.FILLED, 0)
    told = [event.status for event in engine.drain() if isinstance(event, ConditionalChange)]
    assert told == [AlgoStatus.NEW, AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED, AlgoStatus.FINISHED]


def test_what_cannot_be_paid_for_when_it_fires_is_rejected_with_the_reason(engine: Engine) -> None:
    trigger = at(engine, "0.98")
    one = engine.place_conditional(NewOrder(BTC, SELL, STOP_MARKET, Decimal(50), trigger_price=trigger))
    gap(engine, -0.05)
    assert (one.status, one.reason) == (AlgoStatus.REJECTED, "Margin is insufficient.")


def test_a_closing_stop_without_a_position_expires(engine: Engine) -> None:
    one = conditional(engine, STOP_MARKET, SELL, "0.98", close_position=True)
    gap(engine, -0.05)
    assert one.status is AlgoStatus.EXPIRED


def test_a_trailing_sell_follows_the_high_and_fires_on_the_way_back(engine: Engine) -> None:
    bought(engine)
    kind, rate = OrderType.TRAILING_STOP_MARKET, Decimal(2)
    one = engine.place_conditional(NewOrder(BTC, SELL, kind, Decimal("0.1"), reduce_only=True, callback_rate=rate))
    gap(engine, 0.05)
    assert one.status is AlgoStatus.NEW
    gap(engine, -0.03)
    assert (one.status, engine.position(BTC)) == (AlgoStatus.FINISHED, 0)
