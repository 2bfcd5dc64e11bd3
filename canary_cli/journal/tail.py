"""Follows a journal that other processes write."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from canary_cli.journal.files import day_files
from canary_cli.journal.record import Entry, decode


class Tail:
    """Hands out what was appended since the last look. Starts behind `after_seq` (0: from the beginning)."""

    def __init__(self, folder: Path, after_seq: int = 0) -> None:
        self._folder = folder
        self._after = after_seq
        self._offsets: dict[Path, int] = {}
        self._unsynced: set[Path] = set()

    def new(self, limit: int = 10_000) -> list[Entry]:
        """Up to `limit` entries not handed out before; a line without its newline is not there yet."""
        found: list[Entry] = []
        for path in day_files(self._folder):
            if len(found) >= limit:
                break
            if path.stat().st_size > self._offsets.get(path, 0):
                self._read(path, found, limit)
                self._unsynced.add(path)
        return found

    def sync(self) -> None:
        """Return when all that was handed out is on disk, whoever wrote it."""
        for path in self._unsynced:
            with path.open("rb") as file:
                os.fdatasync(file.fileno())
        self._unsynced.clear()

    def _read(self, path: Path, found: list[Entry], limit: int) -> None:
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            for line in file:
                if not line.endswith(b"\n") or len(found) >= limit:
                    break
                self._offsets[path] = self._offsets.get(path, 0) + len(line)
                self._keep(line, found)

    def _keep(self, line: bytes, found: list[Entry]) -> None:
        try:
            entry = decode(line)
        except ValueError:
            return  # cut short by a crash; the next line names it
        if entry.seq > self._after:
            found.append(entry)


async def follow(folder: Path, pause: Callable[[], Awaitable[None]], after_seq: int = 0) -> AsyncIterator[Entry]:
    """Every entry after `after_seq`, without end; `pause` is awaited whenever there is nothing new."""
    tail = Tail(folder, after_seq)
    while True:
        entries = tail.new()
        for entry in entries:
            yield entry
        if not entries:
            await pause()
