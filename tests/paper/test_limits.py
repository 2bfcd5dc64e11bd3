"""Weights and order counts, without sockets."""

import pytest

from canary_cli.paper.limits import BAN_SECONDS, STRIKES, Limits
from canary_cli.paper.problems import Problem

ME = "127.0.0.1"


def refused(limits: Limits, weight: int, now: float) -> int:
    """The status of a refused request, 200 where it passes."""
    try:
        limits.spend(ME, weight, now)
    except Problem as problem:
        return problem.status
    return 200


def test_the_limit_itself_passes_and_the_next_minute_forgets() -> None:
    limits = Limits()
    assert [refused(limits, 2400, 0), refused(limits, 1, 59), refused(limits, 2400, 60)] == [200, 429, 200]


def test_who_goes_on_is_banned_longer_each_time() -> None:
    limits = Limits()
    limits.spend(ME, 2400, 0)
    assert [refused(limits, 1, 1) for _ in range(STRIKES + 1)] == [429] * STRIKES + [418]
    assert refused(limits, 1, BAN_SECONDS[0]) == 418
    assert refused(limits, 2400, 2 + BAN_SECONDS[0]) == 200
    assert [refused(limits, 1, 3 + BAN_SECONDS[0]) for _ in range(STRIKES + 1)][-1] == 418
    assert refused(limits, 1, 3 + BAN_SECONDS[0] + BAN_SECONDS[1] - 1) == 418


def test_a_sped_up_minute_is_as_much_shorter() -> None:
    limits = Limits(120.0)
    assert [refused(limits, 2400, 0), refused(limits, 1, 0.4), refused(limits, 2400, 0.5)] == [200, 429, 200]


@pytest.mark.parametrize(("per_10s", "per_minute", "word"), [(301, 1, "10 SECONDS"), (1, 1201, "MINUTE")])
def test_order_floods_are_named_by_their_window(per_10s: int, per_minute: int, word: str) -> None:
    with pytest.raises(Problem, match=f"orders per {word}"):
        Limits().spend_orders(per_10s, per_minute, 0)


def test_questions_about_funding_have_a_limit_of_their_own() -> None:
    limits = Limits()
    for _ in range(500):
        limits.spend_funding(0)
    with pytest.raises(Problem, match="current limit is 500"):
        limits.spend_funding(299)
    limits.spend_funding(300)
    assert limits.used(ME, 300) == 0
