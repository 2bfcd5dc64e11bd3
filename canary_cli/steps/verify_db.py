"""Is the ledger sound: its tables, its invariants, against the journal, its newest backup, and the exchange?"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from canary_cli.bootstrap import World
from canary_cli.core.model import Position
from canary_cli.errors import BackupError, CanaryError
from canary_cli.ledger import Ledger, checks
from canary_cli.ledger.backups.manifest import check_file
from canary_cli.ledger.backups.shelf import backups_of
from canary_cli.ledger.checks import Check
from canary_cli.steps import incidents
from canary_cli.steps.positions import read_exposure
from canary_cli.steps.snapshot_db import backups_folder

Positions = Callable[[], Sequence[Position]]
"""Asks the exchange for the open positions. Raises CanaryError where it does not answer."""


@dataclass(frozen=True, slots=True)
class Integrity:
    """`caught_up` journal lines were missing in the ledger and were applied before looking."""

    checks: tuple[Check, ...]
    caught_up: int

    @property
    def ok(self) -> bool:
        return all(check.ok is not False for check in self.checks)

    @property
    def is_corrupted(self) -> bool:
        """Damaged in the data itself: a restore is due."""
        return checks.is_corrupted(self.checks)


def ask_positions(world: World) -> tuple[Position, ...]:
    """The open positions, from the exchange. Raises ExchangeUnreachable."""

    async def ask() -> tuple[Position, ...]:
        async with World(world.account) as asking:
            return (await read_exposure(asking)).snapshot.positions

    return asyncio.run(ask())


def verify_db(world: World, backup: Path | None = None, positions: Positions | None = None) -> Integrity:
    """What is wrong is a check that fails. Raises DatabaseError where the ledger cannot be opened at all.

    One that holds no damage lets gate 0 pass over incidents that had found some.
    """
    ledger = Ledger.open(world.settings.database_url, world.account.name)
    try:
        caught_up = ledger.catch_up(world.account.log_dir)
        found = [*_inside(ledger), *checks.check_journal(ledger, world.account.log_dir), _backup(world, backup)]
        integrity = Integrity((*found, _exchange(ledger, positions)), caught_up)
    finally:
        ledger.close()
    if not integrity.is_corrupted:
        incidents.note_sound(world, "verify-db")
    return integrity


def _inside(ledger: Ledger) -> list[Check]:
    tables = checks.all_tables()
    with ledger.reading() as connection:
        sound = checks.check_tables(connection, ledger.account, tables)
        return [*sound, *checks.check_invariants(connection, ledger.account, tables)]


def _backup(world: World, named: Path | None) -> Check:
    """The backup named, or the newest, against its manifest."""
    shelf = backups_of(backups_folder(world), world.account.name)
    path = named or (shelf[0].path if shelf else None)
    if path is None:
        return Check("Backup = manifest", None, "no backup yet: canary snapshot-db")
    try:
        manifest = check_file(path)
    except (BackupError, OSError) as error:
        return Check("Backup = manifest", False, str(error))
    return Check("Backup = manifest", True if manifest else None, path.name if manifest else f"{path.name} has none")


def _exchange(ledger: Ledger, positions: Positions | None) -> Check:
    if positions is None:
        return Check("Ledger = exchange", None, "not asked")
    try:
        return checks.check_exchange(ledger, positions())
    except CanaryError as error:
        return Check("Ledger = exchange", None, error.message)
