"""Another terminal stops what runs, or what was killed: from another folder, without a TTY, without the run's help."""

import os
import re
import signal

import pytest

from canary_cli.journal.beat import read_beat
from canary_cli.session.view_codec import read_view
from tests.e2e.house import House, wait_until
from tests.e2e.test_whole_run import assert_books_equal


@pytest.fixture
def trading(house: House) -> House:
    """A home whose phase 1 lasts."""
    house.linger()
    return house


@pytest.mark.parametrize("verb", ["close-all --no-recheck", "rollback"])
def test_after_kill_9_the_account_is_closed_from_another_folder(trading: House, verb: str) -> None:
    run = trading.rehearse()
    trading.open_positions()
    run.kill()
    assert trading.status()["positions"]
    ended = trading.canary(*verb.split())
    assert (ended.code, trading.is_flat()) == (0, True), ended
    assert_books_equal(trading)


def test_close_all_beside_a_run_is_seen_on_the_user_stream_and_latches_it(trading: House) -> None:
    run = trading.rehearse()
    trading.open_positions()
    closed = trading.canary("close-all", "--no-recheck")
    assert (closed.code, trading.is_flat()) == (0, True), closed
    ended = run.wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (4, "RESULT LATCHED exit=4"), ended
    assert trading.seen("latch_set", source="kill-order").run_id
    assert_books_equal(trading)


def test_rollback_beside_a_run_ends_flat_and_the_run_says_so(trading: House) -> None:
    run = trading.rehearse()
    trading.open_positions()
    rolled = trading.canary("rollback", "--reason", "a story")
    assert (rolled.code, trading.is_flat()) == (0, True), rolled
    ended = run.wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (4, "RESULT LATCHED exit=4"), ended


def test_trading_disable_reaches_a_running_session_which_opens_nothing_more(house: House) -> None:
    run = house.rehearse()
    house.open_positions()
    disabled = house.canary("trading", "disable", "--reason", "a story")
    assert disabled.code == 0, disabled
    told = wait_until(lambda: [e for e in house.journal("latch_set", source="trading disable") if e.run_id], "seen", 5)
    seen = told[0]
    ended = run.wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (4, "RESULT LATCHED exit=4"), ended
    later = [entry.data["purpose"] for entry in house.journal("order_intent") if entry.seq > seen.seq]
    assert not {"entry", "probe"} & set(later)
    assert house.status()["positions"], "disabling closes nothing"


def test_ctrl_c_stops_in_order_says_what_is_open_and_the_run_goes_on_when_typed_again(trading: House) -> None:
    run = trading.rehearse()
    trading.open_positions()
    run.send(signal.SIGHUP)
    run.send(signal.SIGINT)
    ended = run.wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (130, "RESULT INTERRUPTED exit=130"), ended
    held = trading.status()
    assert held["positions"] and held["open_conditionals"]
    told = next(line for line in ended.out.splitlines() if line.startswith("INTERRUPTED: open, stops stay: "))
    assert all(f"{pair.split()[0]} {quantity}, stop " in told for pair, quantity in held["positions"].items()), told
    assert "NONE" not in told
    assert f"canary close-all --account {trading.account}" in ended.err
    again = trading.begin("run", "--account", trading.account)
    trading.seen("run_resumed")
    wait_until(lambda: len(trading.journal("step_finished", step="session")) == 2, "the session open again")
    again.send(signal.SIGTERM)
    assert again.wait().code == 143


def test_ctrl_c_twice_leaves_at_once(trading: House) -> None:
    run = trading.rehearse()
    trading.open_positions()
    run.send(signal.SIGSTOP)  # so that both are there when it looks, whatever else this machine does
    run.send(signal.SIGINT)
    run.send(signal.SIGTERM)
    run.send(signal.SIGCONT)
    ended = run.wait(5)
    assert ended.code in (130, 143), ended
    assert "Traceback" not in ended.err
    assert trading.status()["open_conditionals"]


def test_ctrl_c_twice_while_the_run_closes_hands_over_and_says_to_whom(trading: House) -> None:
    """It ended without a word, and its token told the watchdog that this was a planned stop."""
    run = trading.rehearse()
    trading.open_positions()
    trading.ask("POST", "faults", kind="reject", on="^POST /fapi/v1/order$", code=-1008, status=503, msg="throttled")
    trading.ask("POST", "faults", kind="silence")
    trading.seen("flatten_started")
    folder = trading.home / ".canary" / trading.account.replace(":", "-")
    wait_until(lambda: (seen := read_view(folder)) and seen.step == "rolling back", "the screen that follows it")
    for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
        run.send(number)
    ended = run.wait(10)
    assert ended.code in (130, 143) and "Traceback" not in ended.err, ended
    heir = re.search(r"left while it closes: process (\d+) goes on closing", ended.out)
    assert heir, ended
    assert f"next:  canary close-all --account {trading.account}" in ended.err, ended
    beat = read_beat(folder)
    assert beat is not None and not beat.ended
    trading.ask("DELETE", "faults")
    wait_until(trading.is_flat, "the process that was named")
    os.kill(int(heir[1]), signal.SIGKILL)  # its re-checks would outlive the exchange


def test_a_second_run_on_the_account_is_refused(trading: House) -> None:
    run = trading.rehearse()
    trading.seen("phase_entered")
    second = trading.canary("run", "--account", trading.account)
    assert (second.code, second.err.splitlines()[-1]) == (9, "RESULT LEASE_HELD exit=9"), second
    assert run.popen.poll() is None
