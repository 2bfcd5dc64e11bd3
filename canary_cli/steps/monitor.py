"""Follows a running session from another process: its published view, and its journal line by line."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from canary_cli.bootstrap import World
from canary_cli.errors import DONE, ExitCode, Result
from canary_cli.journal.record import Entry
from canary_cli.journal.tail import Tail
from canary_cli.render import figures
from canary_cli.session.view import RunView
from canary_cli.steps.status import FRESH, Source, last_entry, published

EVERY = 0.5
"""Wall seconds between two looks."""

GIVE_UP = 6 * FRESH
"""A session silent for so long is taken for dead."""

STATUS = "canary status --account {}"

NOT_RUNNING = Result("NOT_RUNNING", ExitCode.HUMAN_NEEDED)
SILENT = Result("SILENT", ExitCode.HUMAN_NEEDED)


@dataclass(frozen=True, slots=True)
class Eyes:
    """What to do with each view and with each journal line that comes."""

    on_view: Callable[[RunView], None]
    on_entry: Callable[[Entry], None]


def current(world: World) -> tuple[RunView | None, bool]:
    """The running session's view, marked where it is stale, and whether it is fresh; None where none is published."""
    source = published(world)
    marked = _marked(source, STATUS.format(world.account.name))
    return marked, source.age is not None and source.age <= FRESH


async def watch(world: World, eyes: Eyes) -> Result:
    """Until the session ends (DONE) or is given up (SILENT); NOT_RUNNING when there is none at the start."""
    latest = last_entry(world)
    tail = Tail(world.account.log_dir, latest.seq if latest else 0)
    tail.new()  # what was written before is not news
    if published(world).answer is None:
        return NOT_RUNNING
    look = STATUS.format(world.account.name)
    view: RunView | None = None
    while True:
        source, before = published(world), view
        for entry in tail.new():
            eyes.on_entry(entry)
        view = _marked(source, look)
        if view is None:
            if before is not None:
                eyes.on_view(replace(before, headline="STOPPED", why="the session has ended", next_command=look))
            return DONE
        if source.age is not None and source.age > GIVE_UP:
            return SILENT
        eyes.on_view(view)
        await world.clock.pause(EVERY)


def _marked(source: Source[RunView], look: str) -> RunView | None:
    """A stale view must not look like a running one."""
    view = source.answer
    if view is None or source.age is None or source.age <= FRESH:
        return view
    why = f"the session has been silent for {figures.duration(source.age)}; what follows is old"
    return replace(view, headline="STOPPED", why=why, next_command=look)
