"""Appends to the journal: one chain of lines for all processes of an account, durable by group commit.

Each line is handed to the operating system at once (it survives the death of the process) and reaches the disk at
the next `sync` or `durable` (it survives the death of the machine).
"""

import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from canary_cli.journal.files import day_files, lines_backwards, sync_folder
from canary_cli.journal.lock import lock, open_lock, unlock
from canary_cli.journal.record import GENESIS, Record, decode, encode

if TYPE_CHECKING:
    import asyncio

TORN = "journal_torn"
"""Event that names a line a crash cut short: its file, its offset in bytes, and what is left of it."""


class Journal:
    """The journal in `folder`. `now` gives plan time (aware UTC). Safe among threads and among processes."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._lock = open_lock(folder / ".journal.lock")
        self._folder = folder
        self._now = now
        self._threads = threading.Lock()
        self._file = -1
        self._day = ""
        self._size = -1  # of the file when we last wrote; any other size means another process wrote since
        self._folder_time = -1
        self._seq = 0
        self._prev = GENESIS
        self._syncs = threading.Lock()
        self._left: list[int] = []  # files of days gone by, not yet synced
        self._written = self._synced = 0
        self._broken: OSError | None = None
        self._flush: asyncio.Task[None] | None = None

    def append(self, record: Record) -> int:
        """Write one line and return its `seq`. Raises OSError when it cannot be written (disk full)."""
        return self.append_all((record,))

    def append_all(self, records: Sequence[Record]) -> int:
        """Write several lines at the price of one, with nobody's line between them; returns the last `seq`."""
        with self._threads:
            lock(self._lock)
            try:
                now = self._now()
                self._find_end(f"{now:%Y-%m-%d}")
                self._write(records, now)
                return self._seq
            except BaseException:
                self._size = -1  # whatever is there now is read again before the next line
                raise
            finally:
                unlock(self._lock)

    def sync(self) -> None:
        """Return when every line appended so far is on disk.

        Raises OSError where the disk refused, and on every later call too: after one failed sync the kernel reports
        success for pages it has dropped.
        """
        with self._syncs:
            if self._broken:
                raise self._broken
            with self._threads:
                target, current, left, self._left = self._written, self._file, self._left, []
            try:
                for file in [*left, current]:
                    if file >= 0:
                        os.fdatasync(file)
            except OSError as error:
                self._broken = error
                raise
            finally:
                for file in left:
                    os.close(file)
            self._synced = target

    async def durable(self) -> None:
        """Return when everything appended so far is on disk; all who wait meanwhile share the next sync."""
        import asyncio

        wanted = self._written
        while self._synced < wanted:
            if self._flush is None or self._flush.done():
                self._flush = asyncio.create_task(asyncio.to_thread(self.sync))
            await asyncio.shield(self._flush)

    def close(self) -> None:
        """Sync and let go. A closed journal is not written again."""
        try:
            self.sync()
        finally:
            for descriptor in (self._file, self._lock):
                if descriptor >= 0:
                    os.close(descriptor)
            self._file = self._lock = -1

    def _write(self, records: Sequence[Record], now: datetime) -> None:
        lines = []
        for record in records:
            lines.append(encode(record, now, self._seq + 1, self._prev))
            self._seq += 1
            self._prev = sha256(lines[-1]).hexdigest()
        content = b"\n".join([*lines, b""])
        _write_all(self._file, content)
        self._size += len(content)
        self._written += len(lines)

    def _find_end(self, today: str) -> None:
        """Stand behind the last line, whoever wrote it, in the file of the newest day."""
        folder_time = os.stat(self._folder).st_mtime_ns  # noqa: PTH116  (on every line: half the price)
        if self._day < today or self._size < 0 or folder_time != self._folder_time:
            self._open_newest(today)
            self._folder_time = self._folder.stat().st_mtime_ns
        if os.fstat(self._file).st_size != self._size:
            self._read_end()

    def _open_newest(self, today: str) -> None:
        """Today's file, or that of a later day: a clock set back must not write into the past of the chain."""
        newest = max([today, *(path.stem.removeprefix("audit-") for path in day_files(self._folder))])
        if newest == self._day:
            return
        path = self._folder / f"audit-{newest}.jsonl"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        sync_folder(self._folder)
        if self._file >= 0:
            self._left.append(self._file)
        self._file, self._day, self._size = file, newest, -1

    def _read_end(self) -> None:
        """Learn `seq` and `prev` from the last lines, and name what a crash left of a line."""
        self._size = os.fstat(self._file).st_size
        last = b""
        for line in (line for path in reversed(day_files(self._folder)) for line in lines_backwards(path) if line):
            last = last or line
            seq = _seq(line)
            if seq is not None:
                break
        else:
            seq = 0
        self._seq = seq or 0
        self._prev = sha256(last).hexdigest() if last else GENESIS
        self._close_off(last)

    def _close_off(self, last: bytes) -> None:
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            _write_all(self._file, b"\n")
            self._size += 1
        if last and _seq(last) is None:
            place = {"file": f"audit-{self._day}.jsonl", "offset": self._size - len(last) - 1}
            data = {**place, "rest": last.decode("utf-8", "replace")}
            self._write([Record(TORN, reason="a crash cut this line short", data=data)], self._now())


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def _seq(line: bytes) -> int | None:
    try:
        return decode(line).seq
    except ValueError:
        return None
