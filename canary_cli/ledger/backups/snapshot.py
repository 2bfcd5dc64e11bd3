"""Takes a backup and says beside it what it is."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import func, select

from canary_cli.errors import BackupError, DatabaseCorrupted
from canary_cli.ledger.backups.manifest import Manifest, write_manifest
from canary_cli.ledger.backups.opening import open_store
from canary_cli.ledger.backups.shelf import new_path
from canary_cli.ledger.backups.store import Progress, no_progress
from canary_cli.ledger.engine import database_errors, open_engine
from canary_cli.ledger.schema import missing_table, revision
from canary_cli.ledger.tables import events


def take_snapshot(
    url: SecretStr,
    account: str,
    folder: Path,
    at: datetime,
    monotonic: Callable[[], float],
    progress: Progress = no_progress,
) -> Manifest:
    """Back the ledger up into `folder`. Raises DatabaseError or BackupError; then the folder is as it was."""
    started = monotonic()
    store = open_store(url)
    folder.mkdir(parents=True, exist_ok=True)
    schema, seq = _reached(url, account)
    try:
        with new_path(folder, at, store.suffix) as path:
            facts = store.snapshot(path, progress)
            manifest = Manifest(
                file=path.name,
                account=account,
                created_at=at,
                sha256=facts.digest,
                bytes=facts.bytes,
                flavour=facts.flavour,
                server_version=facts.server_version,
                schema_revision=schema,
                position=facts.position,
                seq=seq,
                tables=facts.tables,
                seconds=round(monotonic() - started, 3),
                tool=facts.tool,
            )
            write_manifest(folder, manifest)
    except OSError as error:
        raise BackupError(f"{folder}: {error.strerror}", "make room or name another folder") from None
    return manifest


def _reached(url: SecretStr, account: str) -> tuple[str | None, int]:
    """Schema revision, and the journal line the ledger holds at least."""
    engine = open_engine(url.get_secret_value())
    try:
        with database_errors(engine), engine.connect() as connection:
            schema = revision(connection)
            if schema is None:
                raise BackupError("there is no ledger in this database yet", "canary run --rehearse")
            if lost := missing_table(connection):
                raise DatabaseCorrupted(f"the ledger lacks the table {lost}", "canary restore-db")
            highest = select(func.max(events.c.seq)).where(events.c.account == account)
            return schema, connection.execute(highest).scalar() or 0
    finally:
        engine.dispose()
