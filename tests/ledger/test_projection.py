"""Whatever comes twice, late or out of order, the rows say the same."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.journal.record import Entry
from canary_cli.ledger.checks import order_fault
from canary_cli.ledger.projection import Key, Row, entry_after, project

AT = datetime(2026, 2, 22, 10, tzinfo=UTC)


class DictRows:
    """Rows in memory: an honest twin of the database's."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Key, Row]] = {}

    def get(self, table: str, key: Key) -> Row | None:
        return self.tables.get(table, {}).get(key)

    def put(self, table: str, key: Key, row: Row) -> None:
        self.tables.setdefault(table, {})[key] = row


def entry(event: str, **data: Any) -> Entry:
    return Entry(event, run_id="r", data=data, timestamp=AT, seq=1, prev="")


def projected(*entries: Entry) -> dict[str, dict[Key, Row]]:
    rows = DictRows()
    for one in entries:
        project(rows, one)
    return rows.tables


amounts = st.decimals("0.001", "1000", places=3)
fills = st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), amounts, amounts), min_size=1, max_size=20)


def fill(number: int, side: str, quantity: Decimal, price: Decimal) -> Entry:
    money = {"quantity": str(quantity), "price": str(price)}
    return entry("fill", symbol="BTCUSDT", trade_id=number, client_id="c", side=side, **money)


@given(fills, st.data())
def test_a_position_is_the_sum_of_its_fills_however_often_they_come(made: list[Any], data: st.DataObject):
    told = [fill(number, *one) for number, one in enumerate(made)]
    again = data.draw(st.lists(st.sampled_from(told)))
    tables = projected(*data.draw(st.permutations(told + again)))
    total = sum((quantity if side == "BUY" else -quantity for side, quantity, _ in made), Decimal(0))
    assert tables["positions"]["BTCUSDT", "BOTH"]["quantity"] == total
    assert len(tables["trades"]) == len(made)


@given(fills)
def test_the_entry_price_lies_between_the_prices_paid(made: list[Any]):
    quantity = entry_price = Decimal(0)
    for side, amount, price in made:
        change = amount if side == "BUY" else -amount
        entry_price = entry_after(quantity, entry_price, change, price)
        quantity += change
    prices = [price for _, _, price in made]
    assert quantity == 0 or min(prices) - Decimal("1e-9") <= entry_price <= max(prices) + Decimal("1e-9")
    assert quantity != 0 or entry_price == 0


LIFE = [
    entry("order_intent", client_id="c", symbol="BTCUSDT", side="BUY", quantity="2", type="MARKET", purpose="entry"),
    entry("order_unknown", client_id="c", reason="-1007"),
    entry("order_confirmed", client_id="c", order_id=7, latency_ms=41.5),
    entry("order_updated", client_id="c", order_id=7, status="PARTIALLY_FILLED", executed="1", average_price="9"),
    entry("order_updated", client_id="c", order_id=7, status="FILLED", executed="2", average_price="9.5"),
]


@given(st.data())
def test_an_order_that_ended_is_not_reopened_by_what_comes_late(data: st.DataObject):
    """The intent is first in every journal; answers and the stream may cross."""
    later = data.draw(st.permutations(LIFE[1:] + data.draw(st.lists(st.sampled_from(LIFE)))))
    (order,) = projected(LIFE[0], *later)["orders"].values()
    assert (order["status"], order["executed"], order["order_id"]) == ("FILLED", Decimal(2), 7)
    assert order_fault({"close_position": False, **order}) == ""


def test_an_order_nobody_found_is_absent_and_one_that_was_found_is_open():
    for outcome, status in (("found", "NEW"), ("absent", "ABSENT")):
        (order,) = projected(*LIFE[:2], entry("order_resolved", client_id="c", outcome=outcome))["orders"].values()
        assert order["status"] == status


def test_a_latch_that_was_cleared_can_be_set_again():
    told = {"source": "rollback", "reason": "breaker", "by": "session"}
    tables = projected(
        entry("latch_set", **told),
        entry("latch_set", **{**told, "reason": "later"}),
        entry("latch_cleared", sources=["rollback", "never"], by="ops"),
    )
    assert (tables["latches"]["rollback",]["reason"], tables["latches"]["rollback",]["cleared_by"]) == (
        "breaker",
        "ops",
    )
    assert (
        projected(entry("latch_set", **told), entry("latch_cleared", sources=["rollback"]), entry("latch_set", **told))[
            "latches"
        ]["rollback",]["cleared_at"]
        is None
    )


@pytest.mark.parametrize("written", [{"sources": ["rollback"], "by": "ops"}, {"source": "rollback", "time": "x"}])
def test_a_latch_is_cleared_by_the_line_of_a_verb_and_by_that_of_a_session(written: dict[str, object]):
    told = entry("latch_set", source="rollback", reason="breaker", by="session")
    tables = projected(told, entry("latch_cleared", **written))
    assert tables["latches"]["rollback",]["cleared_at"] == AT


def test_a_voided_approval_stays_voided():
    given_one = Entry("approval", run_id="r", data={"what": "promote", "by": "ops"}, timestamp=AT, seq=4, prev="")
    void = entry("approval_voided", run="r", seq=4)
    assert projected(given_one, void, void)["approvals"]["r", 4]["voided_at"] == AT


def test_a_step_counts_its_attempts():
    start, finish = entry("step_started", step="gate 0"), entry("step_finished", step="gate 0", outcome="GO")
    (step,) = projected(start, start, finish)["steps"].values()
    assert (step["attempts"], step["outcome"]) == (2, "GO")
