"""Take a backup of the account's ledger."""

from pathlib import Path

from canary_cli.bootstrap import World
from canary_cli.journal.record import Record
from canary_cli.ledger.backups.manifest import Manifest
from canary_cli.ledger.backups.snapshot import take_snapshot
from canary_cli.ledger.backups.store import Progress, no_progress


def backups_folder(world: World) -> Path:
    return world.home / "backups"


def snapshot_db(world: World, progress: Progress = no_progress) -> Manifest:
    """Write `backups/backup_YYYY-MM-DD_HHMM.sql.gz` (`.db.gz` for SQLite) and its manifest.

    Raises DatabaseError or BackupError (exit 8), and then leaves no file behind.
    """
    clock = world.clock
    url, folder = world.settings.database_url, backups_folder(world)
    manifest = take_snapshot(url, world.account.name, folder, clock.now(), clock.monotonic, progress)
    told = {"file": manifest.file, "sha256": manifest.sha256, "bytes": manifest.bytes, "seconds": manifest.seconds}
    world.journal.append(Record("snapshot", actor="snapshot-db", data=told))
    return manifest
