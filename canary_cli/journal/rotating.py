"""A text file that several processes append to, put aside at its bound: so many older ones are kept, by number.

The standard library's rotating handler knows one process only: another's lines go on into the file it renamed, and both
rename in turn, so that what was kept is overwritten.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

MAX_BYTES, KEPT = 20_000_000, 5
"""A file of this size is put aside, as `name.1`; the oldest kept is `name.5`."""


class RotatingFile:
    """Each line is one append, which no other process can tear apart. Owner-only (0600), opened at the first line."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._descriptor: int | None = None

    def write(self, line: str) -> None:
        """Append one line. Raises OSError."""
        descriptor = self._current()
        os.write(descriptor, f"{line}\n".encode(errors="backslashreplace"))
        if os.fstat(descriptor).st_size >= self._max_bytes:
            self._rotate(descriptor)

    def close(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = None

    def _current(self) -> int:
        """The file that has the name now: another process may have put ours aside."""
        if self._descriptor is not None and self._has_the_name(self._descriptor):
            return self._descriptor
        self.close()
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # somebody else's file: the line matters more
            os.fchmod(self._descriptor, 0o600)
        return self._descriptor

    def _has_the_name(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except OSError:
            return False

    def _rotate(self, descriptor: int) -> None:
        """Whoever locks the full file first puts it aside; the others, who do not wait, find it without its name.

        Each step is one rename, so a crash between two leaves a number out and loses nothing.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if self._has_the_name(descriptor):
            for number in range(self._kept - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._numbered(number).replace(self._numbered(number + 1))
            self._path.replace(self._numbered(1))
        self.close()  # which also unlocks

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
