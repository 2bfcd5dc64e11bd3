"""The ledger keeps up with the journal, and when the database goes away nothing is lost and nothing comes twice."""

import asyncio
from pathlib import Path

import pytest

from canary_cli.core.clock import SystemClock
from canary_cli.errors import DatabaseError
from canary_cli.ledger import Ledger, LedgerWriter
from canary_cli.ledger import writer as writing
from tests.ledger.conftest import ACCOUNT, Day


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(writing, "POLL", 0.01)
    monkeypatch.setattr(writing, "PING", 0.05)
    monkeypatch.setattr(writing, "BACK_OFF", (0.02,))


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Running:
    """A writer at work, as an async context."""

    def __init__(self, url: str, folder: Path) -> None:
        self.changes: list[bool] = []
        self.writer = LedgerWriter(url, ACCOUNT, folder, SystemClock())
        self.writer.listen(self.changes.append)

    async def __aenter__(self) -> "Running":
        self._task = asyncio.create_task(self.writer.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_what_is_written_arrives(url: str, busy_day: Day):
    async with Running(url, busy_day.folder) as running:
        await running.writer.caught_up(len(busy_day.entries()))
        last = busy_day.write("run_ended", run_id="run-2")
        await running.writer.caught_up(last)
    assert running.writer.available
    ledger = Ledger.open(url, ACCOUNT)
    assert len(ledger.rows("trades")) == 2
    assert ledger.caught_up_to() == last
    ledger.close()


@pytest.mark.mariadb
async def test_a_database_that_dies_and_returns_misses_nothing(mariadb, busy_day: Day):
    url = mariadb.url("canary")
    async with Running(url, busy_day.folder) as running:
        await running.writer.caught_up(len(busy_day.entries()))
        mariadb.stop()
        for number in range(3, 30):
            busy_day.trade(number)
        await until(lambda: not running.writer.available)
        assert running.writer.away_since is not None
        mariadb.start()
        await running.writer.caught_up(len(busy_day.entries()))
        await until(lambda: running.writer.available)
    assert (running.changes[0], running.changes[-1]) == (False, True)
    ledger = Ledger.open(url, ACCOUNT)
    assert len(ledger.rows("events")) == len(busy_day.entries())
    assert len(ledger.rows("trades")) == 29
    ledger.close()


@pytest.mark.mariadb
async def test_a_quiet_session_still_notices_that_the_database_died(mariadb, day: Day):
    async with Running(mariadb.url("canary"), day.folder) as running:
        await running.writer.caught_up(day.write("run_started"))
        mariadb.stop()
        await until(lambda: not running.writer.available)


@pytest.mark.mariadb
async def test_a_quiet_session_notices_that_the_server_takes_no_lines(mariadb, day: Day, monkeypatch):
    monkeypatch.setattr(writing, "SLOW", 0.3)
    async with Running(mariadb.url("canary"), day.folder) as running:
        await running.writer.caught_up(day.write("run_started"))
        with mariadb.connect() as connection, connection.cursor() as cursor:
            cursor.execute("LOCK TABLES canary.events WRITE")
            await until(lambda: not running.writer.available)
        await until(lambda: running.writer.available)


async def test_a_quiet_session_notices_that_the_file_takes_no_lines(day: Day, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(writing, "SLOW", 0.3)
    url = f"sqlite:///{tmp_path}/ledger.db"
    async with Running(url, day.folder) as running:
        await running.writer.caught_up(day.write("run_started"))
        other = Ledger.open(url, ACCOUNT)
        with other.engine.execution_options(writes=True).begin():
            await until(lambda: not running.writer.available)
        other.close()
        await until(lambda: running.writer.available)


@pytest.mark.mariadb
async def test_a_database_that_is_away_at_the_start_is_waited_for(mariadb, busy_day: Day):
    url = mariadb.url("canary")
    mariadb.stop()
    async with Running(url, busy_day.folder) as running:
        await until(lambda: not running.writer.available)
        mariadb.start()
        await running.writer.caught_up(len(busy_day.entries()))


@pytest.mark.mariadb
async def test_a_database_that_hangs_counts_as_away(mariadb, busy_day: Day, monkeypatch):
    import signal

    monkeypatch.setattr(writing, "SLOW", 0.1)
    async with Running(mariadb.url("canary"), busy_day.folder) as running:
        await running.writer.caught_up(len(busy_day.entries()))
        mariadb.process.send_signal(signal.SIGSTOP)
        try:
            busy_day.trade(3)
            await until(lambda: not running.writer.available)
            assert "no answer" in running.writer.reason
        finally:
            mariadb.process.send_signal(signal.SIGCONT)
        await running.writer.caught_up(len(busy_day.entries()))
        await until(lambda: running.writer.available)


async def test_a_commit_whose_answer_was_lost_is_not_written_twice(url: str, busy_day: Day, monkeypatch):
    real = Ledger.apply
    lost: list[int] = []

    def applied_but_unanswered(ledger: Ledger, entries) -> int:
        count = real(ledger, entries)
        if not lost:
            lost.append(count)
            raise DatabaseError("Lost connection during query")
        return count

    monkeypatch.setattr(Ledger, "apply", applied_but_unanswered)
    async with Running(url, busy_day.folder) as running:
        await running.writer.caught_up(len(busy_day.entries()))
    ledger = Ledger.open(url, ACCOUNT)
    assert len(ledger.rows("trades")) == 2
    assert (
        ledger.rows("positions")[0]["quantity"].normalize()
        == ledger.rows("trades")[0]["quantity"] - ledger.rows("trades")[1]["quantity"]
    )
    ledger.close()


async def test_a_journal_that_was_replaced_is_not_passed_over_in_silence(url: str, busy_day: Day, tmp_path: Path):
    ledger = Ledger.open(url, ACCOUNT)
    ledger.apply(busy_day.entries())
    ledger.close()
    other = Day(tmp_path / "other")
    other.write("run_started")
    async with Running(url, other.folder) as running:
        await until(lambda: not running.writer.available)
        assert "replaced" in running.writer.reason
    other.journal.close()
