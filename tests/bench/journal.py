"""Durable appends by group commit, against an fsync of each line: `python tests/bench/journal.py`.

A decision writes several lines at once (signal, risk, intent, ...): measured with one and with `TOGETHER` lines each.
"""

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from canary_cli.journal.record import GENESIS, Record, encode
from canary_cli.journal.writer import Journal

LINES, IN_FLIGHT, TOGETHER = 50_000, 500, 5
RECORD = Record(
    "fill",
    pair="BTCUSDT",
    fill_price=Decimal("65000.10"),
    quantity=Decimal("0.010"),
    run_id="run-2026-02-22",
    data={"symbol": "BTCUSDT", "client_id": "c7-1-12", "commission": "0.26", "decision_price": "65000"},
)


def now() -> datetime:
    return datetime.now(UTC)


def fsync_per_line(folder: Path, lines: int) -> float:
    """Lines per second with the plain way: write, fsync, next."""
    with (folder / "plain.jsonl").open("ab", buffering=0) as file:
        start = time.perf_counter()
        for seq in range(lines):
            file.write(encode(RECORD, now(), seq, GENESIS) + b"\n")
            os.fsync(file.fileno())
        return lines / (time.perf_counter() - start)


async def group_commit(folder: Path, lines: int, together: int) -> float:
    """Lines per second when `IN_FLIGHT` writers each wait until their lines are on disk."""
    journal = Journal(folder, now)

    async def writer() -> None:
        for _ in range(lines // IN_FLIGHT // together):
            journal.append_all([RECORD] * together)
            await journal.durable()

    start = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(IN_FLIGHT)))
    rate = lines / (time.perf_counter() - start)
    journal.close()
    return rate


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as folder:
        reference = fsync_per_line(Path(folder), 2_000)
        for together in (1, TOGETHER):
            measured = asyncio.run(group_commit(Path(folder) / str(together), LINES, together))
            print(  # noqa: T201
                f"journal, durable, {together} lines a decision, {IN_FLIGHT} in flight: {measured:,.0f} lines/s; "
                f"fsync per line: {reference:,.0f} lines/s; {measured / reference:.1f} x (goal >= 20 x)"
            )


if __name__ == "__main__":
    main()
