"""The kill switch thrown: it needs nothing but the disk. Letting trade again is in `enabling.py`."""

from canary_cli.bootstrap import World
from canary_cli.errors import Refused
from canary_cli.journal.beat import is_beating
from canary_cli.journal.latch import Latch, read_latches, set_latch
from canary_cli.journal.record import Entry, Record
from canary_cli.journal.tail import Tail

SOURCE = "trading disable"
ACKNOWLEDGED_WITHIN = 2.0
"""Wall seconds in which a running session, which looks at the latch ten times a second, has seen it on a busy core."""


def disable(world: World, by: str, reason: str, source: str = SOURCE) -> tuple[Latch, ...]:
    """Set the latch and read it back. Raises Refused where it cannot be written: then trading is NOT disabled."""
    folder = world.account.state_dir
    try:
        set_latch(folder, Latch(source, reason, by, world.clock.now()))
    except OSError as error:
        raise Refused(f"NOT disabled: {folder}: {error}", "free the disk, or canary close-all") from None
    found = read_latches(folder)
    if source not in (one.source for one in found):
        raise Refused(f"NOT disabled: {folder} does not hold what was written", "canary close-all")
    return found


def acknowledgement(world: World, by: str, reason: str) -> str | None:
    """The run that wrote down having seen the latch; None when none did in time, or none lives."""
    try:
        data = {"source": SOURCE, "reason": reason, "by": by}
        seq = world.journal.append(Record("latch_set", actor=by, reason=reason, data=data))
        if not is_beating(world.account.state_dir, world.clock.wall()):
            return None
        import asyncio

        return asyncio.run(_wait_for_session(world, Tail(world.account.log_dir, seq)))
    except OSError:
        return None


async def _wait_for_session(world: World, tail: Tail) -> str | None:
    until = world.clock.monotonic() + ACKNOWLEDGED_WITHIN
    while world.clock.monotonic() < until:
        for entry in tail.new():
            if _is_session(entry):
                return entry.run_id
        await world.clock.pause(0.02)
    return None


def _is_session(entry: Entry) -> bool:
    return entry.event == "latch_set" and bool(entry.run_id)
