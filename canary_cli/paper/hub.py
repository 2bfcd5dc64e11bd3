"""Who hears what: sockets, their subscriptions, and how payloads reach them. The one place that writes to a stream.

At speed 1 everything is sent as it comes. Faster, a stream's messages are coalesced to `MOST_PER_SECOND` of wall time,
the latest wins; closed candles are never dropped. A reader that is too slow is disconnected, as on the real exchange.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import orjson

from canary_cli.paper.connections import Channel
from canary_cli.paper.faults import Fault, Faults
from canary_cli.paper.market.model import Tick
from canary_cli.paper.market_streams import publications
from canary_cli.paper.public_book import PublicBook
from canary_cli.paper.state import State

MOST_PER_SECOND = 20
LONGEST_QUEUE = 10_000  # messages a socket may be behind
API = "ws-api"  # by which faults name the connections of the WebSocket API
PUBLIC_WORDS = ("bookTicker", "depth", "rpiDepth", "trade")


def route_of(name: str) -> str:
    """`public`, `market` or `private` (a listen key has no @ and no !)."""
    if "@" not in name and not name.startswith("!"):
        return "private"
    kind = name.lstrip("!").split("@")[0 if name.startswith("!") else 1]
    return "public" if kind.startswith(PUBLIC_WORDS) else "market"


@dataclass(eq=False, slots=True)
class Socket:
    """One client's stream connection. `routes`: what it may hear; unrouted sockets hear public streams only."""

    ws: Channel
    routes: frozenset[str]
    combined: bool = False
    names: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    events: dict[str, set[str]] = field(default_factory=dict)
    queue: "asyncio.Queue[bytes | None]" = field(default_factory=lambda: asyncio.Queue(LONGEST_QUEUE))
    frozen: bool = False
    held: deque[bytes] = field(default_factory=lambda: deque(maxlen=LONGEST_QUEUE))

    def send(self, data: bytes) -> None:
        try:
            self.queue.put_nowait(data)
        except asyncio.QueueFull:
            self.frozen = True
            self.ws.end(1008, b"Too slow")

    async def pump(self) -> None:
        """Write what is queued until the socket closes."""
        while True:
            data = await self.queue.get()
            if data is None or self.ws.closed:
                return
            try:
                await self.ws.send_str(data.decode())
            except (ConnectionError, RuntimeError):
                return


def frame(name: str, payload: Any, *, combined: bool) -> bytes:
    return orjson.dumps({"stream": name, "data": payload} if combined else payload)


class Hub:
    """All stream sockets of the exchange."""

    def __init__(self, state: State, speed: float) -> None:
        self.sockets: set[Socket] = set()
        self.api_sockets: set[Channel] = set()  # of the WebSocket API
        self.faults: Faults | None = None
        self.now = datetime.fromtimestamp(0, UTC)
        self.book = PublicBook(state)
        self._market, self._interval = state.market, 1 / MOST_PER_SECOND if speed > 1 else 0.0
        self._waiting: list[Tick] = []
        self._sent = 0.0

    def publish(self, ticks: list[Tick], now: float) -> Iterator[None]:
        """Tell the market streams, one message a step, so that whoever has it to do can do other things in between.

        Where the plan runs faster, that is at most `MOST_PER_SECOND` times a wall second.
        """
        self._waiting.extend(ticks)
        if now - self._sent < self._interval:
            return
        waiting, self._waiting, self._sent = self._waiting, [], now
        hearers: dict[str, list[Socket]] = {}
        for socket in self.sockets:
            for name in socket.names:
                hearers.setdefault(name, []).append(socket)
        if not hearers:
            return
        books = self.book.publications({tick.symbol for tick in waiting}, hearers)
        for name, payload in chain(books, publications(self._market, waiting, hearers)):
            self._deliver(name, payload, hearers[name])
            yield

    def follow(self, socket: Socket, name: str) -> None:
        """From now on the socket hears this public or market stream."""
        socket.names.add(name)
        self.book.follow(name)

    def tell(self, name: str, payload: Any) -> None:
        """One message to all who hear this stream."""
        self._deliver(name, payload, [socket for socket in self.sockets if name in socket.names])

    def _deliver(self, name: str, payload: Any, sockets: Iterable[Socket]) -> None:
        """One encoding for all raw, one for all combined hearers."""
        encoded: dict[bool, bytes] = {}
        for socket in sockets:
            if socket.combined not in encoded:
                encoded[socket.combined] = frame(name, payload, combined=socket.combined)
            self._send(socket, name, encoded[socket.combined])

    def has_users(self) -> bool:
        return any(socket.keys for socket in self.sockets)

    def tell_user(self, payload: dict[str, Any]) -> None:
        """A user event to every socket that holds a listen key and wants this kind."""
        for socket in self.sockets:
            for key in socket.keys:
                wanted = socket.events.get(key)
                if wanted is None or payload["e"] in wanted:
                    data = frame(key, payload, combined=socket.combined)
                    self._send(socket, "private", data)

    def expire_user(self, key: str, now_ms: int) -> None:
        """The key's sockets stay open, and silent until they get a new key."""
        for socket in self.sockets:
            if key in socket.keys:
                payload = {"e": "listenKeyExpired", "E": now_ms, "listenKey": key}
                socket.send(frame(key, payload, combined=socket.combined))
                socket.keys.discard(key)

    def _send(self, socket: Socket, name: str, data: bytes) -> None:
        """Through whatever stream faults are on."""
        if socket.frozen:
            return
        for message in self._faulted(socket, name, data):
            socket.send(message)

    def _faulted(self, socket: Socket, name: str, data: bytes) -> Iterable[bytes]:
        if self.faults is None:
            return [*_released(socket), data]
        if any(fault.pattern.search(name) for fault in self.faults.on(self.now, "outage")):
            return []
        kinds = ("silence", "half_open", "gap", "duplicate", "burst", "reorder")
        fault = self.faults.strike(self.now, name, _symbol_of(name), *kinds)
        if fault is None:
            return [*_released(socket), data]
        if fault.kind in ("silence", "half_open", "gap"):
            return []
        if fault.kind == "duplicate":
            return [data] * int(fault.options.get("count", 2))
        socket.held.append(data)
        if len(socket.held) < int(fault.options.get("count", 2 if fault.kind == "reorder" else 150)):
            return []
        held = list(_released(socket))
        return reversed(held) if fault.kind == "reorder" else held

    def close_matching(self, fault: Fault) -> int:
        """Close sockets that hear what the fault strikes, once and now: who comes later is spared. Returns how many."""
        struck = [socket.ws for socket in self.sockets if _hears(socket, fault)]
        struck += self.api_sockets if fault.pattern.search(API) else ()
        for ws in struck:
            ws.end(int(fault.options.get("close_code", 1001)), b"going away")
        return len(struck)

    def tell_api(self, payload: dict[str, Any]) -> None:
        """A frame nobody asked for to every connection of the WebSocket API."""
        for ws in self.api_sockets:
            asyncio.get_running_loop().create_task(ws.send_str(orjson.dumps(payload).decode()))

    def is_half_open(self, socket: Socket) -> bool:
        """Whether the socket must not answer anything, pings included."""
        if self.faults is None:
            return False
        return any(_hears(socket, fault) for fault in self.faults.on(self.now, "half_open"))

    def is_api_half_open(self) -> bool:
        """The same of the WebSocket API."""
        return self.faults is not None and any(
            fault.pattern.search(API) for fault in self.faults.on(self.now, "half_open")
        )


def _hears(socket: Socket, fault: Fault) -> bool:
    names = [*socket.names, *(["private"] if socket.keys else [])] or [""]
    return any(fault.pattern.search(name) for name in names)


def _released(socket: Socket) -> list[bytes]:
    held = list(socket.held)
    socket.held.clear()
    return held


def _symbol_of(name: str) -> str:
    return name.partition("@")[0].upper()
