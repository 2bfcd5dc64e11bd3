"""The journal in memory: the same lines, byte for byte, that a disk would hold, and what a crash leaves of them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256

from canary_cli.journal.record import GENESIS, Entry, Record, decode, encode


class MemoryJournal:
    """Appended lines belong to the operating system; those up to the last `sync` survive a power cut as well."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lines: list[bytes] = []
        self._prev = GENESIS
        self.synced = 0

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def content(self) -> bytes:
        return b"".join(line + b"\n" for line in self._lines)

    def append(self, record: Record) -> int:
        line = encode(record, self._now(), len(self._lines) + 1, self._prev)
        self._lines.append(line)
        self._prev = sha256(line).hexdigest()
        return len(self._lines)

    def sync(self) -> None:
        self.synced = len(self._lines)

    async def durable(self) -> None:
        self.sync()

    def cut_power(self) -> int:
        """Lose what no sync has covered; returns how many lines are left."""
        del self._lines[self.synced :]
        self._prev = sha256(self._lines[-1]).hexdigest() if self._lines else GENESIS
        return self.synced

    def entries(self) -> Iterator[Entry]:
        return map(decode, self._lines)

    def gaps(self) -> int:
        """Lines that do not follow from the one before."""
        prev, broken = GENESIS, 0
        for line, entry in zip(self._lines, self.entries(), strict=True):
            broken += entry.prev != prev
            prev = sha256(line).hexdigest()
        return broken
