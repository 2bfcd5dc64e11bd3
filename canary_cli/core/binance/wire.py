"""What every way to the exchange does alike: time-outs, recvWindow, limits, bans, a wrong time stamp mended once."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from canary_cli.core.binance.budget import Budget, Meter
from canary_cli.core.binance.translate import CLOCK_CODES
from canary_cli.core.clock import Clock
from canary_cli.core.trading.replies import Failed, Rejected, Throttled, Unknown

READ_TIMEOUT = 5.0
ORDER_TIMEOUT = 3.0
"""Wall seconds; also the recvWindow, so that a request that arrives after we gave up is not executed."""

CLOSE_TIMEOUT = 2.0

Refusal = Rejected | Failed | Throttled | Unknown
Log = Callable[[str, dict[str, Any]], None]


class Refused(Exception):
    """A request without the wished-for answer; `reply` says which kind. Never leaves this package."""

    def __init__(self, reply: Refusal) -> None:
        super().__init__(str(reply))
        self.reply = reply


class NotConnected(Refused):
    """No connection could be opened: nothing was sent, for certain."""

    def __init__(self, reason: str) -> None:
        super().__init__(Failed(0, reason))


class Wire(ABC):
    """One account's requests, by one way. They are named as python-binance names them."""

    def __init__(self, clock: Clock, log: Log | None, meter: Meter | None) -> None:
        self._clock = clock
        self._log = log or (lambda _event, _data: None)
        self._meter = meter or Meter()
        self.written: deque[float] = deque(maxlen=1000)
        """When the newest deeds left for the socket: monotonic wall seconds, oldest first."""

    @property
    def budget(self) -> Budget:
        return self._meter.budget

    @abstractmethod
    async def _send(self, call: str, fields: dict[str, Any], timeout: float) -> Any:
        """One request and its answer. Raises Refused."""

    @abstractmethod
    async def sync(self) -> None:
        """Measure how far our wall clock is from the exchange's; requests are stamped with its time. Raises Refused."""

    @abstractmethod
    async def close(self) -> None:
        """Never hangs, and may be called twice."""

    async def read(self, call: str, fields: dict[str, Any], weight: int, *, urgent: bool = False) -> Any:
        """An unsigned question. Raises Refused."""
        return await self._patiently(lambda: self._read_once(call, fields, weight, urgent), urgent)

    async def read_signed(self, call: str, fields: dict[str, Any], weight: int, *, urgent: bool = False) -> Any:
        """A question about the account. Raises Refused."""
        return await self.read(call, {**fields, "recvWindow": round(READ_TIMEOUT * 1000)}, weight, urgent=urgent)

    async def learn_budget(self) -> None:
        """A process begins without counts: a light question tells how much of the minute others have used."""
        if not self.budget.is_known:
            await self.sync()

    async def deed(self, call: str, fields: dict[str, Any]) -> Any:
        """A signed request that changes something: sent once, and once more only if its time stamp was refused.

        Raises Refused.
        """
        deed = {**fields, "recvWindow": round(ORDER_TIMEOUT * 1000)}
        return await self._in_time(lambda: self._once(call, deed, ORDER_TIMEOUT))

    async def _read_once(self, call: str, fields: dict[str, Any], weight: int, urgent: bool) -> Any:
        wait = self.budget.wait_to_read(weight, self._clock.wall(), urgent=urgent)
        if wait:
            raise Refused(Throttled(wait, banned=self.budget.ban(self._clock.wall()) > 0))
        self._meter.budget = self.budget.asked(weight, self._clock.wall())
        return await self._in_time(lambda: self._once(call, fields, READ_TIMEOUT))

    async def _patiently(self, ask: Callable[[], Awaitable[Any]], urgent: bool) -> Any:
        """Ask a question again after a quick failure; a time-out was patience enough.

        An urgent one that finds no connection is better asked by another way.
        """
        for pause in (0.2, 0.4):
            try:
                return await ask()
            except Refused as refused:
                if not isinstance(refused.reply, Failed) or (urgent and isinstance(refused, NotConnected)):
                    raise
            await self._clock.pause(pause)
        return await ask()

    async def _in_time(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """-1021 and -5028: our time stamp was wrong. Measure the clock and send the same request once more."""
        try:
            return await ask()
        except Refused as refused:
            if not (isinstance(refused.reply, Failed) and refused.reply.code in CLOCK_CODES):
                raise
            await self.sync()
            return await ask()

    async def _once(self, call: str, fields: dict[str, Any], timeout: float) -> Any:
        ban = self.budget.ban(self._clock.wall())
        if ban:
            raise Refused(Throttled(ban, banned=True))
        return await self._send(call, fields, timeout)

    def _refused(self, reply: Refusal) -> Refused:
        """Limits and bans are remembered for all ways."""
        if isinstance(reply, Throttled):
            self._meter.budget = self.budget.throttled(reply.retry_after, self._clock.wall(), banned=reply.banned)
        return Refused(reply)

    def _say(self, began: float, method: str, path: str, outcome: str) -> None:
        """No parameters: among them are keys and signatures."""
        took = round((self._clock.monotonic() - began) * 1000, 1)
        self._log("request", {"method": method, "path": path, "outcome": outcome, "ms": took,
                              "weight": self.budget.weight, "orders_10s": self.budget.orders_10s})  # fmt: skip
