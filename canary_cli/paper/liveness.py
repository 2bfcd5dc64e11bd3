"""How long a WebSocket lives: a ping every three minutes, a pong within ten, and a day at most."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from canary_cli.core.clock import Clock

PING_EVERY, PONG_WITHIN, LONGEST_LIFE = 180.0, 600.0, 86_400.0  # wall seconds


@dataclass(slots=True)
class Liveness:
    """One connection's times, on the monotonic clock; `ponged` moves with every pong, asked for or not."""

    born: float
    ponged: float
    next_ping: float

    @classmethod
    def starting(cls, now: float) -> "Liveness":
        return cls(now, now, now + PING_EVERY)

    def pong(self, now: float) -> None:
        """Whatever it carries: binance-futures-connector sends it empty."""
        self.ponged = now

    def closing(self, now: float) -> tuple[int, bytes] | None:
        """The close code and reason of a connection whose time is up."""
        if now >= self.born + LONGEST_LIFE:
            return 1001, b"24h"
        if now >= self.ponged + PONG_WITHIN:
            return 1008, b"Pong timeout"
        return None

    def rest(self, now: float) -> float:
        """Seconds until there is something to do."""
        return min(self.next_ping, self.ponged + PONG_WITHIN, self.born + LONGEST_LIFE) - now


async def keep(
    clock: Clock, ws: web.WebSocketResponse, liveness: Liveness, is_dead: Callable[[], bool] = lambda: False
) -> None:
    """Ping until the connection's time is up, then close it. While `is_dead` (half-open) it hears nothing at all."""
    while True:
        await clock.pause(liveness.rest(clock.monotonic()))
        now = clock.monotonic()
        if is_dead():
            liveness.pong(now)
        elif (closing := liveness.closing(now)) is not None:
            code, reason = closing
            await ws.close(code=code, message=reason)
            return
        if now >= liveness.next_ping:
            liveness.next_ping += PING_EVERY
            if not is_dead():
                await _ping(clock, ws)


async def _ping(clock: Clock, ws: web.WebSocketResponse) -> None:
    with contextlib.suppress(ConnectionError):
        await ws.ping(str(int(clock.wall().timestamp() * 1000)).encode())
