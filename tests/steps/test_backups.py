"""The shelf, as its verbs show it."""

import json

from canary_cli.steps.snapshot_db import snapshot_db
from tests.steps.conftest import Home


def test_a_snapshot_says_where_it_is_and_how_long_it_took(home: Home):
    code, out, err = home.canary("snapshot-db")
    assert code == 0, err
    name, size, digest = out.splitlines()
    assert name.startswith(str(home.path / "backups" / "backup_20"))
    assert size.startswith("Size: ")
    assert "rows in 17 tables" in size
    assert len(digest.removeprefix("sha256: ")) == 64


def test_the_shelf_is_listed_verified_and_pruned(home: Home):
    names = [snapshot_db(home.world).file for _ in range(3)]
    listed = json.loads(home.canary("backups", "list", "--json")[1])
    assert {one["path"].rpartition("/")[2] for one in listed["backups"]} == set(names)
    assert home.canary("backups", "verify")[0] == 0
    few = ("--keep-last", "1", "--keep-hourly", "0", "--keep-daily", "0", "--keep-weekly", "0")
    assert "2 backups would go" in home.canary("backups", "prune", "--dry-run", *few)[1]
    assert "2 backups gone" in home.canary("backups", "prune", *few)[1]
    assert len(list((home.path / "backups").glob("backup_*"))) == 2
    (left,) = (home.path / "backups").glob("backup_*.gz")
    left.write_bytes(left.read_bytes()[::-1])
    code, out, _ = home.canary("backups", "verify")
    assert (code, "FAIL" in out) == (8, True)


def test_a_ledger_that_is_not_there_yet_has_no_backup(tmp_path, monkeypatch, capsys):
    from canary_cli.app import run

    (tmp_path / "runbooks").mkdir()
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert run(["snapshot-db"]) == 8
    assert "there is no ledger" in capsys.readouterr().err
    assert list((tmp_path / "backups").iterdir()) == []
