"""The three screens of a run: redrawn in place on a terminal, a line an event elsewhere, NDJSON for programs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime

from canary_cli.accounts import Account
from canary_cli.core.clock import SystemClock
from canary_cli.errors import Result
from canary_cli.journal.record import Record
from canary_cli.render import lines, output
from canary_cli.render.checkpoint import show_checkpoint
from canary_cli.render.lines import event_document, print_line, result_document
from canary_cli.render.live import LiveView
from canary_cli.session.view import RunView
from canary_cli.steps.rollback.state import Rollback
from canary_cli.steps.screen import Screen


class Lines:
    """One line an event on stdout; what comes next at the end."""

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = SystemClock().now
        self._lines = lines.Lines()

    def announce(self, account: Account) -> None:
        output.announce(account)

    def show(self, view: RunView) -> None:
        """Lines tell what happened; how things stand is for `canary monitor`."""

    def tell(self, record: Record) -> None:
        line = self._lines.line(record, self.now())
        if line is not None:
            print_line(line)

    def checkpoint(self, stage: int, rollback: Rollback) -> None:
        show_checkpoint(stage, rollback)

    def end(self, result: Result, reason: str, report: str, next_command: str) -> None:
        output.line(f"{result.word}: {reason}" if reason else result.word)
        if report:
            output.line(f"report: {report}")
        if next_command:
            output.notice(f"next:  {next_command}")


class Events(Lines):
    """NDJSON: every record as an event, and one result at the end."""

    def tell(self, record: Record) -> None:
        output.print_event(event_document(record, self.now()))

    def checkpoint(self, stage: int, rollback: Rollback) -> None:
        """The rollback's records tell it all."""

    def end(self, result: Result, reason: str, report: str, next_command: str) -> None:
        output.print_event(result_document(result.word, int(result.code), reason, report=report, next=next_command))


class Picture(Lines):
    """The live picture; checkpoints and the end are said when it is gone."""

    def __init__(self, live: LiveView) -> None:
        super().__init__()
        self.view = live
        self.later: list[Callable[[], None]] = []

    def announce(self, account: Account) -> None:
        self.later.append(lambda: output.announce(account))

    def checkpoint(self, stage: int, rollback: Rollback) -> None:
        said = copy(rollback)
        self.later.append(lambda: super(Picture, self).checkpoint(stage, said))

    def end(self, result: Result, reason: str, report: str, next_command: str) -> None:
        self.later.append(lambda: super(Picture, self).end(result, reason, report, next_command))

    def show(self, view: RunView) -> None:
        self.view.show(view)

    def tell(self, record: Record) -> None:
        """The picture carries the last events itself."""


@contextmanager
def open_screen(*, as_json: bool, live: bool = True) -> Iterator[Screen]:
    """The screen that suits: JSON where asked for, a picture on a terminal, lines elsewhere."""
    if as_json:
        yield Events()
    elif live and output.is_interactive():
        picture = Picture(LiveView(output.stdout()))
        try:
            with picture.view:
                yield picture
        finally:
            for say in picture.later:
                say()
    else:
        yield Lines()
    sys.stdout.flush()
