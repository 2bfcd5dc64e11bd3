"""A home of its own with the short plan, in which verbs are typed as real processes, and what they leave behind."""

import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry

PLANS = Path(__file__).parent / "plans"
RUNBOOKS = Path(__file__).parents[2] / "runbooks"
FOUND = ("DATABASE_URL", "DB_USER", "DB_PASS", "CANARY_ACCOUNT", "SLACK_BOT_TOKEN", "PAGERDUTY_KEY")
LONGEST = 60.0
"""Wall seconds after which waiting for anything is a failure."""


def wait_until(true: Callable[[], Any], what: str, seconds: float = LONGEST) -> Any:
    """What `true` finds, as soon as it finds anything."""
    over = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < over, f"{what}: not within {seconds:.0f} s"
        threading.Event().wait(0.02)
    return found


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass
class Process:
    """A verb that was typed and goes on; its words go into files, so that no pipe holds it up."""

    popen: subprocess.Popen[bytes]
    words: Path

    def wait(self, seconds: float = LONGEST) -> Ended:
        code = self.popen.wait(seconds)
        return Ended(code, self.out, self.words.with_suffix(".err").read_text())

    @property
    def out(self) -> str:
        return self.words.with_suffix(".out").read_text()

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """As `kill -9` does."""
        self.popen.kill()
        self.popen.wait(LONGEST)


class House:
    """One home. `canary` types a verb and waits, `begin` types one that goes on; both without a terminal."""

    def __init__(self, home: Path, elsewhere: Path) -> None:
        self.home, self.elsewhere = home, elsewhere
        shutil.copytree(RUNBOOKS, home / "runbooks")
        shutil.copy(PLANS / "short.toml", home / "runbooks" / "golive.toml")
        self.environment = {name: value for name, value in os.environ.items() if name not in FOUND}
        self.environment["CANARY_HOME"] = str(home)
        self._begun: list[Process] = []

    def amend(self, old: str, new: str) -> None:
        """Change the plan of this home."""
        plan = self.home / "runbooks" / "golive.toml"
        assert old in plan.read_text()
        plan.write_text(plan.read_text().replace(old, new))

    def linger(self) -> None:
        """Let phase 1 last so long that a story ends before it does."""
        self.amend('lasts = "16 min"', 'lasts = "6 h"')
        self.amend('at = "21 min"', 'at = "6 h 5 min"')
        self.amend('at = "26 min"', 'at = "6 h 10 min"')

    def begin(self, *words: str) -> Process:
        path = self.elsewhere / f"words-{len(self._begun)}"
        with path.with_suffix(".out").open("wb") as out, path.with_suffix(".err").open("wb") as err:
            popen = subprocess.Popen(
                [sys.executable, "-m", "canary_cli", *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=self.elsewhere, env=self.environment, start_new_session=True,
            )  # fmt: skip
        process = Process(popen, path)
        self._begun.append(process)
        return process

    def canary(self, *words: str) -> Ended:
        return self.begin(*words).wait()

    def rehearse(self, *words: str, scenario: str = str(PLANS / "rising.toml"), speed: int = 240) -> Process:
        return self.begin("run", "--rehearse", "--scenario", scenario, "--speed", str(speed), *words)

    # What can be read from here

    @cached_property
    def exchange(self) -> dict[str, Any]:
        """The registry's entry of the rehearsal's exchange, once it is there."""
        entry: dict[str, Any] = wait_until(self._entry, "an exchange")
        return entry

    def _entry(self) -> dict[str, Any] | None:
        for path in (self.home / ".canary" / "exchanges").glob("*.json"):
            found: dict[str, Any] = json.loads(path.read_text())
            return found
        return None

    @property
    def account(self) -> str:
        return str(self.exchange["account"])

    @property
    def logs(self) -> Path:
        return self.home / "logs" / self.account.replace(":", "-")

    def journal(self, event: str = "", **data: Any) -> list[Entry]:
        """The journal's lines of an event, with these values in their data."""
        return [
            entry
            for entry in read(self.logs)
            if event in ("", entry.event) and all(entry.data.get(key) == value for key, value in data.items())
        ]

    def seen(self, event: str, **data: Any) -> Entry:
        """The first such line, once it is there."""
        found: list[Entry] = wait_until(lambda: self.journal(event, **data), f"{event} {data or ''}")
        return found[0]

    def open_positions(self) -> None:
        """Return when the session holds an entry whose stop rests at the exchange."""
        wait_until(lambda: self.status()["open_conditionals"] >= 2 and self.status()["positions"], "open positions")

    # The exchange's own front door

    def ask(self, method: str, what: str, **body: Any) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", int(self.exchange["port"]), timeout=10)
        connection.request(method, f"/paper/{what}", body=json.dumps(body))
        answer = connection.getresponse()
        document: dict[str, Any] = json.loads(answer.read())
        connection.close()
        assert answer.status == 200, document
        return document

    def status(self) -> dict[str, Any]:
        return self.ask("GET", "status")

    def signed(self, path: str, **params: object) -> list[dict[str, Any]]:
        """What the exchange's own interface lists, asked past every client of ours."""
        text = urlencode({"timestamp": time.time_ns() // 1_000_000, **params})
        signature = hmac.new(PAPER_SECRET.encode(), text.encode(), sha256).hexdigest()
        connection = HTTPConnection("127.0.0.1", int(self.exchange["port"]), timeout=10)
        connection.request("GET", f"/fapi/v1/{path}?{text}&signature={signature}", headers={"X-MBX-APIKEY": PAPER_KEY})
        answer = connection.getresponse()
        listed: list[dict[str, Any]] = json.loads(answer.read())
        connection.close()
        assert answer.status == 200, listed
        return listed

    def is_flat(self) -> bool:
        """As the exchange says, asked past every client of ours."""
        told = self.status()
        return not told["positions"] and not told["open_orders"] and not told["open_conditionals"]

    def leave(self) -> None:
        """End everything this home has started."""
        for process in self._begun:
            if process.popen.poll() is None:
                process.kill()
        entry = self._entry()
        if entry is not None:
            with suppress(ProcessLookupError):
                os.kill(int(entry["pid"]), signal.SIGKILL)
        for pid in set(processes_of(self.home)) - {
            os.getpid()
        }:  # sweepers, to whom an exchange that is gone is but away
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes_of(home: Path) -> list[int]:
    """Whoever was started with this home."""
    mine = f"CANARY_HOME={home}".encode()
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and mine in _environment(path)]


def _environment(process: Path) -> list[bytes]:
    """Empty for what has ended, also where nobody has asked yet how."""
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def a_house(folder: Path) -> Iterator[House]:
    (folder / "home").mkdir()
    (folder / "elsewhere").mkdir()
    house = House(folder / "home", folder / "elsewhere")
    try:
        yield house
    finally:
        house.leave()
