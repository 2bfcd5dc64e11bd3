"""The shelf of backups: what is there, whether it is what its manifests say, and what may go."""

from dataclasses import dataclass

from canary_cli.bootstrap import World
from canary_cli.errors import BackupError
from canary_cli.ledger.backups.manifest import check_file, manifest_path
from canary_cli.ledger.backups.shelf import Backup, Retention, backups_of, to_prune
from canary_cli.steps.snapshot_db import backups_folder


@dataclass(frozen=True, slots=True)
class Shelved:
    """`sound` is None where a file has no manifest to compare with."""

    backup: Backup
    sound: bool | None
    detail: str


def list_backups(world: World) -> list[Backup]:
    """Newest first."""
    return backups_of(backups_folder(world), world.account.name)


def verify_backups(world: World) -> list[Shelved]:
    """Compare every backup with its manifest (size and sha256)."""
    return [_compare(backup) for backup in list_backups(world)]


def prune_backups(world: World, retention: Retention, *, dry_run: bool) -> list[Backup]:
    """Remove what retention does not keep, manifest last; returns it. A dry run removes nothing."""
    pruned = to_prune(list_backups(world), retention)
    for backup in [] if dry_run else pruned:
        backup.path.unlink(missing_ok=True)
        manifest_path(backup.path).unlink(missing_ok=True)
    return pruned


def _compare(backup: Backup) -> Shelved:
    try:
        manifest = check_file(backup.path)
    except (BackupError, OSError) as error:
        return Shelved(backup, False, str(error))
    return Shelved(backup, True if manifest else None, "as its manifest says" if manifest else "has no manifest")
