"""The kill switch: disable, enable, status. Disabling needs nothing but the disk; enabling needs everything."""

from typing import TYPE_CHECKING

from canary_cli.bootstrap import World
from canary_cli.errors import Refused
from canary_cli.journal.beat import is_beating
from canary_cli.journal.latch import Latch, clear_latches, read_latches, set_latch
from canary_cli.journal.record import Entry, Record
from canary_cli.journal.tail import Tail
from canary_cli.steps.latching import note

if TYPE_CHECKING:
    from canary_cli.steps.positions import Exposure

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


async def look_before_enabling(world: World) -> "tuple[tuple[Latch, ...], Exposure]":
    """What is latched, and what the exchange holds. Raises ExchangeUnreachable, or Refused where a stop is missing."""
    from canary_cli.steps.positions import read_exposure

    exposure = await read_exposure(world)
    if exposure.unprotected:
        raise Refused(
            f"no stop rests for {', '.join(exposure.unprotected)}",
            "close it first: canary close PAIR, or canary close-all",
        )
    return read_latches(world.account.state_dir), exposure


def enable(world: World, by: str, reason: str) -> tuple[Latch, ...]:
    """Clear every latch; returns what was cleared. Raises OSError where the file cannot be written."""
    cleared = clear_latches(world.account.state_dir)
    data = {"sources": [one.source for one in cleared], "by": by, "reason": reason}
    note(world, Record("latch_cleared", actor=by, reason=reason, data=data))
    return cleared
