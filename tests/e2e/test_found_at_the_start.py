"""Row 38, as typed: what a run finds on the account that its fills do not explain, and a person's word on it."""

import signal

import pytest

from tests.e2e.house import Ended, House, wait_until
from tests.e2e.test_whole_run import assert_books_equal

SOL = "SOLUSDT"


def asked(house: House) -> Ended:
    """A run that was stopped, somebody's order meanwhile, and the run typed again: it asks, and opens nothing."""
    house.linger()
    run = house.rehearse()
    house.open_positions()
    run.send(signal.SIGTERM)
    assert run.wait().code == 143
    house.ask("POST", "account", order={"symbol": SOL, "side": "BUY", "quantity": "2"})
    lines = len(house.journal())
    ended = house.canary("run", "--account", house.account)
    intents = [entry.data["purpose"] for entry in house.journal("order_intent") if entry.seq > lines]
    assert not {"entry", "probe"} & set(intents)
    return ended


@pytest.mark.parametrize("word", ["--flatten", "--adopt"])
def test_row_38_a_position_found_at_the_start_is_asked_about_and_then_closed_or_taken_over(
    house: House, word: str
) -> None:
    ended = asked(house)
    assert (ended.code, ended.err.splitlines()[-1]) == (4, "RESULT MISMATCH exit=4"), ended
    assert f"{SOL}: the exchange holds 2, our fills say 0" in ended.out
    assert "--adopt" in ended.err and "--flatten" in ended.err
    begun, opened = house.journal("run_started"), len(house.journal("step_finished", step="session", outcome="OPEN"))
    run = house.begin("run", "--account", house.account, word)
    assert house.seen("latch_cleared", sources=["mismatch"]).reason == word
    wait_until(lambda: len(house.journal("step_finished", step="session", outcome="OPEN")) > opened, "an open session")
    if word == "--flatten":
        left = house.status()["positions"]
        assert left and f"{SOL} BOTH" not in left  # what our fills explain stays open
    else:
        assert house.seen("order_intent", symbol=SOL, purpose="stop")
    run.send(signal.SIGTERM)
    assert run.wait().code == 143
    assert house.journal("run_started") == begun
    assert_books_equal(house)


def test_a_rehearsal_that_has_ended_cannot_be_gone_on_with(house: House) -> None:
    run = house.rehearse()
    house.seen("run_started")
    run.kill()
    house.ask("POST", "hold")
    ended = house.canary("run", "--account", house.account)
    assert (ended.code, ended.err.splitlines()[-1]) == (10, "RESULT REFUSED exit=10"), ended
    assert "stands still" in ended.err
