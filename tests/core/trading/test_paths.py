"""Which way next: what an answer says about the way it came by, and what may be sent again by another."""

import pytest

from canary_cli.core.trading.paths import HELD, HELD_AT_MOST, Paths, none_answered
from canary_cli.core.trading.replies import Confirmed, Failed, Rejected, Reply, Throttled, Unknown

BOTH = Paths(("first", "second"))
DOWN = Failed(0, "cannot connect")
BUSY = Failed(-1008, "Request throttled by system-level protection.")


def test_a_way_that_failed_comes_last_for_a_while_and_is_still_there() -> None:
    paths = BOTH.after("first", DOWN, 100.0)
    assert paths.in_turn(100.0 + HELD - 0.1) == ("second", "first")
    assert paths.in_turn(100.0 + HELD) == ("first", "second")


def test_failures_in_a_row_hold_it_longer_up_to_a_minute_and_an_answer_ends_that() -> None:
    paths, now, held = BOTH, 0.0, []
    for _ in range(6):
        paths = paths.after("first", DOWN, now)
        held.append(paths.ways["first"].held_until - now)
        now = paths.ways["first"].held_until
    assert held == [5.0, 10.0, 20.0, 40.0, HELD_AT_MOST, HELD_AT_MOST]
    assert paths.after("first", Rejected(-2022, ""), now).in_turn(now) == BOTH.names


def test_twenty_requests_that_fail_together_count_once() -> None:
    paths = BOTH
    for _ in range(20):
        paths = paths.after("first", DOWN, 1.0)
    assert paths.ways["first"].failures == 1


def test_with_all_of_them_down_the_order_is_the_preferred_one() -> None:
    paths = BOTH.after("first", DOWN, 0.0).after("second", DOWN, 0.0)
    assert paths.in_turn(1.0) == BOTH.names


def test_one_overload_says_nothing_about_a_way_and_the_second_does() -> None:
    once = BOTH.after("first", BUSY, 0.0)
    twice = once.after("first", BUSY, 0.1)
    assert (once.in_turn(0.0), once.goes_on("first", BUSY, repeatable=False)) == (BOTH.names, False)
    assert (twice.in_turn(0.2), twice.goes_on("first", BUSY, repeatable=False)) == (("second", "first"), True)


@pytest.mark.parametrize(
    ("reply", "order", "question"),
    [
        (DOWN, True, True),
        (Failed(-1001, "Service Unavailable."), True, True),
        (Unknown("no reply within 3 s"), False, True),
        (Confirmed(1), False, False),
        (Rejected(-2022, "ReduceOnly Order is rejected."), False, False),
        (Throttled(120.0, banned=True), False, False),
        (Throttled(1.0), False, False),
        (Failed(0, "403 Forbidden"), False, False),
        (Failed(-1021, "Timestamp"), False, False),
    ],
)
def test_what_may_be_sent_by_another_way(reply: Reply[int], order: bool, question: bool) -> None:
    paths = BOTH.after("first", reply, 0.0)
    assert paths.goes_on("first", reply, repeatable=False) is order
    assert paths.goes_on("first", reply, repeatable=True) is question


def test_a_request_that_went_by_every_way_is_unknown_if_it_is_so_by_one() -> None:
    assert none_answered({"a": DOWN, "b": Failed(-1008, "busy")}) == Failed(0, "a: cannot connect; b: -1008 busy")
    assert none_answered({"a": DOWN, "b": Unknown("lost")}) == Unknown("a: cannot connect; b: lost")
