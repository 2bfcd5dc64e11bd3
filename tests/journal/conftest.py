from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary_cli.journal.writer import Journal

START = datetime(2026, 2, 22, 10, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def open_journal(folder: Path) -> Iterator[Callable[..., Journal]]:
    opened: list[Journal] = []

    def open_one(now: datetime = START) -> Journal:
        opened.append(Journal(folder, lambda: now))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()
