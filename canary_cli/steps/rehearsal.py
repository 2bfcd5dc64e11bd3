"""A rehearsal's exchange: a paper exchange of its own, in a child process that outlives this one."""

import asyncio
import json
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path

from canary_cli.accounts import Account, PlanTime, folder_name, paper_account
from canary_cli.errors import CanaryError, ConfigurationError, ExitCode

START_TIMEOUT = 60.0
"""Wall seconds a paper exchange may take to listen: a market of a year of history is built first."""

IDLE_AFTER = 600
"""Wall seconds without any client after which the exchange ends by itself."""


@dataclass(frozen=True, slots=True)
class RehearsalRequest:
    """What kind of market to rehearse on. `start` is the plan's first instant, or None for now."""

    speed: float
    seed: int | None
    scenario: str
    market_data: Path | None
    start: datetime | None
    pairs: tuple[str, ...]


async def start_exchange(home: Path, request: RehearsalRequest) -> tuple[Account, int]:
    """Start the exchange and return the account on it, and the seed of its market.

    Raises the error the exchange ended with, in its own words and with its own exit code.
    """
    name = f"rehearsal:{secrets.token_hex(2)}"
    words = home / ".canary" / "exchanges" / f"{folder_name(name)}.log"
    words.parent.mkdir(parents=True, exist_ok=True)
    with words.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *_command(name, request),
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            env={**os.environ, "CANARY_HOME": str(home)},
        )
    try:
        line = await asyncio.wait_for(_first_line(process, words), START_TIMEOUT)
    except TimeoutError:
        process.kill()
        raise ConfigurationError("the paper exchange did not start in time", "canary paper serve") from None
    return _account(home, line)


def hold_exchange(account: Account) -> None:
    """Stop plan time on a rehearsal's exchange: what the run ended with stays there to be looked at.

    An exchange that does not answer has ended, and then there is nothing to look at.
    """
    _tell(account, "hold")


def end_exchange(account: Account) -> None:
    """End a rehearsal's exchange on which nothing has begun: nobody will come back for it."""
    _tell(account, "stop")


def _tell(account: Account, what: str) -> None:
    connection = HTTPConnection(account.rest_url.removeprefix("http://"), timeout=5)
    with suppress(OSError):
        connection.request("POST", f"/paper/{what}", body=b"{}")
        connection.getresponse().read()
    connection.close()


def _command(name: str, request: RehearsalRequest) -> list[str]:
    words = ["--port", "0", "--json", "--detached", "--account", name, "--speed", str(request.speed),
             "--scenario", request.scenario, "--idle-after", str(IDLE_AFTER)]  # fmt: skip
    if request.seed is not None:
        words += ["--seed", str(request.seed)]
    if request.market_data is not None:
        words += ["--market-data", str(request.market_data)]
    if request.start is not None:
        words += ["--start", request.start.isoformat()]
    if request.pairs:
        words += ["--pairs", ",".join(request.pairs)]
    return [sys.executable, "-m", "canary_cli", "paper", "serve", *words]


async def _first_line(process: asyncio.subprocess.Process, words: Path) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.startswith(b'{"schema_version"') or b'"port"' not in line:
        raise _failure(await process.wait(), words.read_text(errors="replace"))
    return line


def _failure(code: int, words: str) -> CanaryError:
    told = [line.partition(":")[2].strip() for line in words.splitlines() if line.startswith(("error:", "next:"))]
    error = CanaryError(*(told[:2] or [f"the paper exchange ended with {code}: {words.strip()[-300:]}"]))
    error.exit_code = ExitCode(code) if code in set(ExitCode) else ExitCode.BUG
    error.slug = "paper-exchange"
    return error


def _account(home: Path, line: bytes) -> tuple[Account, int]:
    told = json.loads(line)
    time = PlanTime(
        datetime.fromisoformat(told["plan_start"]), datetime.fromisoformat(told["wall_start"]), float(told["speed"])
    )
    return paper_account(home, told["port"], told["account"], time), int(told["seed"])
