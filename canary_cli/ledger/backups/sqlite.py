"""SQLite: copied, and put back, by its own backup API, which is one transaction whatever happens meanwhile."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL

from canary_cli.errors import BackupError
from canary_cli.ledger.backups.gzip_file import CHUNK, chunks, new_gzip
from canary_cli.ledger.backups.manifest import Manifest, TableFacts
from canary_cli.ledger.backups.store import Progress, Shadow, SnapshotFacts
from canary_cli.ledger.engine import database_errors, open_engine
from canary_cli.ledger.schema import upgrade

_MAGIC = b"SQLite format 3\0"


class SqliteStore:
    suffix = ".db.gz"
    flavour = "sqlite"

    def __init__(self, address: URL) -> None:
        self._live = Path(address.database or "")
        self._work = self._live.with_name(self._live.name + ".restoring")
        self._old = self._live.with_name(self._live.name + ".before-restore")

    def snapshot(self, path: Path, progress: Progress) -> SnapshotFacts:
        if not self._live.exists():
            raise BackupError(f"{self._live} does not exist: there is no ledger yet", "canary run --rehearse")
        copy = path.with_name(path.name + ".copying")
        try:
            copy.touch(0o600)
            _copy(self._live, copy)
            tables = _count(copy)
            with new_gzip(path) as packed, copy.open("rb") as file:
                while chunk := file.read(CHUNK):
                    packed.write(chunk)
                    progress(file.tell(), copy.stat().st_size)
        except sqlite3.Error as error:
            raise BackupError(f"{self._live}: {error}", "canary verify-db") from None
        finally:
            copy.unlink(missing_ok=True)
        digest, size, version = packed.digest.hexdigest(), packed.bytes, sqlite3.sqlite_version
        return SnapshotFacts(digest, size, "sqlite", version, None, f"sqlite {version} backup API", tables)

    def load(
        self,
        backup: Path,
        manifest: Manifest | None,
        seconds: float,  # noqa: ARG002  (it is a matter of seconds)
        progress: Progress,
    ) -> Shadow:
        self.discard()
        if manifest and manifest.flavour != "sqlite":
            raise BackupError(
                f"{backup.name} is a {manifest.flavour} dump, this ledger is SQLite", "canary backups list"
            )
        _unpack(backup, self._work, progress)
        return self._shadow()

    def swap(self, shadow: Shadow) -> None:
        shadow.engine.dispose()
        try:
            self._keep_old()
            _copy(self._work, self._live)
        except sqlite3.OperationalError as error:
            raise BackupError(f"{self._live}: {error}; nothing was changed", "stop what uses it and repeat") from None
        except sqlite3.DatabaseError:
            self._set_aside()
        self.discard()

    def old(self) -> Shadow | None:
        if not self._old.exists():
            return None
        self.discard()
        _copy(self._old, self._work)
        return self._shadow()

    def discard(self) -> None:
        _remove(self._work)

    def _shadow(self) -> Shadow:
        """The work file, sound and at this version's schema."""
        try:
            rows = {table: facts.rows for table, facts in _count(self._work).items()}
        except sqlite3.Error as error:
            raise BackupError(f"the backup holds no sound database: {error}", "canary backups list") from None
        engine = open_engine(f"sqlite:///{self._work}")
        with database_errors(engine):
            upgrade(engine)
        return Shadow(engine, "", rows)

    def _keep_old(self) -> None:
        if self._live.exists():
            partial = self._old.with_name(self._old.name + ".partial")
            _remove(partial)
            _copy(self._live, partial)
            _remove(self._old)
            partial.replace(self._old)

    def _set_aside(self) -> None:
        """The live file is no database any more: keep its bytes under another name, and take its place."""
        damaged = self._live.with_name(self._live.name + ".damaged")
        _remove(damaged)
        for end in ("-wal", "-shm", ""):
            part = self._live.with_name(self._live.name + end)
            if part.exists():
                part.replace(damaged.with_name(damaged.name + end))
        _copy(self._work, self._live)


def _copy(source: Path, target: Path) -> None:
    """By the backup API: the target is the source's state at one moment, or unchanged."""
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)
    with closing(reading), closing(sqlite3.connect(target, timeout=10)) as writing:
        reading.backup(writing)


def _count(path: Path) -> dict[str, TableFacts]:
    """Rows of each table. Raises sqlite3.DatabaseError where the file is no sound database."""
    with closing(sqlite3.connect(path)) as database:
        told = database.execute("PRAGMA integrity_check").fetchone()[0]
        if told != "ok":
            raise sqlite3.DatabaseError(told)
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {
            name: TableFacts(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608
            for (name,) in names.fetchall()
        }


def _unpack(backup: Path, target: Path, progress: Progress) -> None:
    size, first = backup.stat().st_size, b""
    with target.open("wb") as file:
        for chunk in chunks(backup):
            first = first or chunk[: len(_MAGIC)]
            file.write(chunk)
            progress(file.tell(), 4 * size)
        file.flush()
        os.fsync(file.fileno())
    if first != _MAGIC:
        raise BackupError(f"{backup.name} is no SQLite database", "a .sql.gz dump belongs to a MySQL or MariaDB ledger")


def _remove(path: Path) -> None:
    for end in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + end).unlink(missing_ok=True)
