"""Opens the database of a URL: SQLite with real transactions, MySQL or MariaDB with time-outs; one error for both."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from canary_cli.errors import ConfigurationError, DatabaseCorrupted, DatabaseError

_CONNECT_SECONDS, _READ_SECONDS = 3, 60
_HINT = "does the server answer, and are DATABASE_URL, DB_USER and DB_PASS right?"


def open_engine(url: str) -> Engine:
    """The engine of a URL. Raises ConfigurationError for a URL nobody understands; connects to nothing yet."""
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite(address)
    waits = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS, "write_timeout": _READ_SECONDS}
    options = {"init_command": "SET time_zone='+00:00'", "charset": "utf8mb4", **waits}
    return create_engine(
        address, connect_args=options, pool_pre_ping=True, pool_size=2, isolation_level="READ COMMITTED"
    )


def parse_url(url: str) -> URL:
    """`mysql://` and `mariadb://` mean PyMySQL, the driver that installs anywhere."""
    try:
        address = make_url(url)
    except ArgumentError:
        raise ConfigurationError("DATABASE_URL is no URL", "DATABASE_URL=mysql://user@host/canary") from None
    if address.get_backend_name() in ("mysql", "mariadb"):
        return address.set(drivername="mysql+pymysql")
    return address


def same_database(one: SecretStr, other: SecretStr) -> bool:
    """Whether two URLs name one database, whoever logs in."""
    first, second = (parse_url(url.get_secret_value()) for url in (one, other))
    places = [(url.get_backend_name(), url.host, url.port or 3306, url.database) for url in (first, second)]
    return places[0] == places[1]


def safe(url: str | URL) -> str:
    """The URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Whatever the database raises becomes a DatabaseError that names the database and no secret.

    DatabaseCorrupted where the server says that what it stored is damaged.
    """
    try:
        yield
    except DBAPIError as error:
        kind = DatabaseCorrupted if _is_damage(error) else DatabaseError
        raise kind(f"{safe(engine.url)}: {_reason(error)}", _HINT) from None
    except SQLAlchemyError as error:
        raise DatabaseError(f"{safe(engine.url)}: {type(error).__name__}", _HINT) from None


def _is_damage(error: DBAPIError) -> bool:
    """By the server's own number: sqlite.org/rescode.html, mariadb.com/kb/en/mariadb-error-codes; or a lost table."""
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "no such table" in str(error.orig)
    return next(iter(getattr(error.orig, "args", ())), None) in _DAMAGED


_DAMAGED = frozenset({126, 127, 134, 141, 144, 145, 1034, 1035, 1146, 1194, 1195, 1712})
"""Wrong index or record file, crashed tables, tables marked as such or gone, an InnoDB index that is corrupted."""


def _reason(error: DBAPIError) -> str:
    arguments = getattr(error.orig, "args", ())
    return str(arguments[-1] if arguments else error.orig)


def _sqlite(address: URL) -> Engine:
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"timeout": 5})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
