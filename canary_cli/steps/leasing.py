"""One writer per account: a lease in the ledger where there is one to ask, a file lock on this machine always."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from filelock import FileLock, Timeout

from canary_cli.bootstrap import World
from canary_cli.errors import CanaryError, DatabaseError, LeaseHeld
from canary_cli.journal.beat import is_alive
from canary_cli.ledger import Lease, Ledger, LedgerWriter

TTL = timedelta(seconds=30)
RENEW_EVERY = 10.0


@contextmanager
def hold(world: World) -> Iterator[Lease]:
    """Hold the account. Raises LeaseHeld (exit 9) while another run does, DatabaseError where the ledger is away."""
    folder = world.account.state_dir
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LeaseHeld(f"another run holds {world.account.name} on this machine", "canary status") from None
    try:
        _bury(world.ledger)
        lease = world.ledger.acquire(world.account.name, holder(), TTL)
        yield lease
        with suppress(CanaryError):
            world.ledger.release(lease)
    finally:
        lock.release()


def holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _bury(ledger: Ledger) -> None:
    """Take the lease from a run of this machine that was killed: nobody waits for the dead."""
    lease = ledger.holder()
    host, _, pid = lease.holder.rpartition(":") if lease else ("", "", "")
    if lease and host == socket.gethostname() and not is_alive(int(pid)):
        with suppress(LeaseHeld):
            ledger.release(lease)


async def keep(world: World, lease: Lease, lost: Callable[[str], None]) -> None:
    """Renew until cancelled. A database that is away keeps the lease; another holder ends the run."""
    while True:
        await world.clock.pause(RENEW_EVERY)
        try:
            lease = await asyncio.to_thread(world.ledger.renew, lease, TTL)
        except LeaseHeld as error:
            lost(error.message)
            return
        except DatabaseError:
            continue


async def catch_up(writer: LedgerWriter, seq: int, within: float) -> None:
    """Let the ledger take in the last lines; what it does not get in time, the next start replays."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            await writer.caught_up(seq)
