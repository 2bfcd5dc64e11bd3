"""The one home of time. Everybody else is handed a `Clock`.

Two times exist. *Wall* time serves signing, time-outs, latency and back-off. *Plan* time serves the schedule,
the market, candles, cooldowns and escalation; a rehearsal scales it. On a live account they are the same.

asyncio is imported by who sleeps: a verb that only asks the time starts without it.
"""

import heapq
import itertools
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Clock(Protocol):
    """`now` and `sleep` speak plan time; `wall`, `monotonic` and `pause` speak wall time. Durations are seconds."""

    @property
    def speed(self) -> float: ...

    def now(self) -> datetime: ...

    def wall(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...

    async def pause(self, seconds: float) -> None: ...


class SystemClock:
    """Plan time is wall time."""

    speed = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await _sleep(seconds)

    async def pause(self, seconds: float) -> None:
        await _sleep(seconds)


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Plan time that started at `plan_start` when the wall showed `wall_start`, running `speed` times as fast.

    Two processes that hold the same three values agree about plan time. Speed 0 holds plan time still; sleeping
    then takes wall seconds, so that nobody sleeps for ever.
    """

    plan_start: datetime
    wall_start: datetime
    speed: float

    def now(self) -> datetime:
        return self.plan_start + (self.wall() - self.wall_start) * self.speed

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await _sleep(seconds / self.speed if self.speed else seconds)

    async def pause(self, seconds: float) -> None:
        await _sleep(seconds)


async def _sleep(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that tests and simulations move by hand; sleepers wake when it passes their deadline."""

    speed = 1.0

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._start = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def wall(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        deadline = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (deadline, next(self._order), woken))
        await woken

    pause = sleep

    async def advance(self, seconds: float) -> None:
        """Move on, stopping at each sleeper's deadline so that what it wakes runs in order."""
        end = self._now + timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= end:
            deadline, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, deadline)
            if not woken.done():
                woken.set_result(None)
            await _settle()
        self._now = end
        await _settle()


async def _settle() -> None:
    """Let everything that is ready run; a handful of turns covers chains of awaits."""
    import asyncio

    for _ in range(10):
        await asyncio.sleep(0)
