"""The market and the user stream: kept up for ever, every loss told, nothing dropped without a word."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import aiohttp
import orjson

from canary_cli.core.binance.outbox import Outbox
from canary_cli.core.binance.payloads import LISTEN_KEY_EXPIRED, market_event, user_event
from canary_cli.core.binance.socket import CLOSE_TIMEOUT, Lost, Socket, first_to_end
from canary_cli.core.clock import Clock
from canary_cli.core.model import Frame
from canary_cli.core.trading.events import (
    MarketEvent,
    Stream,
    StreamAlive,
    StreamDown,
    StreamUp,
    UserEvent,
)
from canary_cli.errors import ExchangeUnreachable

BACK_OFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Wall seconds before each try to connect again; the last is repeated. A connection that held starts it over."""

HELD_AFTER = 10.0
LISTEN_KEY_LIFE = timedelta(minutes=60)
RENEW_EVERY = 20 * 60.0
"""Plan seconds: the exchange counts the key's 60 minutes in its own time, which a rehearsal speeds up."""


class ListenKeys(Protocol):
    async def listen_key(self) -> str: ...

    async def renew(self, listen_key: str) -> None: ...


def market_events(
    stream_url: str, clock: Clock, symbols: Sequence[str], frames: Sequence[Frame]
) -> AsyncGenerator[MarketEvent, None]:
    """Two connections, since quotes are served apart from candles and marks; they live and fall together."""
    wanted, outbox = frozenset(symbols), Outbox()
    market = [f"{symbol.lower()}@kline_{frame}" for symbol in symbols for frame in frames]
    routes = {"market": [*market, "!markPrice@arr@1s"], "public": [f"{s.lower()}@bookTicker" for s in symbols]}
    urls = [f"{stream_url}/{route}/stream?streams={'/'.join(names)}" for route, names in routes.items()]

    def take(frame: bytes) -> None:
        event = market_event(frame, wanted)
        if event is not None:
            outbox.put(event)

    async def connect(session: aiohttp.ClientSession, up: Callable[[], None]) -> None:
        opened = _countdown(len(urls), up)
        # Quotes of a calm pair may pause; marks come each second, so only that line's silence means death.
        marks, quotes = (Socket(session, url, clock, take=take, pongs_count=i > 0) for i, url in enumerate(urls))
        await first_to_end(marks.run(opened), quotes.run(opened))

    return _kept_up(clock, Stream.MARKET, outbox, connect)


def user_events(stream_url: str, clock: Clock, keys: ListenKeys) -> AsyncGenerator[UserEvent, None]:
    outbox = Outbox()

    def take(frame: bytes) -> None:
        row = orjson.loads(frame)
        if row.get("e") == LISTEN_KEY_EXPIRED:
            raise Lost("the listen key expired")
        event = user_event(row)
        if event is not None:
            outbox.put(event)

    async def connect(session: aiohttp.ClientSession, up: Callable[[], None]) -> None:
        try:
            key = await keys.listen_key()
        except ExchangeUnreachable as error:
            raise Lost(f"no listen key: {error.message}") from None
        lease = _Lease(keys, key, clock)

        def alive() -> None:
            if lease.is_fresh:
                outbox.put(StreamAlive(clock.now(), Stream.USER))

        url = f"{stream_url}/private/ws?listenKey={key}"
        socket = Socket(session, url, clock, take=take, alive=alive, pongs_count=True)
        await first_to_end(socket.run(up), lease.keep())

    return _kept_up(clock, Stream.USER, outbox, connect)


class _Lease:
    """A listen key's 60 minutes. A pong proves a live line only while the key behind it is fresh."""

    def __init__(self, keys: ListenKeys, key: str, clock: Clock) -> None:
        self._keys = keys
        self._key = key
        self._clock = clock
        self._renewed: datetime = clock.now()

    @property
    def is_fresh(self) -> bool:
        return self._clock.now() - self._renewed < LISTEN_KEY_LIFE

    async def keep(self) -> None:
        """Renew for ever. Raises Lost when three tries in a row fail: the next connection asks for a key anew."""
        while True:
            await self._clock.sleep(RENEW_EVERY)
            await self._renew()

    async def _renew(self) -> None:
        for pause in (1.0, 2.0, 0.0):
            try:
                await self._keys.renew(self._key)
            except ExchangeUnreachable as error:
                reason = error.message
                await self._clock.pause(pause)
            else:
                self._renewed = self._clock.now()
                return
        raise Lost(f"the listen key cannot be renewed: {reason}")


Connect = Callable[[aiohttp.ClientSession, Callable[[], None]], Coroutine[Any, Any, None]]


async def _kept_up(clock: Clock, stream: Stream, outbox: Outbox, connect: Connect) -> AsyncGenerator[Any, None]:
    async with aiohttp.ClientSession() as session:
        work = asyncio.create_task(_supervise(clock, stream, outbox, connect, session))
        work.add_done_callback(lambda done: _tell_end(done, outbox))
        try:
            while True:
                yield await outbox.take()
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work}, timeout=2 * CLOSE_TIMEOUT)


def _tell_end(work: "asyncio.Task[None]", outbox: Outbox) -> None:
    """A bug that ends the supervision must be seen by whoever reads, not leave them waiting."""
    if not work.cancelled() and (failure := work.exception()):
        outbox.fail(failure)


async def _supervise(
    clock: Clock, stream: Stream, outbox: Outbox, connect: Connect, session: aiohttp.ClientSession
) -> None:
    """Connect again after every loss. A loss is told once, however many tries it takes to mend."""
    tries, told = 0, False
    while True:
        ups: list[float] = []

        def up(ups: list[float] = ups) -> None:
            ups.append(clock.monotonic())
            outbox.put(StreamUp(clock.now(), stream))

        try:
            await connect(session, up)
        except Lost as lost:
            if ups or not told:
                outbox.put(StreamDown(clock.now(), stream, str(lost)))
                told = True
        held = bool(ups) and clock.monotonic() - ups[0] > HELD_AFTER
        tries = 0 if held else tries + 1
        await clock.pause(BACK_OFF[min(tries, len(BACK_OFF) - 1)])


def _countdown(number: int, then: Callable[[], None]) -> Callable[[], None]:
    """A function to call `number` times; the last call does `then`."""
    left = [number]

    def one_less() -> None:
        left[0] -= 1
        if not left[0]:
            then()

    return one_less
