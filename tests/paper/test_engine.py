"""The exchange in process: what orders do, and what must hold whatever they are."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_cli.core.model import OrderStatus, OrderType, PositionSide, Side, TimeInForce
from canary_cli.paper import configuring
from canary_cli.paper.engine import Engine
from canary_cli.paper.market import Shock, ShockKind
from canary_cli.paper.orders import (
    Expiry,
    NewOrder,
    OrderChange,
    RestingOrder,
    SelfTrade,
)
from canary_cli.paper.problems import Problem
from canary_cli.paper.settling import transfer
from tests.paper.conftest import START, new_engine

BTC, ETH = "BTCUSDT", "ETHUSDT"


def market(side: Side, quantity: str = "0.1", symbol: str = BTC, **more: Any) -> NewOrder:
    return NewOrder(symbol, side, OrderType.MARKET, Decimal(quantity), **more)


def limit(engine: Engine, side: Side, share: str, quantity: str = "0.1", **more: Any) -> NewOrder:
    """A LIMIT order at a share of the mark."""
    price = engine.state.listing(BTC).rules.round_price(engine.state.marks[BTC] * Decimal(share), up=False)
    more.setdefault("time_in_force", TimeInForce.GTC)
    return NewOrder(BTC, side, OrderType.LIMIT, Decimal(quantity), price, **more)


def shake(engine: Engine, kind: ShockKind, move: float = 0.0, seconds: int = 5) -> None:
    lasting = timedelta(seconds=0 if kind is ShockKind.GAP else 60)
    engine.state.market.shock(Shock(kind, move=move, duration=lasting))
    engine.advance(engine.now + timedelta(seconds=seconds))


def executions(engine: Engine) -> list[str]:
    return [event.execution for event in engine.drain() if isinstance(event, OrderChange)]


def test_a_reduce_only_market_order_closes_what_another_opened(engine: Engine) -> None:
    engine.place(market(Side.BUY))
    closing = engine.place(market(Side.SELL, reduce_only=True))
    assert closing.status is OrderStatus.FILLED
    assert engine.position(BTC) == 0


def test_reduce_only_takes_no_more_than_there_is(engine: Engine) -> None:
    engine.place(market(Side.BUY, "0.1"))
    closing = engine.place(market(Side.SELL, "0.3", reduce_only=True))
    assert (closing.executed, closing.status) == (Decimal("0.1"), OrderStatus.EXPIRED)
    assert engine.position(BTC) == 0


def test_a_flip_closes_then_opens_at_the_fill_price(engine: Engine) -> None:
    engine.place(market(Side.BUY, "0.1"))
    sold = engine.place(market(Side.SELL, "0.3"))
    held = engine.state.account.holding(BTC, PositionSide.BOTH)
    assert held.quantity == Decimal("-0.2")
    assert abs(held.entry - sold.average_price) < 5


def test_an_order_larger_than_the_best_level_walks_the_book_and_the_next_pays_more(engine: Engine) -> None:
    transfer(engine.state, "USDT", Decimal(10_000_000))
    first = engine.place(market(Side.BUY, "50"))
    assert len([trade for trade in engine.state.trades if trade.order_id == first.order_id]) > 1
    second = engine.place(market(Side.BUY, "50"))
    assert second.average_price > first.average_price
    engine.advance(engine.now + timedelta(seconds=60))
    assert engine.state.depletions[BTC, Side.SELL].left(engine.now, Decimal("0.001")) == 0


def test_an_own_order_deep_in_the_book_does_not_stop_one_that_takes_the_levels_before_it(engine: Engine) -> None:
    """Twenty levels do not hold what is sold, and our own bid lies below its limit: the levels between are taken."""
    transfer(engine.state, "USDT", Decimal(10_000_000))
    engine.place(limit(engine, Side.BUY, "0.998"))
    sold = engine.place(limit(engine, Side.SELL, "0.999", "20"))
    assert sold.status is OrderStatus.FILLED
    bids = engine.state.book(BTC, 100).bids
    assert len(bids) == 100
    assert [price for price, _ in bids] == sorted((price for price, _ in bids), reverse=True)


def test_a_resting_order_waits_for_its_price_and_fills_at_it(engine: Engine) -> None:
    order = engine.place(limit(engine, Side.BUY, "0.99"))
    assert order.status is OrderStatus.NEW
    shake(engine, ShockKind.GAP, -0.03)
    assert order.status is OrderStatus.FILLED
    assert {trade.price for trade in engine.state.trades} == {order.price}
    assert all(trade.maker for trade in engine.state.trades)


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        (SelfTrade.EXPIRE_MAKER, OrderStatus.EXPIRED_IN_MATCH, OrderStatus.FILLED),
        (SelfTrade.EXPIRE_TAKER, OrderStatus.NEW, OrderStatus.EXPIRED_IN_MATCH),
        (SelfTrade.EXPIRE_BOTH, OrderStatus.EXPIRED_IN_MATCH, OrderStatus.EXPIRED_IN_MATCH),
        (SelfTrade.NONE, OrderStatus.FILLED, OrderStatus.FILLED),
    ],
)
def test_self_trade_prevention(engine: Engine, mode: SelfTrade, maker: OrderStatus, taker: OrderStatus) -> None:
    best = engine.state.book(BTC, 1).bids[0][0]
    resting = engine.place(
        NewOrder(BTC, Side.BUY, OrderType.LIMIT, Decimal("0.1"), best + Decimal("0.1"), TimeInForce.GTC)
        if best + Decimal("0.1") < engine.state.book(BTC, 1).asks[0][0]
        else NewOrder(BTC, Side.BUY, OrderType.LIMIT, Decimal("0.1"), best, TimeInForce.GTC)
    )
    resting.ahead = Decimal(0)
    incoming = engine.place(market(Side.SELL, "0.1", self_trade=mode))
    assert (resting.status, incoming.status) == (maker, taker)


def test_good_till_date_and_countdown_end_orders_at_their_time(engine: Engine) -> None:
    dated = limit(engine, Side.BUY, "0.96", time_in_force=TimeInForce.GTD, good_till=START + timedelta(minutes=11))
    order = engine.place(dated)
    engine.advance(START + timedelta(minutes=10, seconds=59))
    assert order.status is OrderStatus.NEW
    engine.advance(START + timedelta(minutes=11))
    assert order.status is OrderStatus.EXPIRED
    resting = engine.place(limit(engine, Side.BUY, "0.96"))
    engine.countdown(BTC, 5000)
    engine.advance(engine.now + timedelta(seconds=6))
    assert resting.status is OrderStatus.CANCELED


def test_knocked_reduce_only_orders_say_why(engine: Engine) -> None:
    engine.place(market(Side.BUY))
    engine.place(limit(engine, Side.SELL, "1.02", reduce_only=True))
    engine.drain()
    engine.place(market(Side.SELL, reduce_only=True))
    expiries = [event.expiry for event in engine.drain() if isinstance(event, OrderChange)]
    assert Expiry.REDUCE_ONLY_KNOCKED in expiries


def test_amending_loses_the_place_in_the_queue(engine: Engine) -> None:
    order = engine.place(limit(engine, Side.BUY, "0.98"))
    engine.drain()
    engine.amend(BTC, order.order_id, None, Side.BUY, Decimal("0.2"), order.price)
    assert executions(engine) == ["AMENDMENT"]
    with pytest.raises(Problem, match="-5027"):
        engine.amend(BTC, order.order_id, None, Side.BUY, Decimal("0.2"), order.price)


def test_funding_is_paid_at_its_time_by_who_holds_then(engine: Engine) -> None:
    engine.place(market(Side.BUY))
    due = engine.state.fundings[BTC]
    wallet = engine.state.account.wallet
    engine.advance(due.next_time)
    rows = [row for row in engine.state.income if row.type == "FUNDING_FEE"]
    assert len(rows) == 1
    assert engine.state.account.wallet == wallet + rows[0].amount
    assert (rows[0].amount < 0) == (due.rate > 0)


def test_funding_is_paid_once_though_a_request_comes_before_the_market_has_got_there(engine: Engine) -> None:
    engine.place(market(Side.BUY))
    due = engine.state.fundings[BTC].next_time
    engine.advance(due - timedelta(seconds=5))
    engine.at(due + timedelta(seconds=1))
    engine.advance(due + timedelta(seconds=5))
    engine.advance(due + timedelta(seconds=9))
    assert [row.type for row in engine.state.income].count("FUNDING_FEE") == 1


def test_hedge_mode_holds_both_sides(engine: Engine) -> None:
    configuring.set_hedge(engine.state, hedge=True)
    engine.place(market(Side.BUY, position_side=PositionSide.LONG))
    engine.place(market(Side.SELL, "0.05", position_side=PositionSide.SHORT))
    assert engine.position(BTC, PositionSide.LONG) == Decimal("0.1")
    assert engine.position(BTC, PositionSide.SHORT) == Decimal("-0.05")
    closing = engine.place(market(Side.SELL, "0.3", position_side=PositionSide.LONG))
    assert closing.executed == Decimal("0.1")


def test_fees_are_burned_in_bnb_at_a_discount(engine: Engine) -> None:
    transfer(engine.state, "BNB", Decimal(1))
    engine.state.account.fee_burn = True
    engine.place(market(Side.BUY))
    trade = engine.state.trades[-1]
    in_usdt = trade.commission * engine.state.marks["BNBUSDT"]
    assert trade.commission_asset == "BNB"
    assert abs(in_usdt - trade.price * trade.quantity * Decimal("0.00045")) < Decimal("0.001")


def test_the_same_seed_and_requests_give_the_same_ids_and_fills() -> None:
    def story() -> list[object]:
        engine = new_engine(7)
        engine.place(market(Side.BUY, "0.05"))
        engine.advance(START + timedelta(minutes=5))
        engine.place(market(Side.SELL, "0.05", reduce_only=True))
        return [*engine.state.trades, *engine.state.income, *engine.state.orders.history()]

    assert story() == story()


# whatever is asked

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("place"),
            st.sampled_from(list(Side)),
            st.sampled_from(["MARKET", "GTC", "IOC", "FOK", "GTX"]),
            st.integers(1, 400),
            st.integers(-40, 40),
            st.booleans(),
            st.sampled_from(list(SelfTrade)),
        ),
        st.tuples(st.just("cancel"), st.integers(0, 50)),
        st.tuples(st.just("wait"), st.integers(1, 30)),
        st.tuples(st.just("amend"), st.integers(0, 50), st.integers(1, 400), st.integers(-40, 40)),
        st.tuples(st.just("stop"), st.sampled_from(list(Side)), st.integers(1, 400), st.integers(1, 30), st.booleans()),
        st.tuples(st.just("leverage"), st.sampled_from([1, 20, 100])),
        st.tuples(st.just("gap"), st.integers(-12, 12)),
    ),
    max_size=25,
)


@dataclass
class Books:
    """Kept beside the exchange from its trades alone."""

    engine: Engine
    placed: list[RestingOrder] = field(default_factory=list)

    def act(self, step: Any) -> None:
        engine = self.engine
        match step:
            case ("place", side, kind, thousandths, ticks, reduces, mode):
                self.place(side, kind, Decimal(thousandths) / 1000, ticks, reduces, mode)
            case ("cancel", number) if self.placed:
                order = self.placed[number % len(self.placed)]
                if not order.status.is_final:
                    engine.cancel(BTC, order.order_id)
            case ("amend", number, thousandths, ticks) if self.placed:
                self.amend(self.placed[number % len(self.placed)], Decimal(thousandths) / 1000, ticks)
            case ("stop", side, thousandths, permille, reduces):
                self.stop(side, Decimal(thousandths) / 1000, side.sign * Decimal(permille) / 1000, reduces)
            case ("leverage", leverage):
                with suppress(Problem):
                    configuring.set_leverage(engine.state, BTC, leverage)
            case ("wait", seconds):
                engine.advance(engine.now + timedelta(seconds=seconds))
            case ("gap", percent):
                shake(engine, ShockKind.GAP, percent / 100, 4)

    def amend(self, order: RestingOrder, quantity: Decimal, ticks: int) -> None:
        tick = self.engine.state.listing(BTC).rules.tick
        with suppress(Problem):
            self.engine.amend(BTC, order.order_id, None, order.side, quantity, order.price + ticks * tick)

    def stop(self, side: Side, quantity: Decimal, away: Decimal, reduces: bool) -> None:
        price = self.engine.state.listing(BTC).rules.round_price(self.engine.state.lasts[BTC] * (1 + away), up=False)
        new = NewOrder(BTC, side, OrderType.STOP_MARKET, quantity, trigger_price=price, reduce_only=reduces)
        with suppress(Problem):
            self.engine.place_conditional(new)

    def place(self, side: Side, kind: str, quantity: Decimal, ticks: int, reduces: bool, mode: SelfTrade) -> None:
        engine, before = self.engine, self.engine.position(BTC)
        price = None if kind == "MARKET" else engine.state.lasts[BTC] + ticks * engine.state.listing(BTC).rules.tick
        type_ = OrderType.MARKET if price is None else OrderType.LIMIT
        force = None if price is None else TimeInForce(kind)
        try:
            order = engine.place(
                NewOrder(BTC, side, type_, quantity, price, force, reduce_only=reduces, self_trade=mode)
            )
        except Problem:
            return
        self.placed.append(order)
        if reduces:
            assert abs(engine.position(BTC)) <= abs(before)
            assert engine.position(BTC) * before >= 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_whatever_is_asked_the_books_balance(steps: list[Any]) -> None:
    books = Books(new_engine())
    engine, state = books.engine, books.engine.state
    for step in steps:
        books.act(step)
        book = state.book(BTC, 5)
        assert not (book.bids and book.asks) or book.bids[0][0] < book.asks[0][0]
    held = sum((trade.side.sign * trade.quantity for trade in state.trades), Decimal(0))
    assert held == engine.position(BTC)
    assert state.account.wallet == 10_000 + sum(row.amount for row in state.income)
    assert state.account.wallet >= 0
    for order in state.orders.history(BTC):
        fills = [trade for trade in state.trades if trade.order_id == order.order_id]
        assert sum((fill.quantity for fill in fills), Decimal(0)) == order.executed <= order.quantity
        if order.price and not order.amends and order.type is OrderType.LIMIT:
            assert all((order.price - fill.price) * order.side.sign >= 0 for fill in fills)
    realized = sum(trade.realized - trade.commission for trade in state.trades)
    other = sum(row.amount for row in state.income if row.type not in ("REALIZED_PNL", "COMMISSION"))
    assert state.account.wallet == 10_000 + realized + other
