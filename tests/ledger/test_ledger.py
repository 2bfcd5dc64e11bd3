"""The ledger holds what the journal says: all of it, once, exactly, whatever was replayed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from canary_cli.errors import ConfigurationError, DatabaseError
from canary_cli.journal.record import Record
from canary_cli.journal.writer import Journal
from canary_cli.ledger import Ledger
from canary_cli.ledger.engine import open_engine
from canary_cli.ledger.ledger import line_of
from canary_cli.ledger.schema import HEAD, revision, upgrade
from canary_cli.ledger.tables import metadata, trades
from tests.ledger.conftest import ACCOUNT, START, Day


def test_the_migrations_make_the_tables_the_code_knows(ledger: Ledger):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with ledger.engine.connect() as connection:
        assert revision(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_ledger_of_a_newer_canary_is_refused(ledger: Ledger):
    with ledger.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="newer"):
        upgrade(ledger.engine)


def test_a_day_becomes_rows(ledger: Ledger, busy_day: Day):
    assert ledger.apply(busy_day.entries()) == ledger.caught_up_to() == len(busy_day.entries())
    (run,) = ledger.rows("runs")
    assert (run["plan"], run["outcome"], run["exit_code"], run["deployment_start"]) == (
        "golive",
        "ROLLED_BACK",
        5,
        START,
    )
    first, _ = ledger.rows("orders")
    assert (first["status"], first["executed"], first["order_id"]) == ("FILLED", Decimal("0.01"), 1001)
    assert [trade["quantity"] for trade in ledger.rows("trades")] == [Decimal("0.01"), Decimal("0.004")]
    (position,) = ledger.rows("positions")
    assert (position["quantity"], position["entry_price"]) == (Decimal("0.006"), Decimal("65000.1"))
    (gate,) = ledger.rows("gates", verdict="PASS")
    assert gate["checks"] == [{"metric": "fill_rate", "value": "1"}]
    assert [latch["source"] for latch in ledger.rows("latches")] == ["rollback"]
    assert ledger.rows("incidents")[0]["state"] == "OPEN"
    assert ledger.rows("events", event="gate")[0]["problem"] is None


def test_replaying_anything_changes_nothing(ledger: Ledger, busy_day: Day):
    entries = busy_day.entries()
    ledger.apply(entries[:7])
    ledger.apply(entries[3:])
    before = {name: ledger.rows(name) for name in metadata.tables}
    assert ledger.apply(entries) == 0
    assert {name: ledger.rows(name) for name in metadata.tables} == before


def test_what_the_ledger_holds_is_the_journal_byte_for_byte(ledger: Ledger, busy_day: Day):
    ledger.apply(busy_day.entries())
    lines = (busy_day.folder / "audit-2026-02-22.jsonl").read_text().splitlines()
    assert [line_of(entry) for entry in ledger.entries()] == lines


def test_rebuilding_gives_the_same_rows(ledger: Ledger, busy_day: Day):
    ledger.apply(busy_day.entries())
    lease = ledger.acquire(ACCOUNT, "host:1", timedelta(minutes=1))
    before = {name: ledger.rows(name) for name in metadata.tables}
    with ledger.engine.execution_options(writes=True).begin() as connection:
        connection.execute(trades.delete())
    ledger.rebuild(busy_day.entries())
    assert {name: ledger.rows(name) for name in metadata.tables} == before
    assert ledger.holder() == lease


def test_another_journal_under_the_same_numbers_is_refused_whole(ledger: Ledger, day: Day, tmp_path: Path):
    day.write("run_started")
    ledger.apply(day.entries())
    other = Day(tmp_path / "other")
    other.write("run_started", seed=2)
    other.write("run_ended")
    with pytest.raises(DatabaseError, match="the journal was replaced"):
        ledger.apply(other.entries())
    assert ledger.caught_up_to() == 1
    other.journal.close()


def test_another_journal_of_another_run_is_refused_too(ledger: Ledger, busy_day: Day, tmp_path: Path):
    """A home that was set up anew counts from 1 again, and its runs have other names."""
    ledger.apply(busy_day.entries())
    before = ledger.rows("events")
    journal = Journal(tmp_path / "anew", lambda: START)
    for _ in range(len(busy_day.entries()) + 3):
        journal.append(Record("equity", run_id="another", data={"equity": "1"}))
    journal.close()
    with pytest.raises(DatabaseError, match="the journal was replaced"):
        ledger.catch_up(tmp_path / "anew")
    assert ledger.rows("events") == before


def test_a_line_that_makes_no_sense_is_kept_with_its_problem(ledger: Ledger, day: Day):
    day.write("fill", symbol="BTCUSDT")
    day.write("fill", symbol="BTCUSDT", trade_id=1, client_id="x", side="BUY", price="1E+30", quantity="1")
    day.write("wallet", reason="FUNDING_FEE", change="1E+30", wallet="1")
    day.write("gate", phase="first", verdict="PASS")
    day.trade(1)
    ledger.apply(day.entries())
    problems = [event["problem"] for event in ledger.rows("events", "seq") if event["problem"]]
    assert len(problems) == 4
    assert "KeyError" in problems[0]
    assert [trade["trade_id"] for trade in ledger.rows("trades")] == [5001]


def test_a_migration_cut_short_is_gone_on_with(url: str):
    engine = open_engine(url)
    metadata.tables["orders"].create(engine)
    engine.dispose()
    ledger = Ledger.open(url, ACCOUNT)
    assert {name: ledger.rows(name) for name in metadata.tables} == {name: [] for name in metadata.tables}
    ledger.close()


def test_a_database_with_other_tables_of_our_names_is_refused(url: str):
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE orders (id INTEGER)")
    engine.dispose()
    with pytest.raises(DatabaseError, match="a table orders that is not canary's"):
        Ledger.open(url, ACCOUNT)


def test_accounts_that_share_a_database_do_not_see_each_other(url: str, busy_day: Day):
    one, other = Ledger.open(url, "one"), Ledger.open(url, "other")
    one.apply(busy_day.entries())
    assert other.rows("trades") == []
    other.apply(busy_day.entries())
    other.rebuild([])
    assert len(one.rows("trades")) == 2
    one.close()
    other.close()


MONEY = ["0.000000000000000001", "12345678901234567890.123456789012345678", "-0.1", "999999999999.999999"]


@pytest.mark.parametrize("amount", MONEY)
def test_money_comes_back_exactly(ledger: Ledger, day: Day, amount: str):
    day.write("wallet", reason="FUNDING_FEE", change=amount, wallet="1")
    ledger.apply(day.entries())
    assert ledger.rows("income")[0]["amount"] == Decimal(amount)


def test_a_time_with_another_offset_comes_back_as_the_same_instant(ledger: Ledger, tmp_path: Path):
    instant = datetime(2026, 2, 22, 23, 59, 59, 123000, tzinfo=timezone(timedelta(hours=5)))
    journal = Journal(tmp_path / "logs", lambda: instant)
    journal.append(Record("gate", data={"phase": 1, "verdict": "PASS"}))
    from canary_cli.journal.reader import read

    ledger.apply(read(tmp_path / "logs"))
    assert ledger.rows("gates")[0]["at"] == instant
    assert ledger.rows("gates")[0]["at"].tzinfo is UTC
    journal.close()


def test_names_are_compared_letter_by_letter(ledger: Ledger, day: Day):
    for client_id in ("abc", "ABC", "äbc"):
        day.write("order_intent", client_id=client_id, symbol="BTCUSDT")
    ledger.apply(day.entries())
    assert len(ledger.rows("orders")) == 3


def test_streaming_gives_what_rows_gives(ledger: Ledger, busy_day: Day):
    ledger.apply(busy_day.entries())
    assert list(ledger.stream("trades", "at")) == ledger.rows("trades", "at")


@pytest.mark.mariadb
def test_a_refused_password_is_one_line_without_it(mariadb):
    url = mariadb.url("canary").replace("s3cret-pw", "wr0ng-pw")
    with pytest.raises(DatabaseError, match="Access denied") as refused:
        Ledger.open(url, ACCOUNT)
    assert "wr0ng-pw" not in refused.value.message
    assert refused.value.__suppress_context__


def test_a_database_that_is_not_there_is_a_database_error(tmp_path: Path):
    with pytest.raises(DatabaseError, match=r"mysql\+pymysql://u:\*\*\*@127.0.0.1:1/x"):
        Ledger.open("mysql://u:p@127.0.0.1:1/x", ACCOUNT)
    (tmp_path / "ledger.db").write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        Ledger.open(f"sqlite:///{tmp_path}/ledger.db", ACCOUNT)
    with pytest.raises(ConfigurationError):
        Ledger.open("nonsense", ACCOUNT)


@pytest.mark.mariadb
def test_a_line_the_database_refuses_does_not_hold_up_the_others(mariadb, day: Day):
    ledger = Ledger.open(mariadb.url("canary"), ACCOUNT)
    day.write("approval", what="promote", by="x" * 500)
    day.trade(1)
    assert ledger.apply(day.entries()) == 5
    assert "Data too long" in ledger.rows("events", event="approval")[0]["problem"]
    assert len(ledger.rows("trades")) == 1
    ledger.close()


@pytest.mark.mariadb
def test_mariadb_holds_money_as_decimals(mariadb):
    ledger = Ledger.open(mariadb.url("canary"), ACCOUNT)
    columns = {column["name"]: str(column["type"]) for column in inspect(ledger.engine).get_columns("trades")}
    assert columns["price"] == "DECIMAL(38, 18)"
    with ledger.engine.connect() as connection:
        assert connection.execute(select(trades)).all() == []
    ledger.close()


def test_two_processes_that_catch_up_at_once_write_each_line_once(url: str, busy_day: Day):
    for number in range(3, 60):
        busy_day.trade(number)
    ledgers = [Ledger.open(url, ACCOUNT) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda ledger: ledger.catch_up(busy_day.folder), ledgers))
    assert sum(counts) == len(busy_day.entries()) == ledgers[0].caught_up_to()
    assert len(ledgers[0].rows("trades")) == 59
    for ledger in ledgers:
        ledger.close()
