"""How things stand, asked of every source at once: the exchange first, each with two seconds to answer.

A source that fails is told as NO ANSWER, with why. It never makes anything look flat, running or well.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

from canary_cli.bootstrap import World
from canary_cli.errors import CanaryError
from canary_cli.journal.beat import was_killed
from canary_cli.journal.files import day_files, lines_backwards
from canary_cli.journal.latch import Latch, read_latches
from canary_cli.journal.record import Entry, decode
from canary_cli.session.view import RunView
from canary_cli.session.view_codec import read_view, view_file
from canary_cli.steps.positions import Exposure, read_exposure

T = TypeVar("T")

PATIENCE = 2.0
"""Wall seconds that each source has."""

FRESH = timedelta(seconds=10)
"""A view older than this is no news of a running session, which publishes about once a second."""


@dataclass(frozen=True, slots=True)
class Source(Generic[T]):
    """An answer and how old it is in wall time (None: asked just now), or None and why there is none."""

    answer: T | None
    age: timedelta | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """`session` and `ledger` answer None without a failure where no session has published, and no ledger was made.

    `killed`: the session's process is gone without a word; what it published last is no news, however fresh.
    """

    account: str
    exchange: Source[Exposure]
    session: Source[RunView]
    latches: tuple[Latch, ...]
    journal: Source[Entry]
    ledger: Source[int]
    killed: bool = False

    @property
    def is_running(self) -> bool:
        fresh = self.session.age is not None and self.session.age <= FRESH
        return self.session.answer is not None and fresh and not self.killed

    @property
    def headline(self) -> tuple[str, str]:
        """RUNNING, REDUCE-ONLY or STOPPED, and why."""
        if self.latches:
            return "STOPPED", f"latched by {self.latches[0].source}: {self.latches[0].reason}"
        view = self.session.answer
        if view is not None and self.is_running:
            return view.headline, view.why
        silent = "the session's process is gone" if self.killed else "the session is silent and may be dead"
        unheard = "no session is running" if view is None else silent
        return "STOPPED", f"{unheard}{self._unwatched}"

    @property
    def _unwatched(self) -> str:
        exposure = self.exchange.answer
        if exposure is None:
            return "; what is open is not known"
        count = len(exposure.positions)
        if exposure.unprotected:
            return f"; {count} open positions, NO STOP: {', '.join(exposure.unprotected)}"
        return f"; {count} open positions have only their resting stops" if count else "; nothing is open"

    @property
    def next_command(self) -> str:
        on = f"--account {self.account}"
        exposure = self.exchange.answer
        may_be_open = exposure is None or bool(exposure.positions)
        if (exposure is not None and exposure.unprotected) or (may_be_open and not self.is_running):
            return f"canary close-all {on}"
        if self.latches:
            return f"canary why {on}"
        return f"canary monitor {on}" if self.is_running else f"canary preflight {on}"


async def read_status(world: World) -> Status:
    """Ask everything at once. Raises nothing for what does not answer."""
    exchange, ledger, journal = await asyncio.gather(
        _asked(lambda: _exposure(world)),
        _asked(lambda: _in_thread(lambda: _ledger(world))),
        _asked(lambda: _in_thread(lambda: last_entry(world))),
    )
    return Status(
        world.account.name,
        exchange,
        published(world),
        read_latches(world.account.state_dir),
        Source(journal.answer, _journal_age(world) if journal.answer else None, journal.failure),
        ledger,
        was_killed(world.account.state_dir),
    )


async def _exposure(world: World) -> Exposure:
    await world.exchange.connect()
    return await read_exposure(world)


def _ledger(world: World) -> int | None:
    """The number of the last journal line that the ledger holds; None where there is none yet. Creates nothing."""
    from canary_cli.ledger import Ledger

    ledger = Ledger.look(world.settings.database_url, world.account.name)
    try:
        return ledger.caught_up_to() if ledger.is_made() else None
    finally:
        ledger.close()


def published(world: World) -> Source[RunView]:
    """The view that a session last published, and its age in wall time."""
    age = _age(world, view_file(world.account.state_dir))
    return Source(None) if age is None else Source(read_view(world.account.state_dir), age)


def _journal_age(world: World) -> timedelta | None:
    """By its file, for its lines tell plan time, which may be held."""
    return _age(world, day_files(world.account.log_dir)[-1])


def _age(world: World, path: Path) -> timedelta | None:
    """Wall time since the file was last written; None where there is none."""
    try:
        written = path.stat().st_mtime
    except OSError:
        return None
    return max(world.clock.wall() - datetime.fromtimestamp(written, UTC), timedelta())


def last_entry(world: World) -> Entry | None:
    """The journal's last whole line, or None where there is none."""
    for path in reversed(day_files(world.account.log_dir)):
        for line in lines_backwards(path):
            try:
                return decode(line)
            except ValueError:
                continue  # empty, or cut short by a crash
    return None


async def _asked(question: Callable[[], Awaitable[T | None]]) -> Source[T]:
    try:
        async with asyncio.timeout(PATIENCE):
            return Source(await question())
    except TimeoutError:
        return Source(None, failure=f"nothing within {PATIENCE:g} s")
    except CanaryError as error:
        return Source(None, failure=error.message)
    except (OSError, ValueError) as error:
        return Source(None, failure=str(error) or type(error).__name__)


async def _in_thread(work: Callable[[], T]) -> T:
    """In a thread nobody waits for: one that hangs in a dead database must not keep the command from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(deliver: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if done.done() else deliver())

    def run() -> None:
        try:
            result = work()
            tell(lambda: done.set_result(result))
        except Exception as error:
            failure = error
            tell(lambda: done.set_exception(failure))

    threading.Thread(target=run, daemon=True).start()
    return await done
