"""A terminal beside the desk: verbs typed as processes of their own, in any folder, whatever else is broken."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from canary_cli.accounts import Account, paper_account, registry_path
from canary_cli.core.clock import SystemClock
from canary_cli.paper.launch import entry_of, register
from tests.docs.commands import ROOT
from tests.e2e.house import FOUND, LONGEST, Ended, processes_of
from tests.faults.desk import Desk

CLOCK = SystemClock()


@dataclass
class Typed:
    """A verb under way. `lines` are what it has said on stderr so far, each with the wall second it came at."""

    process: asyncio.subprocess.Process
    lines: list[tuple[float, str]] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def kill(self) -> None:
        """As `kill -9` does; it may have ended already."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    async def ended(self, within: float = LONGEST) -> Ended:
        assert self.process.stdout is not None and self.process.stderr is not None
        async with asyncio.timeout(within):
            out, _ = await asyncio.gather(self.process.stdout.read(), self._listen(self.process.stderr))
            code = await self.process.wait()
        return Ended(code, out.decode(), "".join(line for _, line in self.lines))

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        async for line in stderr:
            self.lines.append((CLOCK.monotonic(), line.decode()))


@dataclass
class Terminal:
    """Types verbs in the folder `at`. `told` is added to its environment, `before` stands in front of every verb."""

    home: Path
    account: Account
    told: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    at: Path | None = None

    async def begin(self, *words: str) -> Typed:
        found = {name: value for name, value in os.environ.items() if name not in FOUND}
        process = await asyncio.create_subprocess_exec(
            *self.before, sys.executable, "-m", "canary_cli", *words, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=self.at or self.home,
            env={**found, "CANARY_HOME": str(self.home), **self.told},
        )  # fmt: skip
        return Typed(process)

    async def type(self, *words: str) -> Ended:
        return await (await self.begin(*words)).ended()

    @property
    def left_running(self) -> list[int]:
        """Processes that go on by themselves: sweepers and pages."""
        return processes_of(self.home)

    def end(self, pid: int) -> None:
        """As `kill -9` does; it may have ended already."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def a_terminal(desk: Desk, home: Path, **told: str) -> AsyncIterator[Terminal]:
    """On the home of the desk's account, which is the only one there; ends whatever it has left running."""
    (home / "accounts.toml").write_text(f'[desk]\nkind = "paper"\nport = {desk.server.port}\n')
    if not (home / "runbooks").exists():
        (home / "runbooks").symlink_to(ROOT / "runbooks")
    terminal = Terminal(home, paper_account(home, desk.server.port, "desk"), told)
    try:
        yield terminal
    finally:
        for pid in terminal.left_running:
            terminal.end(pid)


def rehearses(terminal: Terminal, desk: Desk) -> None:
    """Make the desk's exchange one that other terminals find with its speed, as a rehearsal is found."""
    (terminal.home / "accounts.toml").unlink()
    desk.venue.account = "rehearsal:desk"
    register(registry_path(terminal.home, desk.venue.account), entry_of(desk.server))
    terminal.account = paper_account(terminal.home, desk.server.port, desk.venue.account)


async def until(true: Callable[[], object], what: str, within: float = LONGEST) -> None:
    """Wait until something holds."""
    over = CLOCK.monotonic() + within
    while not true():
        assert CLOCK.monotonic() < over, f"{what}: not within {within:.0f} s"
        await CLOCK.pause(0.01)
