"""What positions and orders cost: brackets, cross and isolated margin, order margin, funding, fees, the ADL queue."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.core.model import OrderType, PositionSide, Side, TimeInForce
from canary_cli.paper import configuring
from canary_cli.paper.account import Holding
from canary_cli.paper.account_shapes import adl_quantile, margin_figures
from canary_cli.paper.engine import Engine
from canary_cli.paper.liquidation import pools
from canary_cli.paper.margin import bracket_of, largest_notional, liquidation_price, maintenance
from canary_cli.paper.market.pairs import LISTINGS
from canary_cli.paper.orders import AccountChange, NewOrder
from canary_cli.paper.problems import Problem
from canary_cli.paper.settling import pay_funding, transfer
from tests.paper.conftest import new_engine

BTC, ETH = "BTCUSDT", "ETHUSDT"
BRACKETS = LISTINGS[BTC].brackets


def market(side: Side, quantity: str, symbol: str = BTC, **more: Any) -> NewOrder:
    return NewOrder(symbol, side, OrderType.MARKET, Decimal(quantity), **more)


def limit(engine: Engine, side: Side, quantity: Decimal | str, share: str = "0.97", **more: Any) -> NewOrder:
    price = engine.state.listing(BTC).rules.round_price(engine.state.marks[BTC] * Decimal(share), up=False)
    return NewOrder(BTC, side, OrderType.LIMIT, Decimal(quantity), price, TimeInForce.GTC, **more)


# brackets


@given(st.integers(1, 1_700_000_000))
def test_maintenance_has_no_step_between_brackets(notional: int) -> None:
    here, next_to_it = (maintenance(Decimal(value), BRACKETS) for value in (notional, notional + 1))
    assert 0 < next_to_it - here <= Decimal("0.5")
    bracket = bracket_of(Decimal(notional), BRACKETS)
    assert bracket.floor < notional <= bracket.cap or bracket is BRACKETS[0]


@pytest.mark.parametrize(
    ("leverage", "cap"), [(150, 300_000), (100, 800_000), (99, 800_000), (20, 100_000_000), (1, 1_800_000_000)]
)
def test_leverage_bounds_the_notional(leverage: int, cap: int) -> None:
    assert largest_notional(leverage, BRACKETS) == cap


@settings(max_examples=200)
@given(
    st.decimals("0.001", "900", places=3), st.sampled_from([1, -1]), st.decimals("20000", "200000", places=1),
    st.decimals("0.002", "0.9", places=3),
)  # fmt: skip
def test_at_the_liquidation_price_the_balance_is_the_maintenance(
    size: Decimal, sign: int, entry: Decimal, share: Decimal
) -> None:
    quantity, cushion = sign * size, size * entry * share
    price = liquidation_price(quantity, entry, cushion, BRACKETS, entry)
    if price > 0:
        balance = cushion + quantity * (price - entry)
        assert abs(balance - maintenance(quantity * price, BRACKETS)) < Decimal("0.000001") * size * entry


# what is available


def test_a_cross_position_uses_margin_at_the_mark_and_an_isolated_one_its_own_wallet(engine: Engine) -> None:
    configuring.set_margin_type(engine.state, ETH, isolated=True)
    engine.place(market(Side.BUY, "0.1"))
    engine.place(market(Side.BUY, "1", ETH))
    account, marks = engine.state.account, engine.state.marks
    held = account.holding(ETH, PositionSide.BOTH)
    assert held.isolated_wallet == pytest.approx(held.entry / 20, rel=Decimal("0.0001"))
    crossed = account.holding(BTC, PositionSide.BOTH)
    free = account.wallet - held.isolated_wallet + crossed.unrealized(marks[BTC]) - Decimal("0.1") * marks[BTC] / 20
    assert engine.state.available == free
    figures = margin_figures(engine.state)
    assert figures["availableBalance"] == f"{free:.8f}"
    assert [pool.name for pool in pools(engine.state)] == [f"{ETH} BOTH", "cross"]


def test_an_order_may_cost_what_is_available_and_not_a_step_more(engine: Engine) -> None:
    price = limit(engine, Side.BUY, "1").price
    assert price is not None
    most = (engine.state.available * 20 / price).quantize(Decimal("0.001"), "ROUND_FLOOR")
    with pytest.raises(Problem, match="-2019"):
        engine.place(limit(engine, Side.BUY, most + Decimal("0.001")))
    engine.place(limit(engine, Side.BUY, most))
    assert engine.state.available < price / 1000


def test_only_orders_that_enlarge_the_larger_outcome_cost(engine: Engine) -> None:
    engine.place(market(Side.BUY, "0.5"))
    before = engine.state.available
    engine.place(limit(engine, Side.SELL, "0.5", "1.02"))
    assert engine.state.available == before
    engine.place(limit(engine, Side.SELL, "0.5", "1.03", reduce_only=False))
    assert engine.state.available == pytest.approx(before, rel=Decimal("0.02"))
    engine.place(limit(engine, Side.BUY, "0.1"))
    assert engine.state.available < before


def test_an_amended_order_must_be_paid_for_too(engine: Engine) -> None:
    order = engine.place(limit(engine, Side.BUY, "0.1"))
    with pytest.raises(Problem, match="-2019"):
        engine.amend(BTC, order.order_id, None, Side.BUY, Decimal(3), order.price)
    with pytest.raises(Problem, match="-2027"):
        configuring.set_leverage(engine.state, BTC, 150)
        engine.amend(BTC, order.order_id, None, Side.BUY, Decimal(4), order.price)
    engine.amend(BTC, order.order_id, None, Side.BUY, Decimal("0.05"), order.price)
    assert order.quantity == Decimal("0.05")


def test_what_isolated_margin_gives_up_comes_back_to_the_cross_wallet(engine: Engine) -> None:
    configuring.set_margin_type(engine.state, BTC, isolated=True)
    engine.place(market(Side.BUY, "0.1"))
    engine.place(market(Side.SELL, "0.1", reduce_only=True))
    assert engine.state.account.holding(BTC, PositionSide.BOTH).isolated_wallet == 0
    assert engine.state.account.cross_wallet == engine.state.account.wallet == engine.state.available


# funding


@pytest.mark.parametrize("isolated", [False, True])
def test_longs_pay_a_positive_rate_out_of_the_wallet_they_stand_on(engine: Engine, isolated: bool) -> None:
    if isolated:
        configuring.set_margin_type(engine.state, BTC, isolated=True)
    engine.place(market(Side.BUY, "0.1"))
    held = engine.state.account.holding(BTC, PositionSide.BOTH)
    own, all_of_it = held.isolated_wallet, engine.state.account.wallet
    engine.drain()
    pay_funding(engine.state, BTC, Decimal("0.0001"))
    paid = (Decimal("0.1") * engine.state.marks[BTC] * Decimal("0.0001")).quantize(Decimal("0.00000001"))
    assert engine.state.account.wallet == all_of_it - paid
    assert held.isolated_wallet == (own - paid if isolated else 0)
    (event,) = engine.drain()
    assert isinstance(event, AccountChange)
    assert (event.reason, event.symbol, event.balances[0].change, len(event.positions)) == (
        "FUNDING_FEE",
        BTC,
        -paid,
        int(isolated),
    )
    row = engine.state.income[-1]
    assert (row.type, row.symbol, row.amount) == ("FUNDING_FEE", BTC, -paid)


def test_in_hedge_mode_both_sides_settle_and_cancel_out(engine: Engine) -> None:
    configuring.set_hedge(engine.state, hedge=True)
    engine.place(market(Side.BUY, "0.1", position_side=PositionSide.LONG))
    engine.place(market(Side.SELL, "0.1", position_side=PositionSide.SHORT))
    wallet = engine.state.account.wallet
    pay_funding(engine.state, BTC, Decimal("0.0001"))
    assert [row.type for row in engine.state.income][-2:] == ["FUNDING_FEE"] * 2
    assert engine.state.account.wallet == wallet


# fees


def test_fees_fall_back_to_usdt_where_the_bnb_does_not_suffice(engine: Engine) -> None:
    engine.state.account.fee_burn = True
    transfer(engine.state, "BNB", Decimal("0.000001"))
    engine.place(market(Side.BUY, "0.1"))
    trade = engine.state.trades[-1]
    assert (trade.commission_asset, trade.commission) == ("USDT", trade.price * trade.quantity * Decimal("0.0005"))


def test_a_maker_pays_less_than_a_taker_and_break_even_knows_both(engine: Engine) -> None:
    engine.place(limit(engine, Side.BUY, "0.1", "0.9995"))
    engine.advance(engine.now + timedelta(minutes=30))
    made = engine.state.trades[-1]
    assert (made.maker, made.commission) == (True, made.price * made.quantity * Decimal("0.0002"))
    held = engine.state.account.holding(BTC, PositionSide.BOTH)
    assert held.break_even == held.entry + sum(trade.commission for trade in engine.state.trades) / held.quantity


# the queue of auto-deleveraging


def test_profit_and_leverage_move_a_position_up_the_queue() -> None:
    engine = new_engine()
    mark = engine.state.marks[BTC]

    def place_in_queue(entry: str, leverage: int) -> int:
        configuring.set_leverage(engine.state, BTC, leverage)
        return adl_quantile(engine.state, Holding(BTC, PositionSide.BOTH, Decimal(1), mark * Decimal(entry)))

    assert adl_quantile(engine.state, Holding(BTC, PositionSide.BOTH)) == 0
    assert [place_in_queue(entry, 20) for entry in ("1.1", "1", "0.9")] == [0, 2, 4]
    assert place_in_queue("0.99", 50) > place_in_queue("0.99", 5)
