"""python-binance's AsyncClient, tamed: any base URL, our time-outs and recvWindow, replies as values, no hidden call.

What is tamed, and why: the library pings the spot host, stamps `recvWindow=10000` over the caller's, waits 10 s for
everything, keeps one shared `response` (so header counts race), and lets aiohttp's own exceptions through.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import aiohttp
from binance import AsyncClient
from binance.exceptions import BinanceAPIException, BinanceRequestException

from canary_cli.accounts import LIVE_REST, LIVE_SPOT, Account
from canary_cli.core.binance.budget import Budget
from canary_cli.core.binance.translate import CLOCK_CODES, instant, refusal
from canary_cli.core.clock import Clock
from canary_cli.core.trading.replies import Failed, Rejected, Throttled, Unknown

READ_TIMEOUT = 5.0
ORDER_TIMEOUT = 3.0
"""Wall seconds; also the recvWindow, so that a request that arrives after we gave up is not executed."""

CLOSE_TIMEOUT = 2.0

Refusal = Rejected | Failed | Throttled | Unknown
Log = Callable[[str, dict[str, Any]], None]
Call = Callable[..., Awaitable[Any]]


class Refused(Exception):
    """A request without the wished-for answer; `reply` says which kind. Never leaves this package."""

    def __init__(self, reply: Refusal) -> None:
        super().__init__(str(reply))
        self.reply = reply


class _Client(AsyncClient):  # type: ignore[misc]  # the library carries no types
    REQUEST_RECVWINDOW = 0  # the library would stamp its own over ours


class Wire:
    """One account's requests. The library's client is made at the first request, since it needs a running loop."""

    def __init__(self, account: Account, clock: Clock, log: Log | None = None) -> None:
        self._account = account
        self._clock = clock
        self._log = log or (lambda _event, _data: None)
        self._made: _Client | None = None
        self._synced = asyncio.Lock()
        self.budget = Budget()
        self.written: deque[float] = deque(maxlen=1000)
        """When the newest deeds left for the socket: monotonic wall seconds, oldest first."""

    @property
    def client(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> _Client:
        session = {
            "connector": aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0, ttl_dns_cache=300),
            "trace_configs": [self._trace()],
        }
        client = _Client(
            self._account.api_key,
            self._account.api_secret,
            requests_params={"timeout": _timeout(READ_TIMEOUT)},
            session_params=session,
        )
        base = self._account.rest_url.rstrip("/")
        client.FUTURES_URL, client.FUTURES_DATA_URL = f"{base}/fapi", f"{base}/futures/data"
        client.API_URL, client.MARGIN_API_URL = f"{base}/api", f"{LIVE_SPOT if base == LIVE_REST else base}/sapi"
        return client

    async def close(self) -> None:
        """Never hangs, and may be called twice."""
        made, self._made = self._made, None
        if made is not None:
            with suppress(Exception):
                await asyncio.wait_for(made.close_connection(), CLOSE_TIMEOUT)

    async def sync(self) -> None:
        """Measure how far our wall clock is from the exchange's; requests are stamped with its time. Raises Refused."""
        async with self._synced:
            sent, began = self._clock.wall(), self._clock.monotonic()
            told = await self._once(self.client.futures_time, {})
            middle = sent.timestamp() + (self._clock.monotonic() - began) / 2
            self.client.timestamp_offset = round((instant(told["serverTime"]).timestamp() - middle) * 1000)

    async def read(self, call: Call, fields: dict[str, Any], weight: int, *, urgent: bool = False) -> Any:
        """An unsigned question. Raises Refused."""
        return await self._patiently(lambda: self._read_once(call, fields, weight, urgent))

    async def read_signed(self, call: Call, fields: dict[str, Any], weight: int, *, urgent: bool = False) -> Any:
        """A question about the account. Raises Refused."""
        return await self.read(call, {**fields, "recvWindow": round(READ_TIMEOUT * 1000)}, weight, urgent=urgent)

    async def deed(self, call: Call, fields: dict[str, Any]) -> Any:
        """A signed request that changes something: sent once, and once more only if its time stamp was refused.

        Raises Refused.
        """
        deed = {**fields, "recvWindow": round(ORDER_TIMEOUT * 1000)}
        return await self._in_time(lambda: self._once(call, deed, ORDER_TIMEOUT))

    async def _read_once(self, call: Call, fields: dict[str, Any], weight: int, urgent: bool) -> Any:
        wait = self.budget.wait_to_read(weight, self._clock.wall(), urgent=urgent)
        if wait:
            raise Refused(Throttled(wait, banned=self.budget.ban(self._clock.wall()) > 0))
        return await self._in_time(lambda: self._once(call, fields))

    async def _patiently(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask a question again after a quick failure; a time-out was patience enough."""
        for pause in (0.2, 0.4):
            try:
                return await ask()
            except Refused as refused:
                if not isinstance(refused.reply, Failed):
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

    async def _once(self, call: Call, fields: dict[str, Any], timeout: float = READ_TIMEOUT) -> Any:
        ban = self.budget.ban(self._clock.wall())
        if ban:
            raise Refused(Throttled(ban, banned=True))
        parameters = {**fields, "requests_params": {"timeout": _timeout(timeout)}} if fields else {}
        try:
            return await call(**parameters)
        except BinanceAPIException as error:
            raise Refused(await self._refusal(error)) from None
        except BinanceRequestException as error:
            raise Refused(Unknown(error.message)) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Refused(Failed(0, f"cannot connect: {error}")) from None
        except TimeoutError:
            raise Refused(Unknown(f"no reply within {timeout:g} s")) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Refused(Unknown(f"connection lost: {type(error).__name__}")) from None

    async def _refusal(self, error: BinanceAPIException) -> Refusal:
        told = error.response.headers.get("Retry-After", "")
        wait = float(told) if told.isdigit() else None
        now = self._clock.wall()
        reply = refusal(error.status_code, error.code or 0, await _message(error), wait, now)
        if isinstance(reply, Throttled):
            self.budget = self.budget.throttled(reply.retry_after, now, banned=reply.banned)
        return reply

    def _trace(self) -> aiohttp.TraceConfig:
        """Reads each reply's own headers: the library keeps only the last reply of all."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._started)
        trace.on_request_headers_sent.append(self._left)
        trace.on_request_end.append(self._ended)
        trace.on_request_exception.append(self._failed)
        return trace

    async def _started(self, _session: Any, context: SimpleNamespace, _params: Any) -> None:
        context.began = self._clock.monotonic()

    async def _left(
        self, _session: Any, _context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        if params.method != "GET":
            self.written.append(self._clock.monotonic())

    async def _ended(self, _session: Any, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams) -> None:
        self.budget = self.budget.told(params.response.headers, self._clock.wall())
        self._say(context, params.method, params.url.path, str(params.response.status))

    async def _failed(
        self, _session: Any, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self._say(context, params.method, params.url.path, type(params.exception).__name__)

    def _say(self, context: SimpleNamespace, method: str, path: str, outcome: str) -> None:
        """The path only: a query carries signatures."""
        took = round((self._clock.monotonic() - context.began) * 1000, 1)
        self._log("request", {"method": method, "path": path, "outcome": outcome, "ms": took,
                              "weight": self.budget.weight, "orders_10s": self.budget.orders_10s})  # fmt: skip


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    """A connection that cannot be opened fails before the whole time is gone: then nothing was sent, for certain."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2)


async def _message(error: BinanceAPIException) -> str:
    """Where the body is no JSON the library drops it, and with it which of the four kinds of 503 this is."""
    if error.code or not str(error.message).startswith("Invalid JSON"):
        return str(error.message)
    text: str = await error.response.text()  # read already, and kept by aiohttp
    return " ".join(text.split())[:200]
