"""`canary pnl` as typed, and what it is made from: journal lines, ledger rows, the exchange's incomes."""

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from canary_cli.accounts import choose_account
from canary_cli.app import run
from canary_cli.core.model import Income
from canary_cli.journal.record import Record
from canary_cli.journal.writer import Journal
from canary_cli.ledger import Ledger
from canary_cli.render.pnl import show
from canary_cli.steps import pnl as step

Capture = pytest.CaptureFixture[str]
START = datetime(2026, 2, 22, 10, tzinfo=UTC)
TO = ["--to", "2026-02-22T10:47Z"]
CLOSED_PORT = 9  # nothing listens on the discard port


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("CANARY_ACCOUNT", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "accounts.toml").write_text(f'default = "desk"\n[desk]\nkind = "paper"\nport = {CLOSED_PORT}\n')
    return tmp_path


class Day:
    """A trading day as the journal of account `desk` has it."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "logs" / "desk"
        self.folder.mkdir(parents=True)
        self.now = START
        self.count = 0
        self.journal = Journal(self.folder, lambda: self.now)

    def write(self, event: str, **data: Any) -> None:
        self.journal.append(Record(event, run_id="r1", data=data))

    def trip(self, profit: str, purpose: str = "entry", client: str = "c") -> None:
        for side, price in (("BUY", Decimal(1000)), ("SELL", 1000 + Decimal(profit))):
            self.count += 1
            self.now += timedelta(minutes=2)
            self.write(
                "fill", time=self.now.isoformat(), symbol="BTCUSDT", trade_id=self.count, order_id=self.count,
                client_id=f"{client}{self.count}", side=side, price=str(price), quantity="1", realized="0",
                commission="0.05", commission_asset="USDT", maker=False, decision_price="1000", slippage_bps="0",
                purpose=purpose,
            )  # fmt: skip

    def mark(self, equity: str, drawdown: str) -> None:
        self.write("equity", wallet=equity, unrealized="0", equity=equity, peak="10000", drawdown_pct=drawdown)


@pytest.fixture
def day(home: Path) -> Day:
    made = Day(home)
    made.write("run_started", plan="golive", deployment_start=START.isoformat())
    made.mark("10000", "0")
    made.trip("21.40")
    made.trip("-58.30")
    made.trip("-0.40", "probe")
    made.mark("9962.4", "-0.376")
    made.write("wallet", reason="FUNDING_FEE", change="-0.25", wallet="9962.15")
    made.journal.close()
    return made


BLOCK = """\
Total trades: 2
Profitable: 1 (+$21.30)
Loss-making: 1 (-$58.40)
Net P&L: -$37.85
Duration: 47min
"""


@pytest.mark.usefixtures("day")
def test_the_block_comes_first_and_without_the_exchange_too(capsys: Capture) -> None:
    assert run(["pnl", "--from", "deploymentstart", *TO]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(BLOCK)
    assert "exchange: NOT ASKED" in shown.out
    assert "-0.38%" in shown.out
    assert "the exchange gave no answer" in shown.err
    assert shown.err.endswith("RESULT INCOMPLETE_DATA exit=0\n")


def test_the_ledger_and_the_journal_give_the_same(day: Day, home: Path, capsys: Capture) -> None:
    from_journal = _json(capsys)
    account = choose_account("desk", home)
    account.state_dir.mkdir(parents=True, exist_ok=True)
    with_ledger = Ledger.open(f"sqlite:///{account.state_dir / 'ledger.db'}", "desk")
    with_ledger.catch_up(day.folder)
    with_ledger.close()
    assert _json(capsys) == from_journal


def test_lines_the_ledger_has_not_seen_yet_are_counted_once(home: Path, day: Day, capsys: Capture) -> None:
    account = choose_account("desk", home)
    account.state_dir.mkdir(parents=True, exist_ok=True)
    ledger = Ledger.open(f"sqlite:///{account.state_dir / 'ledger.db'}", "desk")
    ledger.catch_up(day.folder)
    ledger.close()
    later = Journal(day.folder, lambda: day.now)
    day.journal = later
    day.trip("10")
    later.close()
    assert _json(capsys)["trades"] == 3


@pytest.mark.usefixtures("day")
def test_a_database_that_is_away_stops_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://nobody@127.0.0.1:9/canary")
    assert run(["pnl", *TO]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(BLOCK)
    assert "the ledger is away, so the journal was read" in shown.err


def _json(capsys: Capture) -> dict[str, Any]:
    assert run(["pnl", "--json", *TO]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {name: _exact(value) for name, value in document.items() if name not in ("sources", "missing")}


def _exact(value: Any) -> Any:
    """Money by its value: a database may write 37.3 for 37.30."""
    if isinstance(value, dict):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    try:
        return Decimal(value) if isinstance(value, str) else value
    except InvalidOperation:
        return value


def test_json_has_money_as_strings_and_what_is_missing(day: Day, capsys: Capture) -> None:
    assert run(["pnl", "--json", *TO]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["net"] == "-37.85"
    assert document["duration_seconds"] == 47 * 60
    assert document["agrees"] is None
    assert len(document["missing"]) == 1
    assert len(document["trips"]) == 3


def test_what_a_kill_closed_is_the_cost_of_the_rollback_whoever_sent_it(home: Path, capsys: Capture) -> None:
    day = Day(home)
    day.write("run_started", plan="golive", deployment_start=START.isoformat())
    day.trip("-7", "foreign", client="KILL-")
    day.journal.close()
    assert _json(capsys)["rollback_cost"] == Decimal("7.10")


@pytest.mark.usefixtures("day")
def test_csv_has_a_line_for_each_round_trip(capsys: Capture) -> None:
    assert run(["pnl", "--csv", *TO]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["net"] for row in rows] == ["21.30", "-58.40", "-0.50"]
    assert [row["probe"] for row in rows] == ["0", "0", "1"]
    assert rows[0]["opened"] == "2026-02-22T10:02:00.000Z"


@pytest.mark.usefixtures("day")
def test_the_chart_is_written_and_its_troubles_are_said(tmp_path: Path, capsys: Capture) -> None:
    chart = tmp_path / "pnl.svg"
    assert run(["pnl", "--plot", str(chart), *TO]) == 0
    assert "drawdown, %" in chart.read_text()
    assert f"drawn: {chart}" in capsys.readouterr().err
    assert run(["pnl", "--plot", str(tmp_path / "no" / "pnl.svg"), *TO]) == 2
    assert run(["pnl", "--from", "2026-02-22T10:46Z", "--plot", str(chart), *TO]) == 2
    assert "no equity was written down" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], "no instant with a zone"),
        (["--from", "2026-02-22T11:00Z", *TO], "is after --to"),
        (["--json", "--csv"], "exclude each other"),
    ],
)
@pytest.mark.usefixtures("day")
def test_wrong_input_is_one_clear_line(capsys: Capture, arguments: list[str], said: str) -> None:
    assert run(["pnl", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_account_that_never_ran_says_so(capsys: Capture) -> None:
    assert run(["pnl"]) == 2
    assert "no run was ever started on desk" in capsys.readouterr().err


def test_what_the_exchange_booked_stands_beside_our_fills(day: Day, home: Path, capsys: Capture) -> None:
    """The loader is thin: given incomes, the report compares, and a difference is never hidden."""
    asked = step.Request(START, START + timedelta(minutes=47))
    told = step._from_journal(day.folder)
    incomes = tuple(
        Income(kind, number, "BTCUSDT", "USDT", Decimal(amount), START + timedelta(minutes=3))
        for number, (kind, amount) in enumerate(
            [("REALIZED_PNL", "-37.30"), ("COMMISSION", "-0.30"), ("FUNDING_FEE", "-0.25"), ("TRANSFER", "900")]
        )
    )
    agreeing = step.pnl("desk", asked, told, incomes, step.only_usdt)
    assert agreeing.pnl.agrees
    show(agreeing, as_json=False)
    assert "exchange REALIZED_PNL: -$37.30, our fills -$37.30: agrees" in capsys.readouterr().out
    differing = step.pnl("desk", asked, told, incomes[1:], step.only_usdt)
    show(differing, as_json=False)
    assert "DIFFERS by $37.30" in capsys.readouterr().out
