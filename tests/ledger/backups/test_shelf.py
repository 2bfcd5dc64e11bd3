"""Names on the shelf, choosing by time, and what retention keeps."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary_cli.errors import BackupError, UsageError
from canary_cli.ledger.backups.manifest import Manifest, write_manifest
from canary_cli.ledger.backups.shelf import Retention, at_time, backups_of, new_path, parse_timestamp, to_prune

NOW = datetime(2026, 2, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22FEV-1000", datetime(2026, 2, 22, 10, tzinfo=UTC)),
        ("22feb-1000", datetime(2026, 2, 22, 10, tzinfo=UTC)),
        ("22FEV-1300", datetime(2025, 2, 22, 13, tzinfo=UTC)),
        ("1DEZ-2359", datetime(2025, 12, 1, 23, 59, tzinfo=UTC)),
        ("31ago 0930", None),
        ("31AGO-0930", datetime(2025, 8, 31, 9, 30, tzinfo=UTC)),
        ("29FEV-0000", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2026-02-22T10:00Z", datetime(2026, 2, 22, 10, tzinfo=UTC)),
        ("2026-02-22T07:00-03:00", datetime(2026, 2, 22, 10, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_the_latest_past_one(text: str, expected: datetime | None):
    if expected is None:
        with pytest.raises(UsageError):
            parse_timestamp(text, NOW)
    else:
        assert parse_timestamp(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "31FEV-1000", "22XXX-1000", "22FEV-2500", "22FEV"])
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(UsageError, match="is no time"):
        parse_timestamp(text, NOW)


def shelve(folder: Path, at: datetime, account: str = "desk", *, manifest: bool = True) -> Path:
    with new_path(folder, at, ".sql.gz") as path:
        path.write_bytes(b"x")
    if manifest:
        write_manifest(
            folder, Manifest(path.name, account, at, "0" * 64, 1, "mariadb", "10.11", "0001", None, 1, {}, 0.1, "x")
        )
    return path


def test_two_of_the_same_minute_get_two_names(tmp_path: Path):
    names = [shelve(tmp_path, NOW).name for _ in range(3)]
    assert names == [f"backup_2026-02-22_1200{end}.sql.gz" for end in ("", "-2", "-3")]
    assert len(backups_of(tmp_path, "desk")) == 3


def test_the_shelf_shows_an_account_its_own_newest_first(tmp_path: Path):
    for hours, account in ((3, "desk"), (1, "other"), (2, "desk")):
        shelve(tmp_path, NOW - timedelta(hours=hours), account)
    shelve(tmp_path, NOW - timedelta(hours=5), manifest=False)
    (tmp_path / "backup_2026-02-22_1100.sql.gz.partial").write_bytes(b"")
    assert [backup.at.hour for backup in backups_of(tmp_path, "desk")] == [10, 9, 7]
    assert at_time(backups_of(tmp_path, "desk"), NOW - timedelta(minutes=150)).at.hour == 9
    with pytest.raises(BackupError, match="newest: backup_2026-02-22_1000"):
        at_time(backups_of(tmp_path, "desk"), NOW - timedelta(days=1))


def test_retention_keeps_the_newest_of_each_period(tmp_path: Path):
    for hours in range(0, 24 * 40, 6):
        shelve(tmp_path, NOW - timedelta(hours=hours))
    foreign = shelve(tmp_path, NOW - timedelta(days=300), manifest=False)
    shelf = backups_of(tmp_path, "desk")
    pruned = to_prune(shelf, Retention(last=2, hourly=0, daily=7, weekly=4))
    kept = [backup.at for backup in shelf if backup not in pruned and backup.manifest]
    assert kept[:2] == [NOW, NOW - timedelta(hours=6)]
    assert len({f"{at:%Y-%m-%d}" for at in kept}) >= 7
    assert len(kept) <= 2 + 7 + 4
    assert foreign not in [backup.path for backup in pruned]
    assert to_prune(shelf[:3], Retention()) == []
