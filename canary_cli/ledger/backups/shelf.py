"""The folder of backups: names, choosing by time, and which ones to keep."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from canary_cli.errors import BackupError, UsageError
from canary_cli.ledger.backups.gzip_file import partial_of
from canary_cli.ledger.backups.manifest import Manifest, read_manifest

_NAME = re.compile(r"backup_(\d{4}-\d\d-\d\d_\d{4})(?:-\d+)?\.(?:sql|db)(?:\.gz)?$")
_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            "jan",
            "feb fev",
            "mar",
            "apr abr",
            "may mai",
            "jun",
            "jul",
            "aug ago",
            "sep set",
            "oct out",
            "nov",
            "dec dez",
        ],
        1,
    )
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Backup:
    """A file on the shelf. `at` is the time in its name (UTC); `manifest` is None for a plain dump from elsewhere."""

    path: Path
    at: datetime
    manifest: Manifest | None


@contextmanager
def new_path(folder: Path, at: datetime, suffix: str) -> Iterator[Path]:
    """A name nobody has taken: `backup_2026-02-22_0900.sql.gz`, then `-2`, `-3` within the same minute.

    It is this process's from now on, by its `.partial`; where the block raises, nothing is left under it.
    """
    stem = f"backup_{at.astimezone(UTC):%Y-%m-%d_%H%M}"
    names = (f"{stem}{end}{suffix}" for end in itertools.chain([""], (f"-{number}" for number in itertools.count(2))))
    path = next(path for path in map(folder.joinpath, names) if _claimed(path))
    try:
        yield path
    except BaseException:
        ours = path if path.exists() else partial_of(path)  # never both: the other may be somebody else's by now
        ours.unlink(missing_ok=True)
        raise


def _claimed(path: Path) -> bool:
    """Whether the name is ours now: two processes that both found it free would write into one file."""
    try:
        partial_of(path).touch(0o600, exist_ok=False)
    except FileExistsError:
        return False
    if path.exists():
        partial_of(path).unlink()
        return False
    return True


def backups_of(folder: Path, account: str) -> list[Backup]:
    """The account's backups, newest first; another account's are left out, files without manifest are not."""
    found = []
    for path in folder.glob("backup_*"):
        named = _NAME.match(path.name)
        if named:
            at = datetime.strptime(named.group(1), "%Y-%m-%d_%H%M").replace(tzinfo=UTC)
            backup = Backup(path, at, _legible(path))
            if backup.manifest is None or backup.manifest.account == account:
                found.append(backup)
    return sorted(found, key=lambda backup: (backup.at, backup.path.stat().st_mtime_ns), reverse=True)


def _legible(path: Path) -> Manifest | None:
    """One manifest that cannot be read must not hide the other backups; whoever wants this one is told (check_file)."""
    try:
        return read_manifest(path)
    except BackupError:
        return None


def at_time(backups: Sequence[Backup], at: datetime) -> Backup:
    """The newest backup made no later than the minute `at`. Raises BackupError that names what there is."""
    for backup in backups:
        if backup.at <= at:
            return backup
    there = ", ".join(backup.path.name for backup in backups[:5]) or "none"
    raise BackupError(f"no backup from {at:%Y-%m-%d %H:%M} UTC or before; newest: {there}", "canary backups list")


def parse_timestamp(text: str, now: datetime) -> datetime:
    """`22FEV-1000` is UTC of the latest past year, month in Portuguese or English; `2026-02-22T10:00Z` is itself."""
    found = re.fullmatch(r"(\d{1,2})\s?([A-Za-zçÇ]{3,9})-?(\d\d):?(\d\d)", text.strip())
    try:
        if not found:
            at = datetime.fromisoformat(text)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        day, month, hour, minute = found.groups()
        wanted = (_MONTHS[month[:3].lower()], int(day), int(hour), int(minute))
        return next(at for at in _years_back(wanted, now) if at <= now)
    except (ValueError, KeyError, StopIteration):
        raise UsageError(f"--timestamp {text} is no time", "write 22FEV-1000 or 2026-02-22T10:00Z") from None


def _years_back(wanted: tuple[int, int, int, int], now: datetime) -> Iterable[datetime]:
    for year in range(now.year, now.year - 9, -1):  # a 29 February may be eight years away
        try:
            yield datetime(year, *wanted, tzinfo=UTC)
        except ValueError:
            if wanted[:2] != (2, 29):
                raise


@dataclass(frozen=True, slots=True)
class Retention:
    """How many to keep: the newest ones, and the newest of each of so many hours, days and weeks."""

    last: int = 3
    hourly: int = 24
    daily: int = 7
    weekly: int = 4


def to_prune(backups: Sequence[Backup], retention: Retention) -> list[Backup]:
    """What retention does not keep, of a list that is newest first. Files without manifest are nobody's to remove."""
    kept = {backup.path for backup in backups[: retention.last]}
    for count, period in (
        (retention.hourly, lambda at: f"{at:%Y-%m-%d %H}"),
        (retention.daily, lambda at: f"{at:%Y-%m-%d}"),
        (retention.weekly, lambda at: f"{at:%G-%V}"),
    ):
        kept |= _newest_of_each(backups, count, period)
    return [backup for backup in backups if backup.path not in kept and backup.manifest]


def _newest_of_each(backups: Sequence[Backup], count: int, period: Callable[[datetime], str]) -> set[Path]:
    newest: dict[str, Path] = {}
    for backup in backups:
        newest.setdefault(period(backup.at), backup.path)
    return set(list(newest.values())[:count])
