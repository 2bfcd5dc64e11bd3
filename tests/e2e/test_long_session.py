"""A day of phase 3 on real candles, in one process watched from outside: its memory stays, and its books agree.

`make soak` takes 24 simulated hours at 60 times, which is 24 minutes (`SOAK_HOURS`: fewer hours); `make test` takes two
hours at a higher speed.
"""

import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.house import House, Process, wait_until
from tests.e2e.test_whole_run import assert_books_equal

HOURS = float(os.environ.get("SOAK_HOURS") or 24)
HOUR = timedelta(hours=1)
PAIRS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT", "XRPUSDT", "DOGEUSDT", "TRXUSDT")

_named = os.environ.get("CANARY_MARKET_DATA")
pytestmark = pytest.mark.skipif(not _named, reason="CANARY_MARKET_DATA names no folder of market data")


def begin(house: House, speed: int) -> Process:
    """A session in a phase 3 that outlasts the story, with probes all day, too small for any day's drawdown."""
    house.amend('at = "26 min"\nlasts = "5 min"', 'at = "26 min"\nlasts = "3 d"')
    house.amend('probes = { every = "30 s"', 'probes = { every = "70 min"')
    house.amend("per_trade = 1.0", "per_trade = 0.2")
    house.amend('["BTCUSDT", "ETHUSDT", "TRXUSDT", "SOLUSDT", "ADAUSDT"]', str(list(PAIRS)).replace("'", '"'))
    assert _named
    data, start = str(Path(_named).resolve()), "2025-02-11T10:09Z"
    market = ("--market-data", data, "--start", start, "--pairs", ",".join(PAIRS))
    house.begin("paper", "serve", "--port", "0", "--speed", str(speed), *market)
    return house.begin("deploy", "--phase", "3", "--account", house.account)


def hours(house: House, run: Process, count: float) -> Iterator[float]:
    """Simulated hours since the phase began, looked at four times an hour."""
    began, speed = house.seen("phase_entered").timestamp, float(house.status()["speed"])
    for look in range(int(count * 4) + 1):
        reached = partial(has_reached, house, began + look * HOUR / 4)
        wait_until(reached, f"hour {look / 4}", 60 + 2 * 900 / speed)
        assert run.popen.poll() is None, run.wait()
        yield look / 4


def has_reached(house: House, instant: datetime) -> bool:
    return datetime.fromisoformat(house.status()["now"]) >= instant


def resident(run: Process) -> float:
    """Megabytes of memory the process holds."""
    pages = int(Path(f"/proc/{run.popen.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def books_agree(house: House) -> bool:
    return house.canary("verify-db").code == 0


def watch(house: House, run: Process, count: float) -> dict[float, float]:
    """Memory by hour. Every whole hour the books agree, as soon as nothing is just under way."""
    memory = {}
    for hour in hours(house, run, count):
        memory[hour] = resident(run)
        if hour == int(hour):
            wait_until(lambda: books_agree(house), f"equal books at hour {hour:.0f}")
    return memory


def close(house: House, run: Process) -> str:
    """End it in order; the books agree and every position has its stop. What the session did, in words."""
    run.send(signal.SIGTERM)
    assert run.wait().code == 143
    assert_books_equal(house)
    counts = {name: len(house.journal(name)) for name in ("order_intent", "fill", "signal", "signal_refused")}
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def test_two_hours_leave_the_books_equal(house: House) -> None:
    run = begin(house, 480)
    memory = watch(house, run, 2)
    assert close(house, run)
    assert memory[2] < 1.25 * memory[0]


@pytest.mark.soak
def test_a_day_neither_grows_nor_drifts(house: House) -> None:
    run = begin(house, 60)
    memory = watch(house, run, HOURS)
    after = {hour: size / memory[1] for hour, size in memory.items() if hour >= 1}
    told = f"{memory[1]:.0f} MB after the first hour, then {min(after.values()):.3f} to {max(after.values()):.3f} of it"
    print(f"session of {HOURS:g} h at 60x on real candles: {close(house, run)}; {told}; books equal every hour")  # noqa: T201
    assert all(0.95 <= share <= 1.05 for share in after.values()), memory
