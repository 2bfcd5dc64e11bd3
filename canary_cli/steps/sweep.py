"""The sweeper: a process of its own that goes on closing when a command must end, and looks again after flat."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from canary_cli.accounts import Account
from canary_cli.bootstrap import World
from canary_cli.core.model import AccountSnapshot, Position, SymbolRules
from canary_cli.errors import Result
from canary_cli.journal.closing import closing, take_over
from canary_cli.journal.latch import read_latches
from canary_cli.journal.record import Record
from canary_cli.session.aftermath import confirm_flat
from canary_cli.session.flattening import FlattenReport, Progress, flatten
from canary_cli.steps.booking import book
from canary_cli.steps.latching import note
from canary_cli.steps.looking import PATIENCE, NotClosed, look


@dataclass(frozen=True, slots=True)
class Sweeper:
    """A process that closes; `log` is where it says how it fares (None where no file could be opened)."""

    pid: int
    log: Path | None


def start_sweeper(account: Account, only: str | None, *, is_flat: bool) -> Sweeper | None:
    """Start one, detached from this terminal. None where no process can be started: then nobody is closing."""
    log = _open_log(account)
    unlatched = [] if read_latches(account.state_dir) else ["--unlatched"]
    words = ["--sweep", *unlatched, *(["--after-flat"] if is_flat else []), *(["--only", only] if only else [])]
    try:
        process = _detached(account, log, "close-all", *words)
    except OSError:
        return None
    finally:
        if log is not None:
            os.close(log)
    return Sweeper(process.pid, log_file(account) if log is not None else None)


def hand_over(account: Account, report: FlattenReport, only: str | None = None) -> Sweeper | None:
    """What is left goes to a process of its own, which has no time-out. Pages, and says who closes from here on."""
    sweeper = start_sweeper(account, only, is_flat=False)
    page(account, f"NOT FLAT after {report.seconds:.0f} s, left: {names(report.left)}; {who_closes(sweeper)}")
    return sweeper


def who_closes(sweeper: Sweeper | None) -> str:
    return f"process {sweeper.pid} goes on closing" if sweeper else "NOBODY IS CLOSING"


def page(account: Account, message: str) -> None:
    """Wake somebody, through a process of its own: the closing must not load, nor wait for, what alerts need."""
    with suppress(OSError):
        _detached(account, None, "alert", "--severity", "CRITICAL", "--message", message)


def _detached(account: Account, log: int | None, *words: str) -> "subprocess.Popen[bytes]":
    where = log or subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "canary_cli", *words, "--account", account.name],
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=where, stderr=where, cwd=account.home,
        env={**os.environ, "CANARY_HOME": str(account.home)},
    )  # fmt: skip


def log_file(account: Account) -> Path:
    return account.log_dir / "sweeper.log"


def _open_log(account: Account) -> int | None:
    try:
        account.log_dir.mkdir(parents=True, exist_ok=True)
        return os.open(log_file(account), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        return None


def page_another_hand(account: Account, report: FlattenReport) -> None:
    if report.grown:
        page(account, f"OPENED WHILE WE CLOSED: {', '.join(report.grown)}: another writer may be at work")


async def look_or_page(
    world: World, patience: float = PATIENCE
) -> tuple[AccountSnapshot | None, Mapping[str, SymbolRules]]:
    """The first look. Where the key is refused nobody can close from here: pages, and raises NotClosed."""
    try:
        return await look(world, patience)
    except NotClosed as failure:
        page(world.account, failure.message)
        raise


async def sweep(
    world: World, only: str | None, say: Callable[[str], None], *, after_flat: bool, unlatched: bool
) -> Result:
    """Close without a time-out, then re-check; that ends too when trading is enabled meanwhile.

    It ends for one that was started later: several would use up what the exchange lets this address ask.

    `after_flat`: the account was verified flat before, so that whatever is open now has come back. `only` one pair is
    not re-checked: nothing keeps a session from opening it again. `unlatched`: the latch could not be written, so that
    a missing one tells nothing.
    """
    folder = world.account.state_dir
    with nullcontext() if after_flat or only else closing(folder):
        _, rules = await look_or_page(world)
        successor = take_over(folder, only)
        if not after_flat:
            report = await _close(world, only, rules, say, successor)
            while not report.is_flat:
                if (later := successor()) is not None:
                    return _handed_over(say, later)
                report = await _close(world, only, rules, say, successor)
            say(f"{report.outcome} after {report.seconds:.1f} s")
            await book(world, report)
            if only:
                return Result(str(report.outcome))

    def wanted() -> bool:
        return successor() is None and (unlatched or bool(read_latches(folder)))

    if await confirm_flat(world.exchange, world.clock, rules, partial(_tell, world, say), wanted=wanted):
        say("FLAT CONFIRMED")
        note(world, Record("flat_confirmed", actor="sweeper"))
        return Result("FLAT_CONFIRMED")
    if (later := successor()) is not None:
        return _handed_over(say, later)
    say("trading was enabled again: re-checks end")
    return Result("TRADING_ENABLED")


async def _close(
    world: World,
    only: str | None,
    rules: Mapping[str, SymbolRules],
    say: Callable[[str], None],
    successor: Callable[[], int | None],
) -> FlattenReport:
    """Until flat, or until somebody else has taken over."""
    given_up = asyncio.Event()

    def tell(progress: Progress) -> None:
        say(left(progress))
        if successor() is not None:
            given_up.set()

    return await flatten(world.exchange, world.clock, None, rules, "sweep", tell, None, only=only, given_up=given_up)


def _handed_over(say: Callable[[str], None], pid: int) -> Result:
    say(f"process {pid}, started later, goes on: this one ends")
    return Result("HANDED_OVER")


def _tell(world: World, say: Callable[[str], None], checked: FlattenReport) -> None:
    if not checked.positions:
        say("re-check: nothing open")
        return
    back = ", ".join(one.symbol for one in checked.positions)
    say(f"RE-OPENED and closed again: {back}")
    note(world, Record("warning", actor="sweeper", data={"message": f"RE-OPENED: {back}"}))
    page(world.account, f"RE-OPENED after flat and closed again: {back}")


def left(progress: Progress) -> str:
    """`left: BTCUSDT 0.1; account: cannot connect`: the pairs, and why they or the account are still in the way."""
    trouble = (f"{where}: {why}" for where, why in progress.trouble.items())
    return "; ".join((f"left: {names(progress.left)}", *trouble))


def names(left: tuple[Position, ...]) -> str:
    """`BTCUSDT 0.1, ETHUSDT -2`: what is believed open; none of it may still mean that nobody has told yet."""
    return ", ".join(f"{one.symbol} {one.quantity}" for one in left) or "not known"
