"""Restoring, as it is typed in an incident: guarded, verified, latched, and harmless when it fails or is killed."""

import json
import re
import signal
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.model import Position
from canary_cli.errors import ExchangeUnreachable, LeaseHeld, Refused
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read, verify_chain
from canary_cli.ledger.backups.restore import TOKEN_LEAP
from canary_cli.steps.restore_db import RestoreRequest, plan_restore, restore_db
from canary_cli.steps.snapshot_db import snapshot_db
from tests.steps.conftest import OTHERS, Home

GO = ("--confirm", "paper", "--with-open-positions")


@pytest.fixture
def backup(home: Home) -> Path:
    """A backup, after which the live ledger loses its trades."""
    path = home.path / "backups" / snapshot_db(home.world).file
    home.execute("DELETE FROM trades")
    return path


def test_the_brief_s_lines_are_printed(home: Home, backup: Path):
    code, out, err = home.canary("restore-db", "--backup", str(backup), "--verify", "--timeout", "3600", *GO)
    assert code == 0, err
    assert [re.sub(r"\d\d", "..", line) for line in out.splitlines()[:3]] == [
        "[..:..] Restoring from backup...",
        "[..:..] Database restored successfully",
        "[..:..] Verification passed",
    ]
    assert err.splitlines()[0] == "ACCOUNT paper PAPER"
    assert err.splitlines()[-1] == "RESULT RESTORED exit=0"
    assert len(home.rows()["trades"]) == 24


def test_afterwards_trading_is_latched_and_the_journal_tells_it(home: Home, backup: Path):
    home.canary("restore-db", "--backup", str(backup), "--verify", *GO)
    assert [latch.source for latch in read_latches(home.world.account.state_dir)] == ["restore-db"]
    events = {entry.event: entry.data for entry in read(home.day.folder)}
    assert events["latch_set"]["source"] == "restore-db"
    assert (events["drill"]["kind"], events["drill"]["outcome"]) == ("restore", "PASS")
    assert verify_chain(home.day.folder).ok
    code, out, _ = home.canary("verify-db", "--offline")
    assert (code, out.splitlines()[-1]) == (0, "Integrity check: PASS")


def test_without_confirmation_nothing_is_done(home: Home, backup: Path):
    before = home.rows()
    code, _, err = home.canary("restore-db", "--backup", str(backup), "--with-open-positions")
    assert code == 10
    assert "add --confirm paper" in err
    assert home.canary("restore-db", "--confirm", "another", "--with-open-positions")[0] == 10
    assert home.rows() == before
    assert read_latches(home.world.account.state_dir) == ()


def test_the_newest_sound_backup_is_chosen_and_the_others_are_explained(home: Home, backup: Path):
    newer = home.path / "backups" / snapshot_db(home.world).file
    newer.write_bytes(b"damaged")
    code, out, err = home.canary("restore-db", "--dry-run", "--json")
    document = json.loads(out)
    assert (code, document["source"]) == (0, backup.name)
    assert newer.name in document["passed_over"][0]
    assert f"not chosen: {newer.name}: has 7 bytes" in err


def test_a_manifest_that_cannot_be_read_hides_no_older_backup(home: Home, backup: Path):
    newer = home.path / "backups" / snapshot_db(home.world).file
    newer.with_name(newer.name + ".manifest.json").write_bytes(b"\0" * 40)
    code, out, err = home.canary("restore-db", "--dry-run", "--json")
    assert code == 0, err
    assert json.loads(out)["source"] == backup.name
    assert f"not chosen: {newer.name}: " in err
    assert home.canary("backups", "list")[0] == 0
    code, out, _ = home.canary("verify-db", "--offline")
    assert (code, "cannot be read" in out) == (8, True)


def test_a_lease_that_was_lost_meanwhile_stops_the_swap(home: Home, backup: Path):
    """A machine that slept through its lease, and a run that took it: its ledger is not exchanged under it."""
    before = home.rows()["trades"]

    def taken(*_: object) -> None:
        home.execute("UPDATE leases SET holder = 'run@desk:1', token = token + 1")

    plan = plan_restore(home.world, RestoreRequest(backup, with_open_positions=True))
    with pytest.raises(LeaseHeld):
        restore_db(home.world, plan, "ops", print, progress=taken)
    assert home.rows()["trades"] == before


def test_a_backup_of_another_kind_of_database_is_passed_over(home: Home, backup: Path):
    manifest = backup.with_name(backup.name + ".manifest.json")
    kind = json.loads(manifest.read_text())["flavour"]
    manifest.write_text(manifest.read_text().replace(f'"{kind}"', '"mysql"'))
    code, _, err = home.canary("restore-db", "--dry-run")
    assert (code, f"is of a mysql ledger, this one is {kind}" in err) == (8, True)


def test_a_run_that_holds_the_lease_is_not_disturbed(home: Home, backup: Path):
    ledger = home.ledger()
    lease = ledger.acquire("paper", "run@desk:1", timedelta(minutes=1))
    code, _, err = home.canary("restore-db", "--backup", str(backup), *GO)
    assert code == 9
    assert "run@desk:1 holds the lease" in err
    ledger.release(lease)
    ledger.close()


def test_a_ledger_whose_leases_are_gone_is_restored_and_its_tokens_leap(home: Home):
    ledger = home.ledger()
    ledger.release(ledger.acquire("paper", "run@desk:1", timedelta(minutes=1)))
    ledger.close()
    path = home.path / "backups" / snapshot_db(home.world).file
    home.execute("DROP TABLE leases")
    code, _, err = home.canary("restore-db", "--from-journal", *GO)
    assert (code, "lacks the table leases" in err) == (8, True)  # it makes rows anew, no tables
    code, _, err = home.canary("restore-db", "--backup", str(path), "--verify", *GO)
    assert code == 0, err
    assert [lease["token"] for lease in home.rows()["leases"]] == [1 + TOKEN_LEAP]


def test_open_positions_are_a_refusal_until_somebody_insists(home: Home, backup: Path):
    held = (Position("BTCUSDT", Decimal("0.5"), Decimal(1), Decimal(1)),)
    for request, refused in ((RestoreRequest(backup), True), (RestoreRequest(backup, with_open_positions=True), False)):
        plan = plan_restore(home.world, request)
        if refused:
            with pytest.raises(Refused, match=r"1 positions are open: BTCUSDT 0\.5"):
                restore_db(home.world, plan, "ops", print, lambda: held)
        else:
            restore_db(home.world, plan, "ops", print, lambda: held)


def test_an_exchange_that_does_not_answer_is_no_flat_account(home: Home, backup: Path):
    def silent() -> tuple[Position, ...]:
        raise ExchangeUnreachable("no route")

    with pytest.raises(ExchangeUnreachable, match="what is open is not known"):
        restore_db(home.world, plan_restore(home.world, RestoreRequest(backup)), "ops", print, silent)
    assert len(home.rows()["trades"]) == 0


def test_a_backup_that_does_not_verify_is_not_let_in(home: Home):
    home.execute("UPDATE orders SET status = 'BROKEN' WHERE client_id = 'c1-3'")
    bad = home.path / "backups" / snapshot_db(home.world).file
    before = home.rows("leases")
    code, _, err = home.canary("restore-db", "--backup", str(bad), "--verify", *GO)
    assert code == 8
    assert "order c1-3 is BROKEN, which is no state" in err
    assert home.rows("leases") == before
    assert read_latches(home.world.account.state_dir) == ()


def test_undo_brings_back_what_was_there(home: Home, backup: Path):
    home.canary("restore-db", "--backup", str(backup), *GO)
    assert home.canary("restore-db", "--undo", *GO)[0] == 0
    assert len(home.rows()["trades"]) == 0


def test_the_journal_alone_is_enough(home: Home, backup: Path):
    whole = home.canary("restore-db", "--from-journal", *GO)
    assert whole[0] == 0
    assert len(home.rows()["trades"]) == 24
    assert home.canary("verify-db", "--offline")[0] == 0


def test_another_database_takes_a_backup_and_the_live_one_is_left_alone(home: Home, backup: Path, tmp_path: Path):
    other = f"sqlite:///{tmp_path}/other.db"
    if backup.name.endswith(".sql.gz"):
        assert home.canary("restore-db", "--into", other, "--confirm", "paper")[0] == 8
    else:
        assert home.canary("restore-db", "--into", other, "--verify", "--confirm", "paper")[0] == 0
    assert read_latches(home.world.account.state_dir) == ()
    assert len(home.rows()["trades"]) == 0


def test_the_live_ledger_is_no_other_database(home: Home, backup: Path, monkeypatch):
    from urllib.parse import urlsplit

    url = urlsplit(home.world.settings.database_url.get_secret_value())
    place = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl() if url.netloc else f"sqlite://{url.path}"
    code, _, err = home.canary("restore-db", "--into", place, "--confirm", "paper")
    assert (code, "--into names the live ledger" in err) == (2, True)


DIE = """
import os, signal
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
"""
POINTS = {
    "sqlite": {
        "unpacking": "from canary_cli.ledger.backups import sqlite\nsqlite.upgrade = die",
        "verified": "from canary_cli.steps import restore_db\nrestore_db.set_latch = die",
        "latched": "from canary_cli.ledger.backups import restore\nrestore._take_over = die",
        "old one kept": "from canary_cli.ledger.backups import sqlite\n"
        "real = sqlite._copy\nsqlite._copy = lambda a, b: die() if str(b).endswith('ledger.db') else real(a, b)",
    },
    "mariadb": {
        "loading": "from canary_cli.ledger.backups import dump\n"
        "real = dump._rename\ndump._rename = lambda line, s: die() if b'`trades`' in line else real(line, s)",
        "loaded": "from canary_cli.ledger.backups.server import ServerStore\nServerStore._compare = die",
        "verified": "from canary_cli.steps import restore_db\nrestore_db.set_latch = die",
        "latched": "from canary_cli.ledger.backups.server import ServerStore\nServerStore.swap = die",
    },
}


@pytest.mark.parametrize("point", range(4))
def test_killed_at_any_point_before_the_swap_the_live_ledger_is_as_it_was(home: Home, backup: Path, point: int):
    kind = "sqlite" if backup.name.endswith(".db.gz") else "mariadb"
    name, patch = list(POINTS[kind].items())[point]
    before = home.rows(*OTHERS)
    words = ("restore-db", "--backup", str(backup), "--verify", *GO)
    assert home.in_process(DIE + patch, *words) == -signal.SIGKILL, name
    assert home.rows(*OTHERS) == before
    assert bool(read_latches(home.world.account.state_dir)) == (name in ("latched", "old one kept"))
    home.execute("UPDATE leases SET expires = '2000-01-01 00:00:00.000000'")  # what time would do
    assert home.canary(*words)[0] == 0
    assert len(home.rows()["trades"]) == 24


def test_killed_after_the_swap_the_ledger_is_latched_and_catches_up(home: Home, backup: Path):
    patch = "from canary_cli.ledger import Ledger\nLedger.catch_up = die"
    home.day.trade(99)
    assert home.in_process(DIE + patch, "restore-db", "--backup", str(backup), *GO) == -signal.SIGKILL
    assert [latch.source for latch in read_latches(home.world.account.state_dir)] == ["restore-db"]
    assert home.canary("verify-db", "--offline")[0] == 0
    assert len(home.rows()["trades"]) == 25
