"""How long a WebSocket lives: a ping every three minutes, a pong within ten, and a day at most."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from canary_cli.core.clock import Clock

PING_EVERY, PONG_WITHIN, LONGEST_LIFE = 180.0, 600.0, 86_400.0  # wall seconds


@dataclass(slots=True)
class Liveness:
    """One connection's times, on the monotonic clock; `ponged` moves with every pong, asked for or not.

    Where it `must_copy`, a pong after a ping counts only with what that ping carried.
    """

    born: float
    ponged: float
    next_ping: float
    must_copy: bool = False
    sent: bytes = b""

    @classmethod
    def starting(cls, now: float, *, must_copy: bool = False) -> "Liveness":
        return cls(now, now, now + PING_EVERY, must_copy)

    def pong(self, now: float, payload: bytes = b"") -> None:
        """Streams take it whatever it carries: binance-futures-connector sends it empty."""
        if not self.must_copy or payload == self.sent:
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
            liveness.ponged = now
        elif (closing := liveness.closing(now)) is not None:
            code, reason = closing
            await ws.close(code=code, message=reason)
            return
        if now >= liveness.next_ping:
            liveness.next_ping += PING_EVERY
            if not is_dead():
                liveness.sent = str(int(clock.wall().timestamp() * 1000)).encode()
                with contextlib.suppress(ConnectionError):
                    await ws.ping(liveness.sent)


@dataclass(slots=True)
class Pace:
    """How many messages a client may send in a second."""

    most: int
    second: int = 0
    heard: int = 0

    def is_too_fast(self, now: float) -> bool:
        """Count one more at `now`, in seconds."""
        if int(now) != self.second:
            self.second, self.heard = int(now), 0
        self.heard += 1
        return self.heard > self.most
