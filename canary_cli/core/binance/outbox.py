"""Events between the socket that brings them and whoever takes them."""

import asyncio
from collections import deque

from canary_cli.core.binance.socket import Lost
from canary_cli.core.trading.events import MarketEvent, Quoted, StreamDown, StreamUp, UserEvent

OUTBOX_LIMIT = 50_000


class Outbox:
    """Events waiting to be taken, in order. Of quotes only the newest of a pair waits; anything else is kept whole."""

    def __init__(self, limit: int = OUTBOX_LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[MarketEvent | UserEvent | str] = deque()
        self._quotes: dict[str, Quoted] = {}
        self._filled = asyncio.Event()
        self._failure: BaseException | None = None

    def put(self, event: MarketEvent | UserEvent) -> None:
        """Raises Lost when too much waits: the reader is too slow, and a gap must be told rather than hidden."""
        if isinstance(event, Quoted):
            symbol = event.book.symbol
            waits = symbol in self._quotes
            self._quotes[symbol] = event
            if waits:
                return
            self._waiting.append(symbol)
        elif len(self._waiting) >= self._limit and not isinstance(event, (StreamUp, StreamDown)):
            raise Lost(f"{self._limit} messages wait to be read")
        else:
            self._waiting.append(event)
        self._filled.set()

    def fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._filled.set()

    async def take(self) -> MarketEvent | UserEvent:
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            self._filled.clear()
            await self._filled.wait()
        item = self._waiting.popleft()
        return self._quotes.pop(item) if isinstance(item, str) else item
