"""One WebSocket connection with a watchdog of its own.

On aiohttp, not on python-binance's BinanceSocketManager: that hides pongs, ends its read loop when 100 messages wait,
gives up after five reconnects, reuses an expired listen key, and may hang for ever when closed while reconnecting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from canary_cli.core.binance.translate import UNREADABLE
from canary_cli.core.clock import Clock

OPEN_TIMEOUT = 5.0
CLOSE_TIMEOUT = 1.0

_GONE = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


class Lost(Exception):
    """The connection is of no more use; the text says why."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Wall seconds: how often to ping, and after how much silence a connection counts as dead.

    A session acts on 30 s of silence in plan time, but never under 2 s of wall time; a dead connection is replaced
    well before that. The exchange allows five pings a second.
    """

    ping: float
    silence: float

    @classmethod
    def at(cls, speed: float) -> "Patience":
        """At speed 0 plan time is held and the line is not: it is waited for as at speed 1."""
        speed = speed or 1.0
        return cls(ping=max(0.4, 4.0 / speed), silence=max(1.5, 12.0 / speed))


class Socket:
    """`take` gets each text frame; `alive` is told of each pong. With `pongs_count` a quiet line is not a dead one."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        clock: Clock,
        *,
        take: Callable[[bytes], None],
        alive: Callable[[], None] = lambda: None,
        pongs_count: bool = False,
    ) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._take = take
        self._alive = alive
        self._pongs_count = pongs_count
        self._patience = Patience.at(clock.speed)
        self._heard = clock.monotonic()

    async def run(self, opened: Callable[[], None]) -> None:
        """Connect, call `opened`, and read until the connection is lost, which is the only way out: raises Lost."""
        socket = await self._open()
        opened()
        try:
            await first_to_end(self._read(socket), self._watch(socket))
        finally:
            with suppress(Exception):
                await asyncio.wait_for(socket.close(), CLOSE_TIMEOUT)

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                return await self._session.ws_connect(self._url, autoping=False, max_msg_size=0)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Lost(f"cannot connect: {type(error).__name__}") from None

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._heard = self._clock.monotonic()
        while True:
            message = await socket.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    self._heard = self._clock.monotonic()
                    self._read_frame(message.data.encode())
                case aiohttp.WSMsgType.PING:
                    await self._answer(socket.pong(message.data))
                case aiohttp.WSMsgType.PONG:
                    self._hear_pong()
                case kind if kind in _GONE:
                    raise Lost(f"closed by the exchange ({socket.close_code or 'no code'})")

    def _read_frame(self, frame: bytes) -> None:
        try:
            self._take(frame)
        except UNREADABLE as error:
            raise Lost(f"a frame we cannot read: {error!r}") from None

    def _hear_pong(self) -> None:
        if self._pongs_count:
            self._heard = self._clock.monotonic()
        self._alive()

    async def _watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._clock.pause(self._patience.ping)
            silent = self._clock.monotonic() - self._heard
            if silent > self._patience.silence:
                raise Lost(f"silent for {silent:.1f} s")
            await self._answer(socket.ping())

    async def _answer(self, sending: Awaitable[None]) -> None:
        """A half-open connection whose buffer is full must not hold the watchdog up."""
        try:
            async with asyncio.timeout(self._patience.silence):
                await sending
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Lost(f"cannot send: {type(error).__name__}") from None


async def first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, end the others, and end as that one did."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
