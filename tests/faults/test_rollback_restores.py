"""A rollback restores the ledger by itself where its data is damaged, and only there."""

import sqlite3
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from canary_cli.steps.incidents import of_account
from tests.faults.test_rollback_killed import an_account


def garbage(ledger: Path) -> None:
    for beside in ledger.parent.glob("ledger.db-*"):
        beside.unlink()
    ledger.write_bytes(b"no database at all " * 500)


def lost_table(ledger: Path) -> None:
    with sqlite3.connect(ledger) as connection:
        connection.execute("DROP TABLE trades")


@pytest.mark.parametrize("damage", [garbage, lost_table])
async def test_a_damaged_ledger_is_restored_unasked(damage: object, tmp_path: Path, httpserver: HTTPServer) -> None:
    async with an_account(tmp_path, httpserver) as (desk, terminal):
        damage(terminal.account.state_dir / "ledger.db")  # type: ignore[operator]
        typed = await terminal.type("rollback")
        assert (typed.code, desk.held) == (0, {}), typed
        assert "Data Recovery: COMPLETE" in typed.out
        assert not of_account(terminal.account)[-1].is_corrupted


async def test_a_difference_is_shown_and_nothing_is_restored(tmp_path: Path, httpserver: HTTPServer) -> None:
    async with an_account(tmp_path, httpserver) as (_, terminal):
        assert (await terminal.type("rollback")).code == 0  # from now on the ledger holds lines
        with sqlite3.connect(terminal.account.state_dir / "ledger.db") as connection:
            connection.execute("UPDATE events SET problem = 'of a newer version'")
        typed = await terminal.type("rollback")
        assert typed.code == 0, typed
        assert "Data Recovery" not in typed.out
        assert "Database integrity verified: NOT DONE (Journal lines understood: " in typed.out
        assert not of_account(terminal.account)[-1].is_corrupted
