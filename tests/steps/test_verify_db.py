"""verify-db says table by table what is well, and points at what is not."""

import json
from decimal import Decimal

import pytest

from canary_cli.core.model import Position
from canary_cli.steps.snapshot_db import snapshot_db
from canary_cli.steps.verify_db import verify_db
from tests.steps.conftest import Home


def faults(home: Home) -> str:
    code, out, _ = home.canary("verify-db", "--offline")
    assert (code, out.splitlines()[-1]) == (8, "Integrity check: FAIL")
    return "\n".join(line for line in out.splitlines() if "FAIL" in line)


def test_a_sound_ledger_reads_as_in_the_brief(home: Home):
    code, out, err = home.canary("verify-db", "--offline")
    assert out.splitlines()[:3] == [
        "Orders table: OK (24 records)",
        "Trades table: OK (24 records)",
        "Positions table: OK (0 open)",
    ]
    assert (code, out.splitlines()[-1]) == (0, "Integrity check: PASS")
    assert err.splitlines()[-1] == "RESULT PASS exit=0"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM trades WHERE client_id = 'c1-2'", "BTCUSDT BOTH: fills -0.01, position 0"),
        (
            "DELETE FROM orders WHERE client_id = 'c1-2'",
            "trade 5002 of BTCUSDT belongs to order c1-2, which is not there",
        ),
        ("UPDATE orders SET executed = '9' WHERE client_id = 'c1-2'", "order c1-2 executed 9 of 0.01"),
        ("UPDATE orders SET executed = '0' WHERE client_id = 'c1-2'", "order c1-2 is FILLED with 0 of 0.01"),
        ("UPDATE orders SET status = 'GONE' WHERE client_id = 'c1-2'", "order c1-2 is GONE, which is no state"),
        ("DELETE FROM events WHERE seq = 5", "line 5 of the journal and line 6 of the ledger differ"),
        ("UPDATE events SET problem = 'odd' WHERE seq = 5", "line 5"),
        ("DROP TABLE trades", "Trades table: FAIL"),
        ("UPDATE trades SET price = '1' WHERE client_id = 'c1-2'", "trade 5002 of BTCUSDT is not what its line says"),
        ("UPDATE trades SET commission = '9' WHERE client_id = 'c1-2'", "trade 5002 of BTCUSDT is not what its line"),
        ("DELETE FROM trades", "trade 5000 of BTCUSDT is missing"),
    ],
)
def test_what_is_wrong_is_named(home: Home, statement: str, fault: str):
    home.execute(statement)
    assert fault in faults(home)


def test_a_trade_of_another_hand_needs_no_order_of_ours(home: Home):
    """Nor is it damage that a restore could mend."""
    order = {"client_id": "", "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "price": "1", "maker": False}
    money = {"realized": "0", "commission": "0", "commission_asset": "USDT", "purpose": "foreign"}
    home.day.write("fill", **order, **money, trade_id=9, order_id=9)
    code, out, _ = home.canary("verify-db", "--offline")
    assert (code, out.splitlines()[-1]) == (0, "Integrity check: PASS")


@pytest.mark.parametrize(
    ("statement", "is_corrupted"),
    [
        ("DELETE FROM trades WHERE client_id = 'c1-2'", True),
        ("UPDATE orders SET status = 'GONE' WHERE client_id = 'c1-2'", True),
        ("UPDATE events SET line = 'no line' WHERE seq = 5", True),
        ("DROP TABLE trades", True),
        ("UPDATE events SET problem = 'of a newer version' WHERE seq = 5", False),
        ("UPDATE events SET problem = 'of a newer version'", False),
        ("DELETE FROM orders WHERE client_id = 'c1-2'", True),
    ],
)
def test_damage_in_the_rows_is_corruption_and_a_difference_is_none(home: Home, statement: str, is_corrupted: bool):
    home.execute(statement)
    integrity = verify_db(home.world)
    assert (integrity.ok, integrity.is_corrupted) == (False, is_corrupted)


def test_an_edited_journal_and_a_bad_backup_are_no_corruption_of_the_ledger(home: Home):
    backup = home.path / "backups" / snapshot_db(home.world).file
    backup.write_bytes(backup.read_bytes()[:-1])
    day = next(home.day.folder.glob("*.jsonl"))
    day.write_bytes(day.read_bytes().replace(b'"65000.10"', b'"65000.11"', 1))
    integrity = verify_db(home.world)
    assert (integrity.ok, integrity.is_corrupted) == (False, False)


def test_what_a_person_had_taken_over_explains_a_position_that_the_fills_do_not(home: Home):
    told = {"symbol": "BTCUSDT", "entry_price": "65000", "by": "ana"}
    home.day.write("adopted", **told, quantity="0.5", time=home.day.now.isoformat())
    home.day.trade(90, "SELL", "0.1")
    found = {check.name: check for check in verify_db(home.world, positions=tuple).checks}
    assert found["Fills = positions"].ok, found["Fills = positions"].detail
    assert "ledger 0.4" in found["Ledger = exchange"].detail


def test_an_edited_journal_shows(home: Home):
    path = next(home.day.folder.glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"65000.10"', b'"65000.11"', 1))
    told = faults(home)
    assert "Journal chain: FAIL" in told
    assert "Ledger = journal: FAIL" in told


def test_what_the_ledger_missed_is_applied_first(home: Home):
    home.day.trade(30)
    code, out, err = home.canary("verify-db", "--offline")
    assert code == 0
    assert "applied first: 4 journal lines" in err
    assert "Positions table: OK (1 open)" in out


def test_a_damaged_backup_shows(home: Home):
    path = home.path / "backups" / snapshot_db(home.world).file
    path.write_bytes(path.read_bytes()[:-1])
    assert "Backup = manifest: FAIL" in faults(home)


def test_the_exchange_has_the_last_word_on_positions(home: Home):
    held = (Position("BTCUSDT", Decimal("0.5"), Decimal(1), Decimal(1)),)
    integrity = verify_db(home.world, positions=lambda: held)
    (check,) = [check for check in integrity.checks if check.name == "Ledger = exchange"]
    assert (integrity.ok, check.detail) == (False, "BTCUSDT BOTH: ledger 0, exchange 0.5")
    assert verify_db(home.world, positions=lambda: ()).ok


def test_the_document_says_the_same(home: Home):
    code, out, _ = home.canary("verify-db", "--offline", "--json")
    document = json.loads(out)
    assert (code, document["reason"], document["schema_version"]) == (0, "PASS", 1)
    assert document["integrity"]["checks"][0] == {
        "name": "Orders table",
        "ok": True,
        "detail": "24 records",
        "corrupt": False,
    }
