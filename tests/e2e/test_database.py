"""The same on MariaDB; and a database that goes away in the middle, for a while or for good."""

import signal

import pytest

from tests.conftest import MariaDB
from tests.e2e.house import House, wait_until
from tests.e2e.test_whole_run import assert_books_equal

pytestmark = pytest.mark.mariadb
DATABASE = 'database = "5 min"'


@pytest.fixture
def on_mariadb(house: House, mariadb: MariaDB) -> House:
    house.environment["DATABASE_URL"] = mariadb.url("e2e")
    return house


def test_a_whole_run_on_mariadb(on_mariadb: House) -> None:
    ended = on_mariadb.rehearse().wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (0, "RESULT DONE exit=0"), ended
    assert "s3cret-pw" not in ended.out + ended.err
    assert_books_equal(on_mariadb)


def test_entries_stop_while_the_database_is_away_and_what_it_missed_is_replayed(
    on_mariadb: House, mariadb: MariaDB
) -> None:
    on_mariadb.linger()
    on_mariadb.amend(DATABASE, 'database = "12 h"')
    run = on_mariadb.rehearse()
    on_mariadb.open_positions()
    mariadb.stop()
    held = wait_until(lambda: on_mariadb.journal("condition_set", name="database"), "entries held", 3)[0]
    lines = len(on_mariadb.journal())
    wait_until(lambda: len(on_mariadb.journal()) > lines + 5, "the journal goes on")
    assert not [e for e in entries_of(on_mariadb) if e > held.seq]
    mariadb.start()
    cleared = on_mariadb.seen("condition_cleared", name="database")
    assert not [e for e in entries_of(on_mariadb) if held.seq < e < cleared.seq]
    run.send(signal.SIGTERM)
    assert run.wait().code == 143
    assert_books_equal(on_mariadb)


def entries_of(house: House) -> list[int]:
    """Where in the journal something was opened."""
    return [entry.seq for entry in house.journal("order_intent") if entry.data["purpose"] in ("entry", "probe")]


def test_a_database_that_stays_away_is_a_rollback(on_mariadb: House, mariadb: MariaDB) -> None:
    on_mariadb.linger()
    run = on_mariadb.rehearse()
    on_mariadb.open_positions()
    mariadb.stop()
    ended = run.wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (5, "RESULT ROLLED_BACK exit=5"), ended
    assert on_mariadb.is_flat()
    assert "database" in next(line for line in ended.out.splitlines() if line.startswith("ROLLED_BACK: "))
    assert "NOT DONE" in ended.out, "evidence that needs the database is missing, and said to be"
