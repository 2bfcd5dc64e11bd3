"""Ctrl-C and SIGTERM as a verb hears them that must not just die. A lost terminal (SIGHUP) ends nothing: `telling`."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from canary_cli.errors import ExitCode, Result


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Somebody asked this process to end: Ctrl-C, SIGTERM, or a lease that another run took over."""

    number: int
    reason: str = ""

    @property
    def result(self) -> Result:
        if self.reason:
            return Result("LEASE_LOST", ExitCode.LEASE_HELD)
        if self.number == signal.SIGTERM:
            return Result("TERMINATED", ExitCode.TERMINATED)
        return Result("INTERRUPTED", ExitCode.INTERRUPTED)


@contextmanager
def hearing(on_signal: Callable[[int], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `on_signal` with their number, in the running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class Interruption:
    """The first signal that came within `heard`, where one did."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.by: Interrupted | None = None

    def on_signal(self, number: int) -> None:
        self.by = self.by or Interrupted(number)
        self.came.set()

    async def cuts(self, work: Coroutine[Any, Any, object]) -> bool:
        """Do `work`; true where a signal cut it short, or had come before."""
        if self.came.is_set():
            work.close()
            return True
        task, waiting = asyncio.ensure_future(work), asyncio.ensure_future(self.came.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        is_cut = not task.done() and task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return is_cut


@contextmanager
def heard() -> Iterator[Interruption]:
    """One signal is remembered, and ends only what heeds it; so do those that follow.

    Ctrl-C changes nothing any more afterwards: the deed is done, and is about to be told.
    """
    interruption = Interruption()
    with hearing(interruption.on_signal):
        yield interruption
    signal.signal(signal.SIGINT, lambda *_: None)
