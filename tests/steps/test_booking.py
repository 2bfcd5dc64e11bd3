"""What a closing writes down of the money when no session was there to see it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import ManualClock
from canary_cli.core.model import Balance, Income
from canary_cli.journal.reader import newest
from canary_cli.journal.record import Record
from canary_cli.session.flattening import FlattenReport, Outcome
from canary_cli.steps.booking import book_equity

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
MARKED = {"wallet": "10000", "unrealized": "0", "equity": "10000", "peak": "10000", "drawdown_pct": "0"}


@dataclass
class Books:
    """An exchange of which only the incomes are asked."""

    rows: tuple[Income, ...]

    async def income(self, _since: datetime) -> tuple[Income, ...]:
        return self.rows


async def test_only_what_was_moved_in_usdt_moves_the_peak(tmp_path: Path) -> None:
    """A thousand dogecoins for the fees are no thousand dollars, which would hide a loss of as much."""
    world = World(replace(paper_account(tmp_path), name="desk"))
    world.clock = ManualClock(NOON)  # type: ignore[misc]
    moved = [("USDT", -500), ("DOGE", 1000)]
    world.exchange = Books(  # type: ignore[assignment]
        tuple(Income("TRANSFER", n, "", asset, Decimal(amount), NOON) for n, (asset, amount) in enumerate(moved))
    )
    world.journal.append(Record("equity", run_id="run-7", data=MARKED))
    worth = Balance(Decimal(9405), Decimal(0), Decimal(9405), Decimal(9405))
    report = FlattenReport(Outcome.FLAT, "test", "a", NOON - timedelta(minutes=1), 1.0, 0.1, 0.2, 0.3, balance=worth)
    await book_equity(world, report)
    line = newest(world.account.log_dir, "equity")
    world.close()
    assert line is not None
    assert (Decimal(line.data["peak"]), round(Decimal(line.data["drawdown_pct"]), 6)) == (9500, -1)
