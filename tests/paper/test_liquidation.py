"""What the exchange closes by itself: how much, at what price, under which client id, and who pays."""

from datetime import timedelta
from decimal import Decimal

import pytest

from canary_cli.core.model import OrderStatus, OrderType, PositionSide, Side
from canary_cli.paper import configuring
from canary_cli.paper.engine import Engine
from canary_cli.paper.liquidation import deleverage
from canary_cli.paper.market import Shock, ShockKind
from canary_cli.paper.orders import AccountChange, Event, Expiry, MarginCall, NewOrder, OrderChange, RestingOrder
from canary_cli.paper.problems import Problem
from tests.paper.conftest import new_engine

BTC, ETH, BNB = "BTCUSDT", "ETHUSDT", "BNBUSDT"


def exposed(balance: int, quantity: str, *, leverage: int = 50, isolated: bool = False, symbol: str = BTC) -> Engine:
    """A long position, just opened."""
    engine = new_engine(balance=balance)
    configuring.set_leverage(engine.state, symbol, leverage)
    if isolated:
        configuring.set_margin_type(engine.state, symbol, isolated=True)
    engine.place(NewOrder(symbol, Side.BUY, OrderType.MARKET, Decimal(quantity)))
    engine.drain()
    return engine


def gap(engine: Engine, move: float, symbols: tuple[str, ...] = (), seconds: int = 8) -> list[Event]:
    """The price jumps, and the mark has time to follow."""
    engine.state.market.shock(Shock(ShockKind.GAP, move=move, symbols=symbols))
    engine.advance(engine.now + timedelta(seconds=seconds))
    return engine.drain()


def slide(engine: Engine) -> list[Event]:
    """The price falls second by second until the exchange closes something by force."""
    engine.state.market.shock(Shock(ShockKind.CRASH, move=-0.1, duration=timedelta(minutes=10)))
    events: list[Event] = []
    while not forced(events):
        engine.advance(engine.now + timedelta(seconds=1))
        events += engine.drain()
    return events


def thin(engine: Engine) -> None:
    engine.state.market.shock(Shock(ShockKind.THIN, duration=timedelta(hours=1), depth=0.00001))
    engine.advance(engine.now + timedelta(seconds=1))


def forced(events: list[Event]) -> list[RestingOrder]:
    """The forced orders, as they ended."""
    orders = [event.order for event in events if isinstance(event, OrderChange)]
    return [order for order in orders if order.type is OrderType.LIQUIDATION and order.status.is_final]


def cleared(engine: Engine) -> Decimal:
    return sum((row.amount for row in engine.state.income if row.type == "INSURANCE_CLEAR"), Decimal(0))


def test_a_large_position_is_first_reduced_to_the_bracket_below() -> None:
    engine = exposed(20_000, "7")
    (order,) = forced(slide(engine))
    mark, account = engine.state.marks[BTC], engine.state.account
    assert engine.position(BTC) == 7 - order.quantity
    assert 0 <= 300_000 - engine.position(BTC) * mark < mark / 1000
    assert account.wallet + account.unrealized(engine.state.marks) > account.cross_maintenance(engine.state.marks)


def test_a_position_in_the_lowest_bracket_is_closed_whole() -> None:
    engine = exposed(1_000, "0.4")
    (order,) = forced(slide(engine))
    assert (order.quantity, order.status, engine.position(BTC)) == (Decimal("0.4"), OrderStatus.FILLED, 0)
    assert order.client_id.startswith("autoclose-")


def test_liquidation_pays_its_fee_and_never_fills_beyond_the_bankruptcy_price() -> None:
    engine = exposed(1_000, "0.4")
    (order,) = forced(slide(engine))
    fills = [trade.price for trade in engine.state.trades if trade.order_id == order.order_id]
    assert min(fills) >= order.price
    assert -order.spent * Decimal("0.0125") <= cleared(engine) < 0
    assert engine.state.account.wallet >= 0


def test_what_a_thin_book_does_not_take_stays_and_the_account_can_do_nothing_meanwhile() -> None:
    engine = exposed(850, "60", symbol=BNB)
    thin(engine)
    orders = forced(gap(engine, -0.0175))
    assert any(one.status is OrderStatus.EXPIRED and 0 < one.executed < one.quantity for one in orders)
    assert engine.position(BNB) == 60 - sum(one.executed for one in orders) > 0
    with pytest.raises(Problem, match="-2023"):
        engine.place(NewOrder(BNB, Side.SELL, OrderType.MARKET, Decimal(1), reduce_only=True))
    again = forced(gap(engine, 0))
    assert {one.client_id for one in again}.isdisjoint({one.client_id for one in orders})
    assert again


def test_a_recovery_ends_the_liquidation() -> None:
    engine = exposed(850, "60", symbol=BNB)
    thin(engine)
    gap(engine, -0.0175)
    assert engine.state.liquidating
    gap(engine, 0.05)
    assert not engine.state.liquidating
    assert engine.position(BNB) > 0


@pytest.mark.parametrize("isolated", [False, True])
def test_below_the_bankruptcy_price_the_fund_takes_over_at_the_mark_and_pays_the_debt(isolated: bool) -> None:
    engine = exposed(1_000, "0.4", isolated=isolated)
    stake = engine.state.account.holding(BTC, PositionSide.BOTH).isolated_wallet if isolated else Decimal(1_000)
    (order,) = forced(gap(engine, -0.08))
    assert (order.average_price, engine.position(BTC)) == (order.price, 0)
    assert cleared(engine) > 0
    assert 1_000 - engine.state.account.wallet <= stake + 25


def test_an_isolated_position_falls_alone() -> None:
    engine = exposed(10_000, "0.4", isolated=True)
    engine.place(NewOrder(ETH, Side.BUY, OrderType.MARKET, Decimal(1)))
    resting = engine.place(
        NewOrder(ETH, Side.BUY, OrderType.LIMIT, Decimal(1), engine.state.listing(ETH).rules.round_price(
            engine.state.marks[ETH] * Decimal("0.96"), up=False))
    )  # fmt: skip
    gap(engine, -0.08, (BTC,))
    assert (engine.position(BTC), engine.position(ETH), resting.status) == (0, 1, OrderStatus.NEW)
    assert engine.state.account.wallet > 9_000


def test_an_isolated_position_that_is_reduced_keeps_its_margin() -> None:
    engine = exposed(30_000, "7", isolated=True)
    held = engine.state.account.holding(BTC, PositionSide.BOTH)
    before = held.isolated_wallet
    fills = [event.trade for event in slide(engine) if isinstance(event, OrderChange) and event.trade]
    paid = sum(trade.realized - trade.commission for trade in fills) + cleared(engine)
    assert 0 < held.quantity < 7
    assert held.isolated_wallet < before
    assert held.isolated_wallet == pytest.approx(before + paid, abs=Decimal("0.0000001"))


def test_the_largest_of_several_positions_goes_first() -> None:
    engine = exposed(1_200, "0.4")
    configuring.set_leverage(engine.state, ETH, 50)
    engine.place(NewOrder(ETH, Side.BUY, OrderType.MARKET, Decimal("0.5")))
    (order,) = forced(slide(engine))
    assert (order.symbol, engine.position(BTC), engine.position(ETH)) == (BTC, 0, Decimal("0.5"))


def test_resting_orders_expire_first_and_say_why() -> None:
    engine = exposed(1_100, "0.4")
    price = engine.state.listing(BTC).rules.round_price(engine.state.marks[BTC] * Decimal("0.96"), up=False)
    engine.place(NewOrder(BTC, Side.BUY, OrderType.LIMIT, Decimal("0.01"), price))
    engine.drain()
    first = next(event for event in slide(engine) if isinstance(event, OrderChange))
    assert (first.order.price, first.execution, first.expiry) == (price, "EXPIRED", Expiry.LIQUIDATION)


@pytest.mark.parametrize("isolated", [False, True])
def test_a_margin_call_comes_once_before_and_again_after_a_recovery(isolated: bool) -> None:
    engine = exposed(1_000, "0.4", isolated=isolated)
    down = -0.0153 if isolated else -0.0185
    heard = [[event for event in gap(engine, move) if isinstance(event, MarginCall)] for move in (down, 0, -down, down)]
    assert [len(calls) for calls in heard] == [1, 0, 0, 1]
    view, mark, maintenance = heard[0][0].positions[0]
    assert (view.symbol, view.isolated, mark > 0, maintenance > 0) == (BTC, isolated, True, True)


def test_auto_deleveraging_takes_the_position_at_the_mark() -> None:
    engine = exposed(10_000, "0.1")
    order = deleverage(engine.state, BTC, PositionSide.BOTH)
    assert order is not None
    assert (order.client_id, order.average_price, engine.position(BTC)) == ("adl_autoclose", engine.state.marks[BTC], 0)
    assert deleverage(engine.state, BTC, PositionSide.BOTH) is None


def test_a_pair_that_is_settled_closes_what_is_left_at_the_mark() -> None:
    engine = exposed(10_000, "0.1")
    engine.state.statuses[BTC] = "SETTLING"
    events = gap(engine, 0)
    (order,) = forced(events)
    assert order.client_id.startswith("settlement_autoclose-")
    assert engine.position(BTC) == 0
    assert {event.reason for event in events if isinstance(event, AccountChange)} == {"ORDER"}


def test_closing_by_hand_in_time_avoids_all_of_it() -> None:
    engine = exposed(1_000, "0.4")
    gap(engine, -0.0185)
    engine.place(NewOrder(BTC, Side.SELL, OrderType.MARKET, Decimal("0.4"), reduce_only=True))
    assert forced(gap(engine, -0.05)) == []
    assert cleared(engine) == 0


def test_a_close_beyond_the_wallet_leaves_a_debt_that_the_fund_pays() -> None:
    """A stop fires on the last price, which jumps at once; the mark, by which margin is watched, follows later."""
    engine = exposed(1_000, "0.4")
    trigger = engine.state.listing(BTC).rules.round_price(engine.state.lasts[BTC] * Decimal("0.999"), up=False)
    stop = NewOrder(BTC, Side.SELL, OrderType.STOP_MARKET, trigger_price=trigger, close_position=True)
    engine.place_conditional(stop)
    events = gap(engine, -0.045)
    assert forced(events) == []
    assert (engine.position(BTC), engine.state.account.wallet) == (0, 0)
    assert cleared(engine) > 0
    assert "INSURANCE_CLEAR" in {event.reason for event in events if isinstance(event, AccountChange)}
