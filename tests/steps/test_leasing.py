"""Who may hold an account: one run; not the second beside it, but at once the one after a run that was killed."""

import os
import socket
import subprocess
import sys

import pytest

from canary_cli.errors import LeaseHeld
from canary_cli.steps import leasing
from tests.steps.conftest import Home


def held_by(home: Home, who: str) -> int:
    ledger = home.ledger()
    try:
        return ledger.acquire("paper", who, leasing.TTL).token
    finally:
        ledger.close()


def test_the_lease_of_a_run_that_was_killed_here_is_taken_at_once_with_a_new_token(home: Home) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    token = held_by(home, f"{socket.gethostname()}:{gone.pid}")
    world = home.world
    with leasing.hold(world) as lease:
        assert (lease.holder, lease.token > token) == (leasing.holder(), True)
    world.ledger.close()


@pytest.mark.parametrize("who", [f"{socket.gethostname()}:{os.getppid()}", "another-host:1"])
def test_the_lease_of_a_run_that_lives_or_that_nobody_here_can_see_is_respected(home: Home, who: str) -> None:
    held_by(home, who)
    world = home.world
    with pytest.raises(LeaseHeld), leasing.hold(world):
        pass
    world.ledger.close()


def test_a_second_run_on_this_machine_is_refused(home: Home) -> None:
    first, second = home.world, home.world
    with leasing.hold(first), pytest.raises(LeaseHeld), leasing.hold(second):
        pass
    first.ledger.close()
