"""The live view of a run: one frame, redrawn in place, calm at 80 columns and at 120."""

from itertools import chain
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleDimensions, ConsoleRenderable, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from canary_cli.render import output, panels
from canary_cli.render.panels import Pen
from canary_cli.session.view import RunView

REDRAWS_PER_SECOND = 4
TWO_COLUMNS = 110
TALL, TALL_TWO_COLUMNS = 34, 28


def frame(view: RunView, console: Console, size: ConsoleDimensions | None = None) -> ConsoleRenderable:
    """The whole picture, cut to `size` (the console's own); nothing that is wrong is cut before what is fine."""
    width, height = size or console.size
    pen = Pen(width, lambda mark: output.glyph(mark, console), output.speaks_unicode(console))
    top = [*panels.head(view, pen), *panels.phases(view, pen)]
    bottom = panels.next_command(view, pen)
    room = height - len(top) - len(bottom)
    if width >= TWO_COLUMNS:
        lower: ConsoleRenderable = _two_columns(view, pen, room, tall=height >= TALL_TWO_COLUMNS)
    else:
        lower = _one_column(view, pen, room, tall=height >= TALL)
    return Group(_column(top, pen), lower, _column(bottom, pen))


def _one_column(view: RunView, pen: Pen, room: int, *, tall: bool) -> Group:
    money = panels.money(view, pen, tall=tall)
    left = room - len(money)
    held, checked, heard = shares(left - 3, (len(view.positions), len(view.checks), len(view.events)))
    parts = (
        panels.checks(view.checks, pen, checked),
        money,
        panels.positions(view.positions, pen, held),
        panels.events(view.events, pen, heard),
    )
    return _column(list(chain.from_iterable(parts)), pen)


def _two_columns(view: RunView, pen: Pen, room: int, *, tall: bool) -> Table:
    half = Pen((pen.width - 3) // 2, pen.glyph, pen.is_unicode)
    money = panels.money(view, half, tall=tall)
    held, heard = shares(room - len(money) - 2, (len(view.positions), len(view.events)))
    right = [*money, *panels.positions(view.positions, half, held), *panels.events(view.events, half, heard)]
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_row(_column(panels.checks(view.checks, half, room - 1), half), _column(right, half))
    return grid


def _column(lines: list[Text], pen: Pen) -> Group:
    for line in lines:
        line.no_wrap = True
        line.truncate(pen.width, overflow="ellipsis" if pen.is_unicode else "crop")
    return Group(*lines)


def shares(room: int, wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Split `room` lines among parts that want so many: each gets one at least, then in turn what is left."""
    got = [min(1, want) or 1 for want in wanted]
    left = room - sum(got)
    while left > 0 and any(have < want for have, want in zip(got, wanted, strict=True)):
        for index, want in enumerate(wanted):
            if left > 0 and got[index] < want:
                got[index] += 1
                left -= 1
    return tuple(got)


class LiveView:
    """Shows views in place on a terminal while the context lasts, then leaves the last frame behind.

    `show` only keeps the view; a thread draws it, at most `REDRAWS_PER_SECOND` times a second.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or output.stdout()
        self._view: RunView | None = None
        self._live = Live(
            get_renderable=self._frame,
            console=self._console,
            screen=True,
            refresh_per_second=REDRAWS_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def show(self, view: RunView) -> None:
        self._view = view

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._view is not None:
            self._console.print(frame(self._view, self._console))

    def _frame(self) -> ConsoleRenderable:
        return Text("starting ...") if self._view is None else frame(self._view, self._console)
