"""What a backup is, said beside it: `backup_2026-02-22_0900.sql.gz.manifest.json`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from canary_cli.errors import BackupError
from canary_cli.journal.files import replace_file


@dataclass(frozen=True, slots=True)
class TableFacts:
    """`sha256` is over the table's rows as they lie in the file; None where the format does not show rows."""

    rows: int | None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """`seq` is the journal line the ledger had reached; `position` the server's GTID, where it has one."""

    file: str
    account: str
    created_at: datetime
    sha256: str
    bytes: int
    flavour: str  # sqlite | mariadb | mysql
    server_version: str
    schema_revision: str | None
    position: str | None
    seq: int
    tables: dict[str, TableFacts]
    seconds: float
    tool: str
    schema_version: int = 1


_ADAPTER = TypeAdapter(Manifest)


def manifest_path(backup: Path) -> Path:
    return backup.with_name(backup.name + ".manifest.json")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    content = orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z)
    replace_file(manifest_path(folder / manifest.file), content + b"\n")


def read_manifest(backup: Path) -> Manifest | None:
    """The manifest beside a backup; None where there is none. Raises BackupError where it cannot be understood."""
    try:
        return _ADAPTER.validate_json(manifest_path(backup).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise BackupError(
            f"{manifest_path(backup)} cannot be read", "choose another backup: canary backups list"
        ) from None


def check_file(backup: Path) -> Manifest | None:
    """Compare a backup with its manifest. Raises BackupError where its size or its sha256 is another."""
    manifest = read_manifest(backup)
    if manifest is None:
        return None
    size = backup.stat().st_size
    if size != manifest.bytes:
        raise BackupError(f"{backup.name} has {size} bytes, its manifest says {manifest.bytes}", _OTHER)
    with backup.open("rb") as file:
        if file_digest(file, "sha256").hexdigest() != manifest.sha256:
            raise BackupError(f"{backup.name} is not the file its manifest describes (sha256 differs)", _OTHER)
    return manifest


_OTHER = "choose another backup: canary backups list"
