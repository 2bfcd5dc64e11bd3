"""What a place for a ledger must be able to do, so that a backup can be taken from it and restored into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, MetaData, Table

from canary_cli.ledger.backups.manifest import Manifest, TableFacts
from canary_cli.ledger.tables import metadata

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes expected (an estimate)."""
OLD, NEW = "_canary_old_", "_canary_new_"


def no_progress(_done: int, _expected: int) -> None: ...


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """What a snapshot says of itself; `digest` and `bytes` are of the compressed file."""

    digest: str
    bytes: int
    flavour: str
    server_version: str
    position: str | None
    tool: str
    tables: dict[str, TableFacts]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A loaded ledger beside the live one. `tables` are the ledger's, by their own names; `rows` what was loaded."""

    engine: Engine
    prefix: str
    rows: Mapping[str, int | None]

    @property
    def tables(self) -> dict[str, Table]:
        return prefixed(self.prefix)


class Store(Protocol):
    suffix: str
    flavour: str

    def snapshot(self, path: Path, progress: Progress) -> SnapshotFacts:
        """Write a consistent backup to `path`, which appears whole or not at all."""
        ...

    def load(self, backup: Path, manifest: Manifest | None, seconds: float, progress: Progress) -> Shadow:
        """Load a backup beside the live ledger, which stays untouched. Raises BackupError."""
        ...

    def swap(self, shadow: Shadow) -> None:
        """Put the shadow in the live ledger's place at one stroke, and keep what was live as `old`."""
        ...

    def old(self) -> Shadow | None:
        """What the last swap put away, as a shadow to swap back."""
        ...

    def discard(self) -> None:
        """Remove whatever a restore, finished or cut short, has left of a shadow."""
        ...


def prefixed(prefix: str) -> dict[str, Table]:
    """The ledger's tables under prefixed names in the database, by their own names here."""
    if not prefix:
        return dict(metadata.tables)
    renamed = MetaData()
    return {name: table.to_metadata(renamed, name=prefix + name) for name, table in metadata.tables.items()}
