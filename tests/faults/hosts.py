"""Another host: a network namespace with a loopback of its own, from which one tunnel leads to the exchange."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from tests.docs.commands import ROOT
from tests.faults.desk import Desk
from tests.faults.terminal import Terminal
from tests.faults.tunnel import carrier


@asynccontextmanager
async def another_host(desk: Desk, home: Path) -> AsyncIterator[Terminal]:
    """A terminal on a host that reaches the exchange and nothing else of ours. Skips where it cannot be made."""
    home.mkdir()
    (home / "runbooks").symlink_to(ROOT / "runbooks")
    with _namespace() as name, tempfile.TemporaryDirectory(prefix="cns") as short:  # socket paths end at 107 bytes
        inside, end = ("ip", "netns", "exec", name), f"{short}/exchange"
        here = await asyncio.start_unix_server(
            carrier(lambda: asyncio.open_connection("127.0.0.1", desk.server.port)), end
        )
        there = await asyncio.create_subprocess_exec(
            *inside, sys.executable, "-m", "tests.faults.tunnel", end, stdout=subprocess.PIPE, cwd=ROOT
        )
        try:
            assert there.stdout is not None
            port = int(await there.stdout.readline())
            (home / "accounts.toml").write_text(f'[desk]\nkind = "paper"\nport = {port}\n')
            yield Terminal(home, paper_account(home, port, "desk"), before=inside)
        finally:
            there.kill()
            await there.wait()
            here.close()


@contextmanager
def _namespace() -> Iterator[str]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("another host needs root and the program ip (iproute2)")
    name = f"canary{os.getpid()}"
    if not _runs("ip", "netns", "add", name):
        pytest.skip("this machine lets nobody make a network namespace")
    try:
        assert _runs("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        _runs("ip", "netns", "delete", name)


def _runs(*words: str) -> bool:
    return subprocess.run(words, check=False, capture_output=True).returncode == 0
