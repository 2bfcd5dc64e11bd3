"""A backup goes out and comes back on both kinds of database; damage shows before anything live is touched."""

import gzip
import itertools
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from canary_cli.core.clock import ManualClock
from canary_cli.errors import BackupError, DatabaseError
from canary_cli.ledger import Ledger
from canary_cli.ledger.backups import restore
from canary_cli.ledger.backups.manifest import Manifest, check_file, read_manifest
from canary_cli.ledger.backups.opening import open_store
from canary_cli.ledger.backups.snapshot import take_snapshot
from canary_cli.ledger.tables import metadata
from tests.ledger.conftest import ACCOUNT, START, Day


class Desk:
    """One account with a filled ledger, a journal and a folder of backups."""

    def __init__(self, url: str, day: Day, folder: Path) -> None:
        self.url, self.day, self.backups, self.clock = SecretStr(url), day, folder, ManualClock(START)
        ledger = Ledger.open(url, ACCOUNT)
        ledger.apply(day.entries())
        ledger.close()

    def snapshot(self) -> Manifest:
        return take_snapshot(self.url, ACCOUNT, self.backups, START, self.clock.monotonic)

    def restore(self, path: Path, account: str = ACCOUNT, seconds: float = 60) -> restore.Carried:
        store = open_store(self.url)
        shadow, _ = restore.load(store, path, account, self.day.folder, seconds)
        assert [check for check in restore.verify(shadow, ACCOUNT) if not check.ok] == []
        return restore.swap_in(store, shadow, self.url, ACCOUNT, self.day.folder)

    def rows(self) -> dict[str, list[dict[str, object]]]:
        ledger = Ledger.open(self.url, ACCOUNT)
        try:
            return {name: ledger.rows(name) for name in metadata.tables}
        finally:
            ledger.close()

    def execute(self, statement: str) -> None:
        ledger = Ledger.open(self.url, ACCOUNT)
        with ledger.engine.execution_options(writes=True).begin() as connection:
            connection.exec_driver_sql(statement)
        ledger.close()


@pytest.fixture
def desk(url: str, busy_day: Day, tmp_path: Path) -> Desk:
    return Desk(url, busy_day, tmp_path / "backups")


def test_a_snapshot_says_what_it_is(desk: Desk):
    manifest = desk.snapshot()
    assert manifest.file.startswith("backup_2026-02-22_1000.")
    assert (manifest.account, manifest.schema_revision, manifest.seq) == (ACCOUNT, "0001", len(desk.day.entries()))
    assert {name: facts.rows for name, facts in manifest.tables.items() if facts.rows} == {
        "alembic_version": 1, "events": 15, "runs": 1, "orders": 2, "trades": 2, "positions": 1,
        "gates": 1, "equity": 1, "income": 1, "incidents": 1, "latches": 1,
    }  # fmt: skip
    path = desk.backups / manifest.file
    assert check_file(path) == read_manifest(path) == manifest
    assert subprocess.run(["gzip", "-t", str(path)], check=False).returncode == 0
    assert sorted(file.name for file in desk.backups.iterdir()) == [manifest.file, manifest.file + ".manifest.json"]


def test_what_is_restored_is_what_was_there(desk: Desk):
    before = desk.rows()
    path = desk.backups / desk.snapshot().file
    desk.execute("DELETE FROM trades")
    desk.execute("UPDATE orders SET status = 'BROKEN'")
    assert desk.restore(path).lost == ()
    assert desk.rows() == before


def test_a_snapshot_taken_while_lines_arrive_is_of_one_moment(desk: Desk):
    """Fills and positions are written together; a backup must hold both or neither."""
    stop, ledger = threading.Event(), Ledger.open(desk.url, ACCOUNT)

    def trade() -> None:
        numbers = itertools.count(100)
        while not stop.is_set():
            desk.day.trade(next(numbers))
            ledger.catch_up(desk.day.folder)

    trading = threading.Thread(target=trade)
    trading.start()
    try:
        paths = [desk.backups / desk.snapshot().file for _ in range(3)]
    finally:
        stop.set()
        trading.join()
        ledger.close()
    for path in paths:
        store = open_store(desk.url)
        shadow, _ = restore.load(store, path, ACCOUNT, desk.day.folder, 60)
        assert [check for check in restore.verify(shadow, ACCOUNT) if not check.ok] == []
        restore.discard(store, shadow)


def test_what_came_after_the_backup_is_carried_forward(desk: Desk):
    path = desk.backups / desk.snapshot().file
    desk.day.trade(3)
    ledger = Ledger.open(desk.url, ACCOUNT)
    ledger.catch_up(desk.day.folder)
    ledger.close()
    before = desk.rows()
    assert desk.restore(path).lines == 4
    assert desk.rows() == before


def test_leases_latches_and_incidents_never_go_back(desk: Desk):
    path = desk.backups / desk.snapshot().file
    ledger = Ledger.open(desk.url, ACCOUNT)
    for holder in ("a", "b"):
        ledger.release(ledger.acquire(ACCOUNT, holder, timedelta(seconds=9)))
    ledger.close()
    desk.execute("INSERT INTO latches (account, source, reason) VALUES ('desk', 'by-hand', 'not in the journal')")
    desk.execute("UPDATE incidents SET state = 'CLOSED'")
    desk.restore(path)
    rows = desk.rows()
    assert [lease["token"] for lease in rows["leases"]] == [2]
    assert [latch["source"] for latch in rows["latches"]] == ["by-hand", "rollback"]
    assert [incident["state"] for incident in rows["incidents"]] == ["CLOSED"]


def test_a_lost_lease_table_makes_the_token_leap(desk: Desk):
    ledger = Ledger.open(desk.url, ACCOUNT)
    ledger.release(ledger.acquire(ACCOUNT, "a", timedelta(seconds=9)))
    ledger.close()
    path = desk.backups / desk.snapshot().file
    desk.execute("DROP TABLE leases")
    assert desk.restore(path).lost == ("leases",)
    assert [lease["token"] for lease in desk.rows()["leases"]] == [1 + restore.TOKEN_LEAP]


def test_a_shadow_that_takes_no_rows_is_no_loss_of_live_ones(desk: Desk):
    """A disk that is full beside the live ledger: what must not go back would have gone back, as if it were lost."""
    path = desk.backups / desk.snapshot().file
    desk.execute("INSERT INTO latches (account, source, reason) VALUES ('desk', 'by-hand', 'after the backup')")
    before = desk.rows()
    store = open_store(desk.url)
    shadow, _ = restore.load(store, path, ACCOUNT, desk.day.folder, 60)

    def full(_connection, _cursor, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO") and "latches" in statement:
            raise OperationalError(statement, None, Exception("disk is full"))

    event.listen(shadow.engine, "before_cursor_execute", full)
    with pytest.raises(DatabaseError, match="disk is full"):
        restore.swap_in(store, shadow, desk.url, ACCOUNT, desk.day.folder)
    restore.discard(store, shadow)
    assert desk.rows() == before


def test_another_accounts_rows_are_not_rewound(desk: Desk, tmp_path: Path):
    path = desk.backups / desk.snapshot().file
    other = Ledger.open(desk.url, "other")
    other.apply(desk.day.entries())
    desk.restore(path)
    assert len(other.rows("trades")) == 2
    other.close()


def test_another_accounts_backup_is_refused(desk: Desk):
    path = desk.backups / desk.snapshot().file
    with pytest.raises(BackupError, match="is of account desk, not of other"):
        desk.restore(path, account="other")


def test_a_backup_of_another_journal_is_refused(desk: Desk, tmp_path: Path):
    path = desk.backups / desk.snapshot().file
    other = Day(tmp_path / "other")
    for number in range(10):
        other.trade(number)
    store = open_store(desk.url)
    with pytest.raises(BackupError, match="another journal"):
        restore.load(store, path, ACCOUNT, other.folder, 60)
    other.journal.close()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip])
@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_damaged_backup_changes_nothing(desk: Desk, damage, with_manifest: bool):
    path = desk.backups / desk.snapshot().file
    path.write_bytes(damage(path.read_bytes()))
    if not with_manifest:
        path.with_name(path.name + ".manifest.json").unlink()
    before = desk.rows()
    with pytest.raises(BackupError):
        desk.restore(path)
    assert desk.rows() == before


def test_what_is_no_database_any_more_is_set_aside(tmp_path: Path, busy_day: Day):
    live = tmp_path / "ledger.db"
    desk = Desk(f"sqlite:///{live}", busy_day, tmp_path / "backups")
    before = desk.rows()
    path = desk.backups / desk.snapshot().file
    live.write_bytes(b"lost in a crash " * 1000)
    carried = desk.restore(path)
    assert set(carried.lost) == set(metadata.tables)
    assert desk.rows() == before
    assert (tmp_path / "ledger.db.damaged").read_bytes().startswith(b"lost in a crash")


def test_undo_brings_back_what_the_restore_put_away(desk: Desk):
    path = desk.backups / desk.snapshot().file
    desk.execute("UPDATE runs SET outcome = 'as it was before the restore'")
    desk.restore(path)
    assert desk.rows()["runs"][0]["outcome"] == "ROLLED_BACK"
    store = open_store(desk.url)
    shadow = store.old()
    assert shadow is not None
    restore.swap_in(store, shadow, desk.url, ACCOUNT, desk.day.folder)
    assert desk.rows()["runs"][0]["outcome"] == "as it was before the restore"


def test_two_snapshots_of_the_same_minute_are_two_backups(desk: Desk):
    """A timer's and a runbook's, both at the full hour: neither may write into the other's file."""
    with ThreadPoolExecutor(4) as both:
        files = [one.result().file for one in [both.submit(desk.snapshot) for _ in range(4)]]
    assert len(set(files)) == 4
    for file in files:
        assert check_file(desk.backups / file)


def test_a_token_does_not_go_back_with_a_ledger_that_was_lost(desk: Desk):
    """Whoever asks for the lease makes a fresh ledger, whose tokens begin anew."""
    ledger = Ledger.open(desk.url, ACCOUNT)
    for _ in range(7):
        ledger.release(ledger.acquire(ACCOUNT, "run", timedelta(minutes=1)))
    ledger.close()
    path = desk.backups / desk.snapshot().file
    desk.execute("DELETE FROM leases")
    ledger = Ledger.open(desk.url, ACCOUNT)
    ledger.acquire(ACCOUNT, "restore-db", timedelta(minutes=1))
    ledger.close()
    desk.restore(path)
    (lease,) = desk.rows()["leases"]
    assert (lease["holder"], lease["token"] > 7) == ("restore-db", True)


def test_a_ledger_that_lacks_a_table_is_no_backup(desk: Desk):
    path = desk.backups / desk.snapshot().file
    desk.execute("DROP TABLE trades")
    with pytest.raises(DatabaseError, match="lacks the table trades"):
        desk.snapshot()
    assert {file.name for file in desk.backups.iterdir()} == {path.name, path.name + ".manifest.json"}


@pytest.mark.mariadb
def test_a_dump_that_lacks_a_table_is_refused(mariadb, tmp_path: Path, busy_day: Day):
    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    path = desk.backups / desk.snapshot().file
    less = tmp_path / "less.sql"
    text = gzip.decompress(path.read_bytes())
    begin = text.index(b"\n--\n-- Table structure for table `trades`")
    less.write_bytes(text[:begin] + text[text.index(b"\n/*!40103 SET TIME_ZONE=@OLD") :])
    before = desk.rows()
    with pytest.raises(BackupError, match="lacks the table trades"):
        desk.restore(less)
    assert desk.rows() == before


def test_a_failed_snapshot_leaves_nothing_behind(desk: Desk, monkeypatch):
    from canary_cli.ledger.backups import gzip_file

    def full(self: object, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip_file.GzipWriter, "write", full)
    with pytest.raises(BackupError, match="No space"):
        desk.snapshot()
    assert list(desk.backups.iterdir()) == []


def test_a_manifest_that_finds_no_room_takes_its_backup_with_it(desk: Desk, monkeypatch):
    """A file without manifest is nobody's: never chosen, never pruned."""
    from canary_cli.ledger.backups import snapshot

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot, "write_manifest", full)
    with pytest.raises(BackupError, match="No space"):
        desk.snapshot()
    assert list(desk.backups.iterdir()) == []


def test_a_backup_is_its_owners_also_while_it_is_written(desk: Desk):
    modes = set()

    def look(*_: object) -> None:
        modes.update(oct(file.stat().st_mode & 0o777) for file in desk.backups.iterdir())

    take_snapshot(desk.url, ACCOUNT, desk.backups, START, desk.clock.monotonic, look)
    assert modes == {"0o600"}


@pytest.mark.mariadb
def test_a_dumper_that_fails_is_an_error_and_no_file(mariadb, tmp_path: Path, busy_day: Day, monkeypatch):
    """`dump | gzip` in a shell would have said success here."""
    from canary_cli.ledger.backups import server

    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    monkeypatch.setattr(server.ServerStore, "_dump_options", lambda self: ["--no-such-option"])
    with pytest.raises(BackupError, match="no-such-option"):
        desk.snapshot()
    assert list(desk.backups.iterdir()) == []


@pytest.mark.mariadb
def test_a_dump_cut_at_a_statement_is_noticed(mariadb, tmp_path: Path, busy_day: Day):
    """The server's client ends with 0 on such a file, and leaves empty tables."""
    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    text = gzip.decompress((desk.backups / desk.snapshot().file).read_bytes())
    plain = desk.backups / "plain.sql"
    plain.write_bytes(text[: text.index(b"INSERT INTO `trades`")])
    before = desk.rows()
    with pytest.raises(BackupError, match="cut short"):
        desk.restore(plain)
    assert desk.rows() == before


@pytest.mark.mariadb
def test_the_password_is_on_no_command_line(mariadb, tmp_path: Path, busy_day: Day, monkeypatch):
    seen: list[tuple[list[str], int]] = []
    real = subprocess.Popen

    def watched(command, **options):
        named = [part.partition("=")[2] for part in command if part.startswith("--defaults-file=")]
        seen.extend((command, Path(path).stat().st_mode & 0o777) for path in named)
        return real(command, **options)

    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    monkeypatch.setattr(subprocess, "Popen", watched)
    desk.restore(desk.backups / desk.snapshot().file)
    assert len(seen) == 3  # the dumper and two clients
    assert all("s3cret" not in " ".join(command) and mode == 0o600 for command, mode in seen)


PLAIN = ["--single-transaction", "--skip-dump-date"]


@pytest.mark.mariadb
@pytest.mark.parametrize(
    "how", [["canary"], ["--databases", "canary"], ["--all-databases"], ["--databases", "else", "canary"]]
)
def test_a_plain_mysqldump_file_is_restored(mariadb, tmp_path: Path, busy_day: Day, how: list[str]):
    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS `else`")
        cursor.execute("CREATE TABLE IF NOT EXISTS `else`.orders (id INT)")
    before = desk.rows()
    plain = tmp_path / "plain.sql"
    command = ["mysqldump", "--no-defaults", "-uroot", f"-S{mariadb.folder}/s", *PLAIN, *how]
    plain.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    desk.execute("DELETE FROM trades")
    desk.restore(plain)
    assert desk.rows() == before


@pytest.mark.mariadb
def test_a_dump_of_another_schema_is_refused(mariadb, tmp_path: Path, busy_day: Day):
    mariadb.url("elsewhere")
    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    plain = tmp_path / "plain.sql"
    command = ["mysqldump", "--no-defaults", "-uroot", f"-S{mariadb.folder}/s", "--databases", "elsewhere"]
    plain.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    with pytest.raises(BackupError, match="the dump is of elsewhere, not of canary"):
        desk.restore(plain)


@pytest.mark.mariadb
def test_tables_that_refer_to_each_other_move_together(mariadb, tmp_path: Path, busy_day: Day):
    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    desk.execute("CREATE TABLE zone (id INT PRIMARY KEY) ENGINE=InnoDB")
    desk.execute(
        "CREATE TABLE area (id INT PRIMARY KEY, zone INT, FOREIGN KEY (zone) REFERENCES zone (id)) ENGINE=InnoDB"
    )
    desk.execute("INSERT INTO zone VALUES (1), (2)")
    desk.execute("INSERT INTO area VALUES (1, 1), (2, 2)")
    path = desk.backups / desk.snapshot().file
    desk.execute("DELETE FROM area WHERE id = 2")
    for _ in range(2):
        desk.restore(path)
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM canary.area")
        assert cursor.fetchone() == (2,)
        with pytest.raises(Exception, match="foreign key constraint fails"):
            cursor.execute("INSERT INTO canary.area VALUES (3, 99)")


@pytest.mark.mariadb
def test_a_plain_dump_with_stored_code_is_refused_in_one_line(mariadb, tmp_path: Path, busy_day: Day):
    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    desk.execute("CREATE VIEW v AS SELECT 1 AS one")
    plain = tmp_path / "plain.sql"
    command = ["mysqldump", "--no-defaults", "-uroot", f"-S{mariadb.folder}/s", *PLAIN, "canary"]
    plain.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    before = desk.rows()
    with pytest.raises(BackupError, match="triggers, views or routines"):
        desk.restore(plain)
    assert desk.rows() == before


@pytest.mark.mariadb
def test_views_and_code_that_others_keep_in_the_schema_hinder_no_restore(mariadb, tmp_path: Path, busy_day: Day):
    """A backup is of tables: views, routines, events and sequences stay as they are, and look at what was restored."""
    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    for made in (
        "VIEW fills AS SELECT COUNT(*) AS n FROM trades",
        "FUNCTION twice (n INT) RETURNS INT DETERMINISTIC RETURN 2 * n",
        "PROCEDURE nothing () SELECT 1",
        "EVENT daily ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "SEQUENCE numbers",
        "TRIGGER seen BEFORE INSERT ON trades FOR EACH ROW SET @seen = 1",
    ):
        desk.execute(f"CREATE {made}")
    path = desk.backups / desk.snapshot().file
    before = desk.rows()
    desk.execute("DELETE FROM trades")
    assert desk.restore(path).lost == ()
    assert desk.rows() == before
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n, canary.twice(n), NEXTVAL(canary.numbers) FROM canary.fills")
        assert cursor.fetchone() == (2, 4, 1)
        assert _triggers(cursor) == {"seen": "_canary_old_trades"}
        store = open_store(desk.url)
        old = store.old()
        assert old is not None
        restore.swap_in(store, old, desk.url, ACCOUNT, desk.day.folder)
        assert _triggers(cursor) == {"seen": "trades"}


def _triggers(cursor) -> dict[str, str]:
    """The table each stands on."""
    cursor.execute("SHOW TRIGGERS FROM canary")
    return {name: table for name, _, table, *_ in cursor.fetchall()}


@pytest.mark.mariadb
def test_a_restore_that_takes_too_long_changes_nothing(mariadb, tmp_path: Path, busy_day: Day):
    from canary_cli.errors import ExitCode

    desk = Desk(mariadb.url("canary"), busy_day, tmp_path / "backups")
    path = desk.backups / desk.snapshot().file
    before = desk.rows()
    with pytest.raises(DatabaseError) as late:
        desk.restore(path, seconds=0.0)
    assert late.value.exit_code is ExitCode.DEADLINE
    assert desk.rows() == before
