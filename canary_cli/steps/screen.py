"""Where a run is shown: a live picture, lines, or JSON events. `render.screen` has one of each."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from canary_cli.accounts import Account
from canary_cli.errors import Result
from canary_cli.journal.record import Record
from canary_cli.session.view import RunView
from canary_cli.steps.rollback.state import Rollback


class Screen(Protocol):
    now: Callable[[], datetime]
    """Plan time, once the run knows it: what a line is stamped with."""

    def announce(self, account: Account) -> None: ...

    def show(self, view: RunView) -> None: ...

    def tell(self, record: Record) -> None: ...

    def checkpoint(self, stage: int, rollback: Rollback) -> None: ...

    def end(self, result: Result, reason: str, report: str, next_command: str) -> None: ...
