"""Writes the latch before anything else is done, and lets no broken disk hold up what comes after."""

import getpass

from canary_cli.bootstrap import World
from canary_cli.journal.latch import Latch, set_latch
from canary_cli.journal.record import Record
from canary_cli.telling import legible


def operator() -> str:
    """The name this process runs under, for the record."""
    try:
        return legible(getpass.getuser())
    except (KeyError, OSError):
        return "unknown"


def latch_entries(world: World, source: str, reason: str, by: str) -> str:
    """Set the latch; returns what kept it from being written, empty when it stands on disk."""
    try:
        set_latch(world.account.state_dir, Latch(source, reason, by, world.clock.now()))
    except OSError as error:
        return str(error)
    note(world, Record("latch_set", actor=by, reason=reason, data={"source": source, "reason": reason, "by": by}))
    return ""


def note(world: World, record: Record) -> str:
    """Write to the journal and to the log it belongs to; returns what kept the journal from it, else nothing."""
    world.text_logs.on_record(record)
    try:
        world.journal.append(record)
    except OSError as error:
        return str(error)
    return ""
