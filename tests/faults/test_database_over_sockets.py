"""Row 29: a database that is locked, slow, full or read-only while a session trades over sockets.

No entry goes out, what is held can be left, the journal goes on, and the ledger takes in afterwards what it missed.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from canary_cli.core.clock import SystemClock
from canary_cli.core.model import Side
from canary_cli.core.trading.conditions import DATABASE
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.inputs import ConditionChanged
from canary_cli.ledger import Ledger, LedgerWriter
from canary_cli.ledger import writer as writing
from canary_cli.ledger.engine import open_engine
from tests.conftest import MariaDB
from tests.faults.desk import a_desk
from tests.faults.trader import DiskJournal, Trader, a_session

BTC, ETH = "BTCUSDT", "ETHUSDT"
NAME = "faults"


@asynccontextmanager
async def a_recorded_trader(url: str, home: Path) -> AsyncIterator[tuple[Trader, LedgerWriter]]:
    """A session whose journal is on disk, and the writer that feeds the database of `url` from it."""
    async with a_desk(speed=10.0, home=home) as desk:
        await desk.exchange.connect()
        (home / "logs").mkdir()
        journal = DiskJournal(home / "logs", desk.clock.now)
        async with a_session(desk, journal, home) as trader:
            writer = LedgerWriter(url, "story", journal.folder, desk.clock)
            writer.listen(lambda is_up: trader.session.post(ConditionChanged(desk.clock.now(), DATABASE, not is_up)))
            following = asyncio.create_task(writer.run())
            try:
                yield trader, writer
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        journal.close()


# What can be wrong with it


@contextmanager
def a_locked_table(mariadb: MariaDB) -> Iterator[None]:
    """Another client holds the table the journal's lines go into."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {NAME}.events WRITE")
        yield


@contextmanager
def a_global_read_lock(mariadb: MariaDB) -> Iterator[None]:
    """As a backup of another tool takes it."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield


@contextmanager
def a_read_only_server(mariadb: MariaDB) -> Iterator[None]:
    """As a primary that was demoted to a replica."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            cursor.execute("SET GLOBAL read_only = 0")


Trouble = Callable[[MariaDB], AbstractContextManager[None]]


def plain_user(mariadb: MariaDB) -> str:
    """The URL of an empty database for a user who may do everything in it, and nothing beyond it."""
    address = make_url(mariadb.url(NAME))
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER IF NOT EXISTS plain@'%' IDENTIFIED BY 's3cret-pw'")
        cursor.execute(f"GRANT ALL ON {NAME}.* TO plain@'%'")
    return address.set(username="plain").render_as_string(hide_password=False)


class Proxy:
    """Passes bytes on to a server, and its answers `delay` seconds late."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.delay = 0.0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, asks: asyncio.StreamReader, hears: asyncio.StreamWriter) -> None:
        answers, tells = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._pass(asks, tells, lambda: 0.0), self._pass(answers, hears, lambda: self.delay))

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: Callable[[], float]
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await SystemClock().pause(delay())
                target.write(data)
                await target.drain()
        target.close()


@contextmanager
def a_small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 4 MB, where this user may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def a_full_disk(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(folder).free == 0
    yield
    filler.unlink()


@contextmanager
def a_locked_file(url: str) -> Iterator[None]:
    """Another process is in the middle of a long write."""
    engine = open_engine(url)
    with engine.execution_options(writes=True).begin():
        yield
    engine.dispose()


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


# What the session makes of it


async def suffer(trader: Trader, writer: LedgerWriter, trouble: AbstractContextManager[None], url: str) -> None:
    """Entries stop, the exit passes, and afterwards the ledger holds every line of the journal once."""
    await trader.enter()
    await writer.caught_up(1)
    with trouble:
        await trader.until(lambda: DATABASE in trader.state.conditions, "the condition", within=15.0)
        trader.signal(ETH)
        await trader.until(lambda: trader.events("risk_refused"), "the refusal")
        trader.signal(BTC, Side.SELL)
        await trader.until(lambda: not trader.theirs, "the exit")
        await trader.agreed()
        assert len(trader.intents(Purpose.ENTRY)) == 1
        behind = len(trader.journal)
        assert writer.applied_seq < behind
    await trader.until(lambda: DATABASE not in trader.state.conditions, "the way back", within=30.0)
    async with asyncio.timeout(30):
        await writer.caught_up(behind)
    assert_kept_once(url, trader, behind)


def assert_kept_once(url: str, trader: Trader, behind: int) -> None:
    ledger = Ledger.open(url, "story")
    kept = ledger.rows("events", "seq")
    numbers = [row["seq"] for row in kept]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= behind
    assert [row["problem"] for row in kept if row["problem"]] == []
    fills = {(entry.data["symbol"], entry.data["trade_id"]) for entry in trader.events("fill")}
    trades = [(row["symbol"], row["trade_id"]) for row in ledger.rows("trades")]
    assert sorted(trades) == sorted(fills)
    ledger.close()


def test_row_29_a_database_that_hangs_is_given_up_in_time() -> None:
    """no entries within 2 s: asked every 0.3 s, given up after 1.5 s without an answer"""
    assert writing.PING + writing.POLL + writing.SLOW < 2.0


@pytest.mark.mariadb
@pytest.mark.parametrize("trouble", [a_locked_table, a_global_read_lock, a_read_only_server])
async def test_row_29_a_server_that_takes_no_lines_stops_entries_and_gets_them_later(
    trouble: Trouble, mariadb: MariaDB, tmp_path: Path
) -> None:
    url = plain_user(mariadb)
    async with a_recorded_trader(url, tmp_path) as (trader, writer):
        await suffer(trader, writer, trouble(mariadb), url)


@pytest.mark.mariadb
async def test_row_29_a_slow_server_stops_entries_and_gets_the_lines_later(mariadb: MariaDB, tmp_path: Path) -> None:
    url = mariadb.url(NAME)
    async with Proxy(mariadb.port).listening() as proxy:
        through = make_url(url).set(port=proxy.port).render_as_string(hide_password=False)

        @contextmanager
        def slow() -> Iterator[None]:
            proxy.delay = 1.0
            yield
            proxy.delay = 0.0

        async with a_recorded_trader(through, tmp_path) as (trader, writer):
            await suffer(trader, writer, slow(), url)


async def test_row_29_a_locked_file_stops_entries_and_gets_the_lines_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    async with a_recorded_trader(url, tmp_path) as (trader, writer):
        await suffer(trader, writer, a_locked_file(url), url)


async def test_row_29_a_full_disk_stops_entries_and_gets_the_lines_later(tmp_path: Path) -> None:
    with a_small_disk(tmp_path / "disk") as disk:
        url = f"sqlite:///{disk}/ledger.db"
        async with a_recorded_trader(url, tmp_path) as (trader, writer):
            await suffer(trader, writer, a_full_disk(disk), url)


async def test_row_29_a_file_that_cannot_be_written_is_waited_for(tmp_path: Path) -> None:
    with a_small_disk(tmp_path / "disk") as disk:
        url = f"sqlite:///{disk}/ledger.db"
        Ledger.open(url, "story").close()
        remount(disk, "ro")
        async with a_recorded_trader(url, tmp_path) as (trader, writer):
            await trader.until(lambda: DATABASE in trader.state.conditions, "the condition", within=15.0)
            trader.signal(ETH)
            await trader.until(lambda: trader.events("risk_refused"), "the refusal")
            remount(disk, "rw")
            await trader.until(lambda: DATABASE not in trader.state.conditions, "the way back", within=30.0)
            await trader.enter()
            behind = len(trader.journal)
            async with asyncio.timeout(30):
                await writer.caught_up(behind)
        assert_kept_once(url, trader, behind)
