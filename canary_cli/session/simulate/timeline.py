"""Virtual time: what is due happens in order, and nobody waits for it."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

Deed = Callable[[], None]


class Timeline:
    """Deeds by the instant they are due; of those due together the one that was asked for first comes first."""

    def __init__(self, start: datetime) -> None:
        self.start = self.now = start
        self._due: list[tuple[datetime, int, Deed]] = []
        self._asked = 0

    @property
    def seconds(self) -> float:
        """Since the start: what a monotonic clock would say."""
        return (self.now - self.start).total_seconds()

    def at(self, instant: datetime, deed: Deed) -> None:
        self._asked += 1
        heapq.heappush(self._due, (max(instant, self.now), self._asked, deed))

    def after(self, seconds: float, deed: Deed) -> None:
        """Never early: who waits for an instant and is woken before it would ask to be woken again, for ever."""
        self.at(self.now + timedelta(microseconds=int(seconds * 1e6) + 1), deed)

    def step(self) -> None:
        """Move on to the next deed and do it."""
        self.now, _, deed = heapq.heappop(self._due)
        deed()
