"""The ledger of one account: applies journal lines exactly once, holds its lease, and answers what was written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, Select, bindparam, func, inspect, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from canary_cli.core.clock import SystemClock
from canary_cli.errors import DatabaseError
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry, decode, encode
from canary_cli.ledger import lease as leasing
from canary_cli.ledger.engine import database_errors, open_engine
from canary_cli.ledger.lease import Lease
from canary_cli.ledger.projection import Row, project
from canary_cli.ledger.rows import DatabaseRows
from canary_cli.ledger.schema import upgrade
from canary_cli.ledger.tables import events, leases, metadata

BATCH = 500
_NO_LINE = events.delete().where(
    events.c.account == bindparam("for_account"), events.c.run_id == "", events.c.seq == -1
)
"""A write by primary key that meets nothing: what is locked or read-only refuses it all the same."""


class Ledger:
    """Every method raises DatabaseError (exit 8) when the database does not answer or does not agree."""

    def __init__(self, engine: Engine, account: str, now: Callable[[], datetime] | None = None) -> None:
        self.engine = engine
        self.account = account
        self._writer = engine.execution_options(writes=True)
        self._now = now or self._database_time

    @classmethod
    def open(cls, url: SecretStr | str, account: str, now: Callable[[], datetime] | None = None) -> "Ledger":
        """Connect, and make or migrate the tables. `now` judges leases; by default the database server's own clock."""
        engine = open_engine(url.get_secret_value() if isinstance(url, SecretStr) else url)
        with database_errors(engine):
            upgrade(engine)
        return cls(engine, account, now)

    @classmethod
    def look(cls, url: SecretStr, account: str) -> "Ledger":
        """Without making or migrating anything; what is not there shows when it is asked for."""
        return cls(open_engine(url.get_secret_value()), account)

    def close(self) -> None:
        self.engine.dispose()

    def is_made(self) -> bool:
        """Whether anything of a ledger is there. Makes nothing, no empty file either."""
        address = self.engine.url
        if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
            return False
        with self.reading() as connection:
            return not metadata.tables.keys().isdisjoint(inspect(connection).get_table_names())

    def ping(self) -> None:
        """Write nothing. Raises DatabaseError where the database does not answer, or would take no line: a table that
        is locked, a server that has become read-only.
        """
        with database_errors(self.engine), self._writer.begin() as connection:
            connection.execute(_NO_LINE, {"for_account": self.account})

    def apply(self, entries: Iterable[Entry]) -> int:
        """Write what these journal lines mean, each exactly once, and return how many were new.

        Lines already held are passed over, so anything may be replayed. Raises DatabaseError, with nothing of the
        batch written, where a line differs from the one held under its number: that is another journal.
        """
        remaining = iter(entries)
        applied = 0
        while batch := list(islice(remaining, BATCH)):
            applied += self._apply_once(batch)
        return applied

    def caught_up_to(self) -> int:
        """The highest `seq` the ledger holds; 0 where it holds none."""
        with self.reading() as connection:
            highest = select(func.max(events.c.seq)).where(events.c.account == self.account)
            return connection.execute(highest).scalar() or 0

    def catch_up(self, folder: Path) -> int:
        """Apply what the journal in `folder` has beyond the ledger's last line; returns how many lines that were."""
        return self.apply(read(folder, after_seq=max(0, self.caught_up_to() - 1)))

    def rebuild(self, entries: Iterable[Entry]) -> int:
        """Make every row of this account anew from the journal, in one transaction; the lease stays as it is."""
        remaining = iter(entries)
        applied = 0
        with database_errors(self.engine), self._writer.begin() as connection:
            for table in metadata.tables.values():
                if table is not leases:
                    connection.execute(table.delete().where(table.c.account == self.account))
            while batch := list(islice(remaining, BATCH)):
                applied += self._apply(connection, batch)
        return applied

    def rows(self, table: str, *order_by: str, **equal: Any) -> list[Row]:
        """All rows of this account in a table, in order, where the named columns have the given values."""
        with self.reading() as connection:
            return [dict(row) for row in connection.execute(self._select(table, order_by, equal)).mappings()]

    def stream(self, table: str, *order_by: str, **equal: Any) -> Iterator[Row]:
        """`rows` for tables that may not fit into memory: read in chunks while the caller goes on."""
        chosen = self._select(table, order_by, equal)
        with self.reading() as connection:
            found = connection.execution_options(stream_results=True, yield_per=5000).execute(chosen)
            for row in found.mappings():
                yield dict(row)

    def entries(self, after_seq: int = 0) -> Iterator[Entry]:
        """The journal's entries that the ledger holds, in order."""
        return map(decode, self.lines(after_seq))

    def lines(self, after_seq: int = 0) -> Iterator[bytes]:
        """The journal's lines that the ledger holds, in order, as they lie in the journal."""
        query = select(events.c.line).where(events.c.account == self.account, events.c.seq > after_seq)
        with self.reading() as connection:
            for line in connection.execute(query.order_by(events.c.seq)).scalars():
                yield line.encode()

    def acquire(self, account: str, holder: str, ttl: timedelta) -> Lease:
        """Take the account's lease with a new fencing token. Raises LeaseHeld (exit 9) while another holds it."""
        with database_errors(self.engine):
            return leasing.acquire(self._writer, self._now, account, holder, ttl)

    def renew(self, lease: Lease, ttl: timedelta) -> Lease:
        """Hold on to the lease. Raises LeaseHeld where another has taken it over."""
        with database_errors(self.engine):
            return leasing.renew(self._writer, self._now, lease, ttl)

    def release(self, lease: Lease) -> None:
        with database_errors(self.engine):
            leasing.release(self._writer, self._now, lease)

    def holder(self) -> Lease | None:
        """The lease that is held now, or None."""
        with self.reading() as connection:
            lease = leasing.read_lease(connection, self.account)
        return lease if lease and lease.holder and lease.expires > self._now() else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to look with."""
        with database_errors(self.engine), self.engine.connect() as connection:
            yield connection

    def _select(self, name: str, order_by: Sequence[str], equal: dict[str, Any]) -> Select[Any]:
        table = metadata.tables[name]
        chosen = select(table).where(table.c.account == self.account)
        for column, value in equal.items():
            chosen = chosen.where(table.c[column] == value)
        return chosen.order_by(*(table.c[column] for column in order_by or table.primary_key.columns.keys()))

    def _apply_once(self, batch: list[Entry]) -> int:
        """One transaction; again where another process wrote the same lines meanwhile."""
        with database_errors(self.engine):
            for _ in range(3):
                with suppress(IntegrityError), self._writer.begin() as connection:
                    return self._apply(connection, batch)
            with self._writer.begin() as connection:
                return self._apply(connection, batch)

    def _apply(self, connection: Connection, batch: list[Entry]) -> int:
        fresh = self._not_held(connection, batch)
        try:
            self._write(connection, fresh)
        except (DataError, StatementError) as error:
            if isinstance(error, DBAPIError) and not isinstance(error, DataError):
                raise  # the database, not a line
            for entry in fresh:
                self._write_alone(connection, entry)
        return len(fresh)

    def _write(self, connection: Connection, fresh: list[Entry]) -> None:
        with connection.begin_nested():
            rows = DatabaseRows(connection, self.account)
            lines = [self._event(entry, _problem(rows, entry)) for entry in fresh]
            if lines:
                connection.execute(events.insert(), lines)
                rows.flush()

    def _write_alone(self, connection: Connection, entry: Entry) -> None:
        """A line whose rows no column can hold is kept with its problem: it must not hold up those behind it."""
        try:
            self._write(connection, [entry])
        except (DataError, StatementError) as error:
            connection.execute(events.insert(), [self._event(entry, str(error.orig))])

    def _event(self, entry: Entry, problem: str | None) -> Row:
        key = {"account": self.account, "run_id": entry.run_id, "seq": entry.seq}
        return {**key, "at": entry.timestamp, "event": entry.event, "line": line_of(entry), "problem": problem}

    def _not_held(self, connection: Connection, batch: list[Entry]) -> list[Entry]:
        between = events.c.seq.between(batch[0].seq, max(entry.seq for entry in batch))
        query = select(events.c.seq, events.c.line).where(events.c.account == self.account, between)
        held = {row.seq: row.line for row in connection.execute(query)}  # one number, one line, whatever run wrote it
        fresh = {}
        for entry in batch:
            if held.get(entry.seq, line_of(entry)) != line_of(entry):
                raise DatabaseError(
                    f"line {entry.seq} of the journal is not the one the ledger holds: the journal was replaced",
                    "canary restore-db --from-journal",
                )
            if entry.seq not in held:
                fresh[entry.run_id, entry.seq] = entry
        return list(fresh.values())

    def _database_time(self) -> datetime:
        """The server's clock, so that two hosts agree on when a lease expires; SQLite has one host and one clock."""
        if self.engine.dialect.name == "sqlite":
            return SystemClock().wall()
        with self.reading() as connection:
            told: datetime = connection.execute(text("SELECT UTC_TIMESTAMP(6)")).scalar_one()
            return told.replace(tzinfo=UTC)


def _problem(rows: DatabaseRows, entry: Entry) -> str | None:
    """Project one line; what is wrong with it, or None."""
    try:
        project(rows, entry)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def line_of(entry: Entry) -> str:
    """The journal line of an entry, byte for byte."""
    return encode(entry, entry.timestamp, entry.seq, entry.prev).decode()
