"""Snapshot and restore of a ledger on MariaDB, against the dumper piped to gzip and zcat piped to the client.

`python tests/bench/backups.py [MEGABYTES]` (45 by default, of dump text). Starts its own server, in a folder here.
"""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from pydantic import SecretStr

from canary_cli.journal.record import Entry
from canary_cli.ledger import Ledger
from canary_cli.ledger.backups import restore
from canary_cli.ledger.backups.opening import open_store
from canary_cli.ledger.backups.snapshot import take_snapshot
from canary_cli.ledger.ledger import line_of
from canary_cli.ledger.tables import events, orders, positions, trades
from tests.conftest import MARIADBD, MariaDB, new_server

ACCOUNT, START = "desk", datetime(2026, 2, 22, 10, tzinfo=UTC)
BYTES_AN_ORDER = 2_020  # dump text of an order with its trade and its two journal lines


def main(megabytes: int) -> None:
    if MARIADBD is None:
        print("backups: mariadbd is not installed, nothing measured")  # noqa: T201
        return
    folder = Path(tempfile.mkdtemp(prefix="b", dir=Path(__file__).parent))
    server = new_server(folder, honest=True)
    try:
        url = SecretStr(server.url("bench"))
        fill(Ledger.open(url, ACCOUNT), megabytes * 1_000_000 // BYTES_AN_ORDER)
        measure(server, url, folder)
    finally:
        server.stop()
        shutil.rmtree(folder)


def measure(server: MariaDB, url: SecretStr, folder: Path) -> None:
    client = f"--no-defaults -uroot -S{server.folder}/s"
    size = int(shell(f"mariadb-dump {client} --single-transaction --quick --hex-blob bench | wc -c")) / 1e6
    plain = folder / "plain.sql.gz"
    dumped = timed(
        lambda: shell(f"mariadb-dump {client} --single-transaction --quick --hex-blob bench | gzip > {plain}")
    )
    shell(f"mariadb {client} -e 'CREATE DATABASE plain'")
    loaded = timed(lambda: shell(f"zcat {plain} | mariadb {client} plain"))
    shell(f"mariadb {client} -e 'DROP DATABASE plain'")
    taken = timed(lambda: take_snapshot(url, ACCOUNT, folder, START, time.monotonic))
    restored = timed(lambda: restore_all(url, next(folder.glob("backup_*.gz")), folder / "no-journal"))
    show(f"snapshot-db {size:.0f} MB", taken, "dumper | gzip", dumped, 0.25)
    show(f"restore-db --verify {size:.0f} MB", restored, "zcat | client, unverified", loaded, 0.6)


def restore_all(url: SecretStr, backup: Path, journal: Path) -> None:
    store = open_store(url)
    shadow, _ = restore.load(store, backup, ACCOUNT, journal, 3600)
    assert all(check.ok for check in restore.verify(shadow, ACCOUNT))
    restore.swap_in(store, shadow, url, ACCOUNT, journal)


def fill(ledger: Ledger, count: int) -> None:
    """Orders, each with its trade and two journal lines, and the position they add up to."""
    bought = sum((trade(number)["quantity"] for number in range(count)), Decimal(0))  # type: ignore[misc]
    with ledger.engine.begin() as connection:
        row = {"account": ACCOUNT, "symbol": "BTCUSDT", "position_side": "BOTH", "quantity": bought}
        connection.execute(positions.insert(), [{**row, "entry_price": Decimal(1), "updated_at": START}])
    for first in range(0, count, 5000):
        numbers = range(first, min(first + 5000, count))
        with ledger.engine.begin() as connection:
            connection.execute(orders.insert(), [order(number) for number in numbers])
            connection.execute(trades.insert(), [trade(number) for number in numbers])
            connection.execute(
                events.insert(), [event(seq) for number in numbers for seq in (2 * number, 2 * number + 1)]
            )
    ledger.close()


def order(number: int) -> dict[str, object]:
    dice = random.Random(number)
    at, price = START + timedelta(milliseconds=number), Decimal(dice.randrange(10**7)) / 100
    quantity = Decimal(dice.randrange(10**6)) / 1000
    return {
        "account": ACCOUNT, "client_id": f"c7-1-{number:09d}", "run_id": "run-2026-02-22", "symbol": "BTCUSDT",
        "side": "BUY", "type": "MARKET", "purpose": "entry", "quantity": quantity,
        "decision_price": price, "decided_at": at, "status": "FILLED", "order_id": dice.randrange(10**12),
        "executed": quantity, "average_price": price, "latency_ms": f"{dice.random() * 400:.3f}",
        "created_at": at, "updated_at": at,
    }  # fmt: skip


def trade(number: int) -> dict[str, object]:
    made = order(number)
    same = ("account", "client_id", "run_id", "symbol", "side", "order_id", "quantity", "decision_price", "purpose")
    money = {"price": made["average_price"], "realized": Decimal(0), "commission": Decimal("0.26")}
    return {
        **{name: made[name] for name in same}, **money, "trade_id": number, "at": made["decided_at"], "maker": False,
        "position_side": "BOTH", "commission_asset": "USDT", "slippage_bps": Decimal(number % 977) / 100,
    }  # fmt: skip


def event(seq: int) -> dict[str, object]:
    data = {name: str(value) for name, value in trade(seq // 2).items()}
    entry = Entry(
        "fill", run_id="run-2026-02-22", data=data, timestamp=START, seq=seq, prev=sha256(b"%d" % seq).hexdigest()
    )
    key = {"account": ACCOUNT, "run_id": entry.run_id, "seq": seq}
    return {**key, "at": START, "event": "fill", "line": line_of(entry), "problem": None}


def timed(deed: object) -> float:
    start = time.perf_counter()
    deed()  # type: ignore[operator]
    return time.perf_counter() - start


def shell(command: str) -> str:
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, capture_output=True, text=True).stdout


def show(what: str, seconds: float, against: str, reference: float, goal: float) -> None:
    print(  # noqa: T201
        f"{what}: {seconds:.2f} s; {against}: {reference:.2f} s; {seconds / reference:.2f} x (goal <= {goal} x)"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 45)
