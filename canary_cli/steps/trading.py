"""The kill switch thrown: it needs nothing but the disk. Letting trade again is in `enabling.py`."""

from contextlib import suppress

from canary_cli.bootstrap import World
from canary_cli.errors import Refused
from canary_cli.journal.beat import is_beating, read_beat
from canary_cli.journal.files import version
from canary_cli.journal.latch import Latch, latch_file, read_latches, set_latch
from canary_cli.journal.record import Record

SOURCE = "trading disable"
ACKNOWLEDGED_WITHIN = 2.0
"""Wall seconds in which a running session, which looks at the latch ten times a second, has seen it on a busy core."""


def disable(world: World, by: str, reason: str, source: str = SOURCE) -> tuple[Latch, ...]:
    """Set the latch and read it back. Raises Refused where it cannot be written: then trading is NOT disabled."""
    folder, otherwise = world.account.state_dir, f"canary close-all --account {world.account.name}"
    try:
        set_latch(folder, Latch(source, reason, by, world.clock.now()))
    except OSError as error:
        raise Refused(f"NOT disabled: {folder}: {error}", f"free the disk, or {otherwise}") from None
    found = read_latches(folder)
    if source not in (one.source for one in found):
        raise Refused(f"NOT disabled: {folder} does not hold what was written", otherwise)
    return found


def acknowledgement(world: World, by: str, reason: str) -> str | None:
    """The run that has decided on the latch as it stands; None when none has in time, or none lives."""
    with suppress(OSError):
        data = {"source": SOURCE, "reason": reason, "by": by}
        world.journal.append(Record("latch_set", actor=by, reason=reason, data=data))
    if not is_beating(world.account.state_dir, world.clock.wall()):
        return None
    import asyncio

    return asyncio.run(_wait_for_session(world))


async def _wait_for_session(world: World) -> str | None:
    folder, until = world.account.state_dir, world.clock.monotonic() + ACKNOWLEDGED_WITHIN
    while world.clock.monotonic() < until:
        with suppress(OSError):
            beat = read_beat(folder)
            if beat is not None and beat.latch == version(latch_file(folder)):
                return beat.run_id
        await world.clock.pause(0.02)
    return None
