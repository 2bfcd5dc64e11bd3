"""MySQL and MariaDB: the server's own dumper and client, passwords in a file only we can read, both pipe ends checked.

A backup is loaded under shadow names in the same schema and swapped in by one RENAME TABLE of many tables, which the
server does as a whole (https://mariadb.com/kb/en/rename-table/).
"""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL

from canary_cli.errors import BackupError, DatabaseError, ExitCode
from canary_cli.ledger.backups.dump import DumpFacts, ShadowDump, lines_of
from canary_cli.ledger.backups.gzip_file import CHUNK, chunks, new_gzip
from canary_cli.ledger.backups.loading import Loading, check_end
from canary_cli.ledger.backups.manifest import Manifest
from canary_cli.ledger.backups.store import NEW, OLD, Progress, Shadow, SnapshotFacts
from canary_cli.ledger.engine import database_errors, open_engine
from canary_cli.ledger.tables import metadata

_TOOLS = {"mariadb": ("mariadb-dump", "mariadb"), "mysql": ("mysqldump", "mysql")}


class RestoreTimedOut(BackupError):
    slug = "deadline"
    exit_code = ExitCode.DEADLINE


class ServerStore:
    suffix = ".sql.gz"

    def __init__(self, address: URL) -> None:
        self._address = address
        self._schema = address.database or ""
        self._engine = open_engine(address.render_as_string(hide_password=False))
        with database_errors(self._engine), self._engine.connect() as connection:
            self._version = str(connection.execute(text("SELECT VERSION()")).scalar())
        self.flavour = "mariadb" if "mariadb" in self._version.lower() else "mysql"

    def snapshot(self, path: Path, progress: Progress) -> SnapshotFacts:
        with database_errors(self._engine), self._engine.connect() as connection:
            position, expected = _position(connection, self.flavour), _size(connection, self._schema)
        dumper, facts = _tool(self.flavour, 0), DumpFacts(self.flavour)
        with _option_file(self._address) as options, tempfile.TemporaryFile() as complaints:
            command = [dumper, f"--defaults-file={options}", *self._dump_options(), self._schema, *self._dumped()]
            with (
                new_gzip(path) as packed,
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints) as dump,
            ):
                done = 0
                while chunk := _read(dump, CHUNK):
                    facts.add(chunk)
                    packed.write(chunk)
                    done += len(chunk)
                    progress(done, max(done, expected))
                check_end(dump, complaints, dumper)
                tables = facts.finish()
        digest, size = packed.digest.hexdigest(), packed.bytes
        return SnapshotFacts(digest, size, self.flavour, self._version, position, _version_of(dumper), tables)

    def load(self, backup: Path, manifest: Manifest | None, seconds: float, progress: Progress) -> Shadow:
        if manifest and manifest.flavour != self.flavour:
            raise BackupError(
                f"{backup.name} is a {manifest.flavour} dump, the server is {self.flavour}", "canary backups list"
            )
        self.discard()
        dump = ShadowDump(lines_of(_counted(backup, progress)), self._schema, NEW)
        try:
            self._feed(dump, seconds)
            self._compare(dump.rows)
        except BaseException:
            self.discard()
            raise
        return Shadow(self._engine, NEW, dump.rows)

    def swap(self, shadow: Shadow) -> None:
        present = self._tables()
        fresh = [name.removeprefix(shadow.prefix) for name in present if name.startswith(shadow.prefix)]
        live = [name for name in present if name in {*fresh, *metadata.tables, "alembic_version"}]
        away = NEW if shadow.prefix == OLD else OLD
        moves = [(name, away + name) for name in live] + [(shadow.prefix + name, name) for name in fresh]
        if shadow.prefix == OLD:
            moves += [(NEW + name, OLD + name) for name in live]
        else:
            self._drop([name for name in present if name.startswith(OLD)])
        self._execute("RENAME TABLE " + ", ".join(f"`{name}` TO `{other}`" for name, other in moves))

    def old(self) -> Shadow | None:
        names = [name.removeprefix(OLD) for name in self._tables() if name.startswith(OLD)]
        return Shadow(self._engine, OLD, dict.fromkeys(names)) if names else None

    def discard(self) -> None:
        self._drop([name for name in self._tables() if name.startswith(NEW)])

    def _dump_options(self) -> list[str]:
        whole = ["--single-transaction", "--quick", "--skip-triggers", "--hex-blob"]
        return [*whole, "--no-tablespaces"] + (["--set-gtid-purged=OFF"] if self.flavour == "mysql" else [])

    def _dumped(self) -> list[str]:
        """Tables by name: views, sequences and code in the schema are others', and stay as they are in a restore."""
        return [name for name in self._tables() if not name.startswith((OLD, NEW))]

    def _feed(self, dump: ShadowDump, seconds: float) -> None:
        """Stream the dump into the server; whoever fails first, its words are the error."""
        client = _tool(self.flavour, 1)
        with _option_file(self._address) as options, Loading(self._engine, client, options, self._schema) as loading:
            watchdog = threading.Timer(seconds, loading.kill)
            watchdog.start()
            try:
                loading.feed(dump)
                loading.finish()
            except BackupError:
                if watchdog.finished.is_set():
                    told = f"not restored within {seconds:.0f} s; nothing was changed"
                    raise RestoreTimedOut(told, "repeat with a longer --timeout") from None
                raise
            finally:
                watchdog.cancel()

    def _compare(self, rows: dict[str, int | None]) -> None:
        """A load that reports success may still have dropped rows: count them."""
        with database_errors(self._engine), self._engine.connect() as connection:
            for name, expected in rows.items():
                found = connection.execute(text(f"SELECT COUNT(*) FROM `{NEW}{name}`")).scalar()  # noqa: S608
                if expected is not None and found != expected:
                    raise BackupError(f"{name}: {found} rows arrived of {expected}", "canary backups verify")

    def _tables(self) -> list[str]:
        with database_errors(self._engine), self._engine.connect() as connection:
            return inspect(connection).get_table_names()

    def _drop(self, names: list[str]) -> None:
        if names:
            self._execute("SET FOREIGN_KEY_CHECKS=0", "DROP TABLE " + ", ".join(f"`{name}`" for name in names))

    def _execute(self, *statements: str) -> None:
        with database_errors(self._engine), self._engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS=1")


def _counted(backup: Path, progress: Progress) -> Iterator[bytes]:
    done, size = 0, backup.stat().st_size
    for chunk in chunks(backup):
        done += len(chunk)
        yield chunk
        progress(done, max(done, 8 * size))


def _read(dump: "subprocess.Popen[bytes]", size: int) -> bytes:
    assert dump.stdout
    return dump.stdout.read(size)


def _tool(flavour: str, which: int) -> str:
    """The dumper (0) or client (1) of the server's own flavour: each writes what the other's client may not read."""
    name = _TOOLS[flavour][which]
    if not shutil.which(name):
        raise DatabaseError(f"{name} is not installed", f"install the {flavour} client tools")
    if flavour == "mysql" and "MariaDB" in _version_of(name):
        raise DatabaseError(f"{name} here is MariaDB's, the server is MySQL", "install MySQL's own client tools")
    return name


def _version_of(tool: str) -> str:
    return subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _position(connection: Connection, flavour: str) -> str | None:
    """The GTID reached before the dump began; None where the server keeps none."""
    variable = "@@gtid_current_pos" if flavour == "mariadb" else "@@gtid_executed"
    return str(connection.execute(text(f"SELECT {variable}")).scalar() or "") or None


def _size(connection: Connection, schema: str) -> int:
    query = text("SELECT SUM(data_length) FROM information_schema.tables WHERE table_schema = :schema")
    return int(connection.execute(query, {"schema": schema}).scalar() or 0)


@contextmanager
def _option_file(address: URL) -> Iterator[str]:
    """The client's options in a file of mode 0600: a password on a command line is everybody's."""
    values = {"host": address.host, "port": address.port, "user": address.username, "password": address.password}
    if address.query.get("unix_socket"):
        values["socket"] = str(address.query["unix_socket"])
    lines = [f'{name} = "{_quoted(str(value))}"' for name, value in values.items() if value is not None]
    with tempfile.NamedTemporaryFile("w", prefix="canary-", suffix=".cnf") as file:  # 0600 by mkstemp
        file.write("[client]\n" + "\n".join(lines) + "\n")
        file.flush()
        yield file.name


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
