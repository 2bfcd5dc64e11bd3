"""`kill -9` again and again, while orders are under way and while a rollback closes: nothing doubled, nothing lost.

The exchange is a process of its own and survives. `KILLS` and `SEED` say how often and by which luck (`make soak`).
"""

import json
import os
import subprocess
from collections import Counter
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from random import Random

import pytest

from canary_cli.core.clock import SystemClock
from tests.e2e.house import House, Process, a_house, wait_until

KILLS = int(os.environ.get("KILLS") or 50)
SEED = int(os.environ.get("SEED") or 1)
PATIENCE = 90.0
TRADING, CLOSING = 8, 2
"""Kills of one home: while it trades, then while it takes itself off."""

PAIRS = ("BTCUSDT", "ETHUSDT", "TRXUSDT", "SOLUSDT", "ADAUSDT")


@dataclass
class Toll:
    """What must not happen, counted. `+` adds homes up."""

    duplicate_orders: int = 0
    lost_fills: int = 0
    unprotected_positions: int = 0
    differences: int = 0

    @property
    def is_none(self) -> bool:
        return not any(astuple(self))

    def __add__(self, other: "Toll") -> "Toll":
        return Toll(*(ours + theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in vars(self).items())


# What is counted


def toll(house: House) -> Toll:
    return Toll(duplicate_orders(house), lost_fills(house), unprotected(house), differences(house))


def duplicate_orders(house: House) -> int:
    """Intents stated twice, ids the exchange executed twice, and entries into what was held already."""
    stated = Counter(entry.data["client_id"] for entry in house.journal("order_intent"))
    placed = Counter(order["clientOrderId"] for pair in PAIRS for order in house.signed("allOrders", symbol=pair))
    unasked = [one for one in placed if one not in stated and not one.startswith(("KILL-", "adl_autoclose"))]
    twice = sum(count - 1 for one in (stated, placed) for count in one.values())
    return twice + len(unasked) + sum(entries_into_held(house, pair) for pair in PAIRS)


def entries_into_held(house: House, pair: str) -> int:
    """A strategy enters from flat; whatever enlarged a position of another order was sent twice."""
    held, opener, found = 0.0, 0, 0
    for trade in house.signed("userTrades", symbol=pair, limit=1000):
        signed = float(trade["qty"]) * (1 if trade["side"] == "BUY" else -1)
        if abs(held) < 1e-9:
            opener = trade["orderId"]
        elif held * signed > 0 and trade["orderId"] != opener:
            found += 1
        held += signed
    return found


def lost_fills(house: House) -> int:
    """Trades of the exchange that the journal does not tell of, or tells of twice."""
    told = Counter((entry.data["symbol"], entry.data["trade_id"]) for entry in house.journal("fill"))
    made = {(pair, trade["id"]) for pair in PAIRS for trade in house.signed("userTrades", symbol=pair, limit=1000)}
    return len(made - told.keys()) + sum(count - 1 for count in told.values())


def unprotected(house: House) -> int:
    resting = {algo["symbol"] for algo in house.signed("openAlgoOrders") if algo["orderType"] == "STOP_MARKET"}
    return sum(name.split()[0] not in resting for name in house.status()["positions"])


def differences(house: House) -> int:
    """Checks of `verify-db` that fail, or that could not be made between ledger, journal and exchange."""
    checks = json.loads(house.canary("verify-db", "--json").out)["integrity"]["checks"]
    must = ("Journal chain", "Ledger = journal", "Ledger = exchange")
    return sum(check["ok"] is False or (check["name"] in must and not check["ok"]) for check in checks)


# What is done


class Killer:
    """Runs one home's plan again and again, and kills it at moments that its luck chooses. Counts what it killed."""

    def __init__(self, house: House, luck: Random) -> None:
        self._house = house
        self._luck = luck
        self._started = False
        self.kills = 0

    def prepare(self) -> None:
        """Probes all the time on five pairs. What a crash left unsent is an error: here no number of them ends it."""
        house = self._house
        house.linger()
        house.amend('["BTCUSDT", "ETHUSDT", "TRXUSDT"]', str(list(PAIRS)).replace("'", '"'))
        house.amend('probes = { every = "60 s", cap = 20 }', 'probes = { every = "3 min", cap = 20 }')
        house.amend('"errors", op = "==", limit = 0, at_once = true', '"errors", op = "==", limit = 0')
        house.amend("min_errors = 2\n\n[[trigger]]", "min_errors = 100\n\n[[trigger]]")
        house.amend("min_errors = 3\n", "min_errors = 100\n")

    def while_trading(self, times: int) -> Toll:
        """Half at any moment, half just after an order was decided on; the last one when the books have been read."""
        for _ in range(times - 1):
            run = self._start()
            if self._luck.random() < 0.5:
                self._kill(run, self._luck.uniform(0.3, 8.0))
            else:
                self._await_order(run)
                self._kill(run, self._luck.uniform(0.0, 0.02))
        known, run = self._lines("OPEN"), self._start()
        wait_until(lambda: self._lines("OPEN") > known, "an open session")
        found = self._settled()
        self._kill(run, 0.0)
        return found

    def _await_order(self, run: Process) -> None:
        known = self._lines("order_intent")
        wait_until(lambda: self._lines("order_intent") > known or run.popen.poll() is not None, "an order")

    def _settled(self) -> Toll:
        """The toll while the run lives, as soon as nothing is just under way; after a while, whatever it is."""
        over = SystemClock().monotonic() + PATIENCE
        while not (found := toll(self._house)).is_none and SystemClock().monotonic() < over:
            pass
        return found

    def while_closing(self, times: int) -> Toll:
        """The exchange takes one position by force, so the run takes itself off: it is killed at that, and goes on."""
        run = self._start()
        self._house.open_positions()
        self._house.ask("POST", "account", adl=next(iter(self._house.status()["positions"])).split()[0])
        wait_until(lambda: self._house.journal("latch_set", source="rollback"), "a rollback")
        self._kill(run, self._luck.uniform(0.0, 0.3))
        for _ in range(times - 1):
            self._kill(self._start(), self._luck.uniform(0.5, 3.0))
        if not self._house.journal("run_ended"):
            self._start().wait()
        assert self._house.is_flat()
        return self._settled()

    def _start(self) -> Process:
        """The rehearsal with its exchange, which no limit of requests holds up; from then on the run goes on."""
        if self._started:
            return self._house.begin("run", "--account", self._house.account)
        self._started = True
        run = self._house.rehearse()
        self._house.ask("POST", "account", limits=False)
        return run

    def _kill(self, run: Process, after: float) -> None:
        """`after` seconds from now, unless it ends by itself before."""
        with suppress(subprocess.TimeoutExpired):
            run.popen.wait(after)
        self.kills += run.popen.poll() is None
        run.kill()

    def _lines(self, word: str) -> int:
        """How many lines of the journal hold this word."""
        name = f'"{word}"'.encode()
        return sum(path.read_bytes().count(name) for path in self._house.logs.glob("audit-*.jsonl"))


def kill_in_one_home(folder: Path, luck: Random, trading: int, closing: int) -> tuple[int, Toll]:
    """How often a process was killed, and what came of it."""
    folder.mkdir()
    for house in a_house(folder):
        killer = Killer(house, luck)
        killer.prepare()
        found = killer.while_trading(trading) + killer.while_closing(closing)
        return killer.kills, found
    raise AssertionError("there is always a home")


def test_a_run_killed_three_times_doubles_and_loses_nothing(tmp_path: Path) -> None:
    kills, found = kill_in_one_home(tmp_path / "one", Random(SEED), 2, 1)
    assert kills >= 2
    assert found.is_none, found


@pytest.mark.soak
def test_runs_killed_again_and_again_double_and_lose_nothing(tmp_path: Path) -> None:
    luck, kills, homes, found = Random(SEED), 0, 0, Toll()
    while kills < KILLS:
        homes += 1
        more, toll_there = kill_in_one_home(tmp_path / f"home-{homes}", luck, TRADING, CLOSING)
        kills, found = kills + more, found + toll_there
        print(f"home {homes}: {more} kills; {toll_there}", flush=True)  # noqa: T201
    print(f"kill -9: {kills} in {homes} homes (seed {SEED}): {found}")  # noqa: T201
    assert found.is_none
