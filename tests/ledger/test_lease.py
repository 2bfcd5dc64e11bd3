"""One writer per account; the token only ever grows."""

from datetime import timedelta

import pytest

from canary_cli.core.clock import ManualClock
from canary_cli.errors import ExitCode, LeaseHeld
from canary_cli.ledger import Ledger
from tests.ledger.conftest import ACCOUNT, START

TTL = timedelta(seconds=30)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def ledgers(url: str, clock: ManualClock):
    pair = (Ledger.open(url, ACCOUNT, clock.now), Ledger.open(url, ACCOUNT, clock.now))
    yield pair
    for ledger in pair:
        ledger.close()


def test_a_second_holder_is_refused_with_exit_9(ledgers):
    first, second = ledgers
    assert first.acquire(ACCOUNT, "host-a:1", TTL).token == 1
    with pytest.raises(LeaseHeld, match="host-a:1 holds the lease of desk until 10:00:30 UTC") as refused:
        second.acquire(ACCOUNT, "host-b:2", TTL)
    assert refused.value.exit_code is ExitCode.LEASE_HELD


async def test_an_expired_lease_is_taken_over_and_its_holder_finds_out(ledgers, clock: ManualClock):
    first, second = ledgers
    old = first.acquire(ACCOUNT, "host-a:1", TTL)
    await clock.advance(31)
    assert second.acquire(ACCOUNT, "host-b:2", TTL).token == 2
    with pytest.raises(LeaseHeld, match="another process has taken"):
        first.renew(old, TTL)


async def test_a_renewed_lease_does_not_expire(ledgers, clock: ManualClock):
    first, second = ledgers
    lease = first.acquire(ACCOUNT, "host-a:1", TTL)
    for _ in range(3):
        await clock.advance(20)
        lease = first.renew(lease, TTL)
    with pytest.raises(LeaseHeld):
        second.acquire(ACCOUNT, "host-b:2", TTL)


def test_a_released_lease_is_free_and_its_token_is_not_used_again(ledgers):
    first, second = ledgers
    first.release(first.acquire(ACCOUNT, "host-a:1", TTL))
    assert second.holder() is None
    assert second.acquire(ACCOUNT, "host-b:2", TTL).token == 2


def test_two_who_saw_the_same_lease_cannot_both_take_it(ledgers, monkeypatch):
    from canary_cli.ledger import lease as leasing

    first, second = ledgers
    first.release(first.acquire(ACCOUNT, "host-a:1", TTL))
    with first.engine.connect() as connection:
        seen = leasing.read_lease(connection, ACCOUNT)
    second.acquire(ACCOUNT, "host-b:2", TTL)
    monkeypatch.setattr(leasing, "read_lease", lambda *_: seen)
    with pytest.raises(LeaseHeld):
        first.acquire(ACCOUNT, "host-a:1", TTL)


def test_by_default_the_database_tells_the_time(url: str):
    ledger = Ledger.open(url, ACCOUNT)
    lease = ledger.acquire(ACCOUNT, "host-a:1", TTL)
    assert ledger.holder() == lease
    ledger.close()
