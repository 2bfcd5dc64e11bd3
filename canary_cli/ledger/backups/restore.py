"""Puts a backup in the ledger's place: loaded beside it, verified there, swapped in at one stroke, carried forward.

Until the swap the live ledger is as it was, whatever fails. What must never go back does not: leases with their
fencing tokens, latches, incidents, approvals and their voiding come from the live ledger; what the journal has since
the backup is applied again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine, Table, and_, inspect, select, text

from canary_cli.errors import BackupError, DatabaseError
from canary_cli.journal.reader import read
from canary_cli.ledger.backups.manifest import Manifest, check_file
from canary_cli.ledger.backups.store import Progress, Shadow, Store, no_progress
from canary_cli.ledger.checks import Check, check_invariants, check_tables
from canary_cli.ledger.engine import database_errors, open_engine
from canary_cli.ledger.ledger import Ledger, line_of
from canary_cli.ledger.schema import missing_table
from canary_cli.ledger.tables import leases, metadata

KEPT = ("leases", "latches", "incidents", "approvals")
TOKEN_LEAP = 1000
"""Added to a token that a backup gives because the live lease is lost: it must exceed all given since."""


@dataclass(frozen=True, slots=True)
class Carried:
    """`lines` came from the journal; `lost` are live tables that could not be read: they came from the backup."""

    lines: int
    lost: tuple[str, ...]


def load(
    store: Store, backup: Path, account: str, folder: Path, seconds: float, progress: Progress = no_progress
) -> tuple[Shadow, Manifest | None]:
    """The backup beside the live ledger. Raises BackupError where it is damaged, cut, or not this account's."""
    manifest = check_file(backup)
    if manifest and manifest.account != account:
        raise BackupError(f"{backup.name} is of account {manifest.account}, not of {account}", "canary backups list")
    shadow = store.load(backup, manifest, seconds, progress)
    try:
        _belongs(shadow, account, folder)
    except BaseException:
        discard(store, shadow)
        raise
    return shadow, manifest


def verify(shadow: Shadow, account: str) -> list[Check]:
    """The checks of verify-db on what was loaded, before it is live."""
    with database_errors(shadow.engine), shadow.engine.connect() as connection:
        tables = check_tables(connection, account, shadow.tables)
        return [*tables, *check_invariants(connection, account, shadow.tables)]


def swap_in(store: Store, shadow: Shadow, url: SecretStr, account: str, folder: Path) -> Carried:
    """Make the shadow the ledger, with what never goes back taken over, and the journal's newer lines applied."""
    lost = _keep(url, shadow, account)
    store.swap(shadow)
    ledger = Ledger.open(url, account)
    try:
        return Carried(ledger.catch_up(folder), lost)
    finally:
        ledger.close()


def discard(store: Store, shadow: Shadow) -> None:
    shadow.engine.dispose()
    store.discard()


def _belongs(shadow: Shadow, account: str, folder: Path) -> None:
    """Is it a ledger, of this account, and of the journal that lies here?"""
    with database_errors(shadow.engine), shadow.engine.connect() as connection:
        if not inspect(connection).has_table(shadow.prefix + "events"):
            raise BackupError("the backup holds no ledger", "canary backups list")
        if lost := missing_table(connection, shadow.prefix):
            raise BackupError(f"the backup lacks the table {lost}", "canary backups list")
        events = shadow.tables["events"]
        accounts = connection.execute(select(events.c.account).distinct()).scalars().all()
        if accounts and account not in accounts:
            raise BackupError(f"the backup is of account {', '.join(accounts)}, not of {account}", "--account NAME")
        newest = select(events.c.seq, events.c.line).where(events.c.account == account).order_by(events.c.seq.desc())
        row = connection.execute(newest.limit(1)).first()
    entry = next(read(folder, after_seq=row.seq - 1), None) if row else None
    if entry and row and line_of(entry) != row.line:
        raise BackupError("the backup belongs to another journal than the one here", f"look into {folder}")


def _keep(url: SecretStr, shadow: Shadow, account: str) -> tuple[str, ...]:
    """Take over from the live ledger what must not be rewound. Returns the tables that could not be read."""
    live = open_engine(url.get_secret_value())
    lost = []
    try:
        for name, table in shadow.tables.items():
            try:
                rows = _kept(live, metadata.tables[name], account)
            except DatabaseError:
                _still_there(live)
                lost.append(name)
            else:
                _take_over(rows, shadow.engine, table, account, kept=name in KEPT)
    finally:
        live.dispose()
    if "leases" in lost:
        _leap(shadow)
    return tuple(lost)


def _still_there(live: Engine) -> None:
    """A table that is damaged is one thing; a server that went away must not make its latches look lost."""
    if live.dialect.name != "sqlite":
        with database_errors(live), live.connect() as connection:
            connection.execute(text("SELECT 1"))


def _kept(live: Engine, table: Table, account: str) -> list[dict[str, Any]]:
    """Other accounts' rows as they are now; of this one's what never goes back."""
    chosen = select(table) if table.name in KEPT else select(table).where(table.c.account != account)
    with database_errors(live), live.connect() as reading:
        return [dict(row) for row in reading.execute(chosen).mappings()]


def _take_over(rows: list[dict[str, Any]], shadow: Engine, table: Table, account: str, *, kept: bool) -> None:
    """Put live rows in the shadow; of what is `kept`, rows that only the backup has stay. A failure loses no table."""
    with database_errors(shadow), shadow.execution_options(writes=True).begin() as writing:
        if not kept:
            writing.execute(table.delete().where(table.c.account != account))
        for row in rows if kept else []:
            same = and_(*(column == row[column.name] for column in table.primary_key.columns))
            if "token" in row:
                row["token"] = _forward(row["token"], writing.execute(select(table.c.token).where(same)).scalar())
            writing.execute(table.delete().where(same))
        if rows:
            writing.execute(table.insert(), rows)


def _forward(live: int, kept: int | None) -> int:
    """A live token below the backup's is of a ledger that was made anew after a loss: as if the lease were lost."""
    return live if kept is None or live >= kept else kept + TOKEN_LEAP


def _leap(shadow: Shadow) -> None:
    table = shadow.tables[leases.name]
    with shadow.engine.execution_options(writes=True).begin() as connection:
        connection.execute(table.update().values(token=table.c.token + TOKEN_LEAP))
