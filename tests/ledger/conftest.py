"""The same tests on SQLite and on MariaDB; a small trading day to put into them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry, Record
from canary_cli.journal.writer import Journal
from canary_cli.ledger import Ledger

START = datetime(2026, 2, 22, 10, tzinfo=UTC)
ACCOUNT = "desk"


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    address: str = request.getfixturevalue("mariadb").url("canary")
    return address


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = Ledger.open(url, ACCOUNT)
    yield opened
    opened.close()


class Day:
    """Writes a journal, one second of plan time a line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = START
        self.journal = Journal(folder, self._tick)

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def write(self, event: str, run_id: str = "run-1", **data: Any) -> int:
        return self.journal.append(Record(event, run_id=run_id, data=data))

    def trade(self, number: int, side: str = "BUY", quantity: str = "0.010", price: str = "65000.10") -> None:
        """One market order from intent to its only fill."""
        client_id = f"c1-{number}"
        order = {"client_id": client_id, "symbol": "BTCUSDT", "side": side, "quantity": quantity}
        self.write("order_intent", **order, type="MARKET", purpose="entry", decision_price="65000")
        self.write("order_confirmed", client_id=client_id, order_id=1000 + number, latency_ms=41.5)
        money = {"price": price, "realized": "0", "commission": "0.26", "commission_asset": "USDT"}
        self.write("fill", **order, **money, trade_id=5000 + number, order_id=1000 + number, maker=False)
        self.write(
            "order_updated",
            client_id=client_id,
            order_id=1000 + number,
            status="FILLED",
            executed=quantity,
            average_price=price,
        )

    def entries(self) -> list[Entry]:
        return list(read(self.folder))


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    made = Day(tmp_path / "logs")
    yield made
    made.journal.close()


@pytest.fixture
def busy_day(day: Day) -> Day:
    """Two trades, a gate, an incident, a latch, equity, income."""
    day.write("run_started", plan="golive", plan_sha256="ab" * 32, seed=7, deployment_start=START.isoformat())
    day.trade(1)
    day.trade(2, "SELL", "0.004")
    day.write("gate", phase=1, verdict="PASS", checks=[{"metric": "fill_rate", "value": "1"}])
    day.write(
        "equity", wallet="1000", unrealized="-3.5", equity="996.5", peak="1000", drawdown_pct=str(Decimal("-0.35"))
    )
    day.write("wallet", reason="FUNDING_FEE", change="-0.01", wallet="999.99")
    day.write("incident_opened", incident="CB-2026-0222-001", cause="breaker")
    day.write("latch_set", source="rollback", reason="breaker", by="session")
    day.write("run_ended", outcome="ROLLED_BACK", exit=5)
    return day
