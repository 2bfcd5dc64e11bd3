"""The life of one order: what the exchange has said is never unsaid by a late or repeated word."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.model import OrderStatus, OrderType, Side
from canary_cli.core.trading.facts import (
    Intended,
    OrderConfirmed,
    OrderMoved,
    OrderRejected,
    OrderResolved,
    OrderUnknown,
    Purpose,
)
from canary_cli.core.trading.order import RESOLVE_DELAYS, OrderFact, OrderLife, Stage, advance, next_question

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
INTENT = Intended(
    "c-1", "BTCUSDT", Side.BUY, Decimal("0.05"), OrderType.MARKET, Purpose.ENTRY, NOON, Decimal("42500.50")
)


def moved(status: OrderStatus, executed: str) -> OrderMoved:
    return OrderMoved("c-1", 7, status, Decimal(executed), Decimal("42501"))


def lived(*facts: OrderFact) -> OrderLife:
    life = OrderLife(INTENT)
    for fact in facts:
        life = advance(life, fact)
    return life


def test_a_market_order_is_sent_confirmed_filled_and_ended() -> None:
    life = lived(OrderConfirmed("c-1", 7, 45.0, 41.0), moved(OrderStatus.FILLED, "0.05"))

    assert life.stage is Stage.ENDED
    assert life.executed == Decimal("0.05")
    assert not life.is_open


def test_the_stream_may_tell_of_the_fill_before_the_reply_comes() -> None:
    life = lived(moved(OrderStatus.FILLED, "0.05"), OrderConfirmed("c-1", 7, 45.0, 41.0))

    assert life.stage is Stage.ENDED


def test_a_lost_reply_leaves_the_order_unknown_until_the_exchange_is_asked() -> None:
    unknown = lived(OrderUnknown("c-1", "-1007"))

    assert unknown.stage is Stage.UNKNOWN
    assert unknown.is_open
    assert advance(unknown, OrderResolved("c-1", "found")).stage is Stage.CONFIRMED
    assert advance(unknown, OrderResolved("c-1", "absent")).stage is Stage.REJECTED


def test_a_fill_on_the_stream_answers_the_question_by_itself() -> None:
    life = lived(OrderUnknown("c-1", "-1007"), moved(OrderStatus.FILLED, "0.05"))

    assert life.stage is Stage.ENDED


def test_an_unknown_order_is_asked_for_less_and_less_often_and_then_no_more() -> None:
    delays = [next_question(OrderLife(INTENT, Stage.UNKNOWN, asked=n)) for n in range(len(RESOLVE_DELAYS) + 1)]

    assert delays == [0.2, 0.4, 0.8, 1.6, None]


facts = st.one_of(
    st.just(OrderConfirmed("c-1", 7, 1.0, 1.0)),
    st.just(OrderRejected("c-1", -2019, "Margin is insufficient.")),
    st.just(OrderUnknown("c-1", "timeout")),
    st.sampled_from([OrderResolved("c-1", "found"), OrderResolved("c-1", "absent")]),
    st.builds(
        moved,
        st.sampled_from(OrderStatus),
        st.sampled_from(["0", "0.01", "0.02", "0.05"]),
    ),
)


@given(st.lists(facts, max_size=12))
def test_executed_quantity_never_shrinks_and_an_ended_order_stays_ended(story: list[OrderFact]) -> None:
    life = OrderLife(INTENT)
    for fact in story:
        after = advance(life, fact)
        assert after.executed >= life.executed
        if life.stage is Stage.ENDED and not isinstance(fact, OrderRejected):
            assert after.stage is Stage.ENDED
        life = after
