"""REST by python-binance's AsyncClient, tamed: any base URL, our time-outs and recvWindow, no hidden call, two hosts.

What is tamed, and why: the library pings the spot host, stamps `recvWindow=10000` over the caller's, waits 10 s for
everything, keeps one shared `response` (so header counts race), lets aiohttp's own exceptions through, and sends the
parameters of a deed as a body.
"""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import aiohttp

from canary_cli.accounts import LIVE_REST, LIVE_SPOT, Account
from canary_cli.core.binance.budget import Meter
from canary_cli.core.binance.library import AsyncClient, BinanceAPIException, BinanceRequestException
from canary_cli.core.binance.translate import instant, refusal
from canary_cli.core.binance.wire import CLOSE_TIMEOUT, READ_TIMEOUT, Log, NotConnected, Refused, Wire
from canary_cli.core.clock import Clock
from canary_cli.core.trading.paths import Paths, none_answered
from canary_cli.core.trading.replies import Confirmed, Reply, Unknown


class _Client(AsyncClient):  # type: ignore[misc]  # the library carries no types
    REQUEST_RECVWINDOW = 0  # the library would stamp its own over ours

    async def _request_futures_api(
        self, method: str, path: str, signed: bool = False, version: int = 1, **kwargs: Any
    ) -> Any:
        """With all parameters in the query, which the exchange takes alike for every method.

        aiohttp leaves a body to a task of its own: of twenty orders made at once the first would then not leave before
        the last was made.
        """
        return await super()._request_futures_api(method, path, signed, version, force_params=True, **kwargs)


class RestWire(Wire):
    """One client of the library a host, made at the first request, since it needs a running loop.

    What finds no connection to a host is sent to the other; a host that was silent is asked last for a while.
    """

    def __init__(self, account: Account, clock: Clock, log: Log | None = None, meter: Meter | None = None) -> None:
        super().__init__(clock, log, meter)
        self._account = account
        self._hosts = Paths(tuple(url.rstrip("/") for url in (account.rest_url, account.rest_url_alternate) if url))
        self._clients: dict[str, _Client] = {}
        self._offset_ms = 0
        self._synced = asyncio.Lock()

    @property
    def client(self) -> Any:
        """That of the host which is asked first now."""
        return self._client_of(self._hosts.in_turn(self._clock.monotonic())[0])

    def _client_of(self, host: str) -> _Client:
        if host not in self._clients:
            self._clients[host] = self._make(host)
        return self._clients[host]

    def _make(self, host: str) -> _Client:
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
        client.timestamp_offset = self._offset_ms
        client.FUTURES_URL, client.FUTURES_DATA_URL = f"{host}/fapi", f"{host}/futures/data"
        client.API_URL, client.MARGIN_API_URL = f"{host}/api", f"{LIVE_SPOT if host == LIVE_REST else host}/sapi"
        return client

    async def close(self) -> None:
        made, self._clients = self._clients, {}
        for client in made.values():
            with suppress(Exception):
                await asyncio.wait_for(client.close_connection(), CLOSE_TIMEOUT)

    async def sync(self) -> None:
        async with self._synced:
            sent, began = self._clock.wall(), self._clock.monotonic()
            told = await self._once("futures_time", {}, READ_TIMEOUT)
            middle = sent.timestamp() + (self._clock.monotonic() - began) / 2
            self._offset_ms = round((instant(told["serverTime"]).timestamp() - middle) * 1000)
            for client in self._clients.values():
                client.timestamp_offset = self._offset_ms

    async def _send(self, call: str, fields: dict[str, Any], timeout: float) -> Any:
        failed: dict[str, Reply[Any]] = {}
        for host in self._hosts.in_turn(self._clock.monotonic()):
            try:
                answer = await self._send_to(host, call, fields, timeout)
            except NotConnected as refused:
                failed[host] = refused.reply
                self._heard(host, refused.reply)
            except Refused as refused:
                if isinstance(refused.reply, Unknown):
                    self._heard(host, refused.reply)
                raise
            else:
                self._heard(host, Confirmed(None))
                return answer
        first, *others = failed.values()
        raise NotConnected((none_answered(failed) if others else first).message)  # type: ignore[union-attr]

    def _heard(self, host: str, reply: Reply[Any]) -> None:
        self._hosts = self._hosts.after(host, reply, self._clock.monotonic())

    async def _send_to(self, host: str, call: str, fields: dict[str, Any], timeout: float) -> Any:
        own = {} if timeout == READ_TIMEOUT else {"requests_params": {"timeout": _timeout(timeout)}}
        try:
            return await getattr(self._client_of(host), call)(**fields, **own)
        except BinanceAPIException as error:
            raise await self._refusal(error) from None
        except BinanceRequestException as error:
            raise Refused(Unknown(error.message)) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotConnected(f"cannot connect: {error}") from None
        except TimeoutError:
            raise Refused(Unknown(f"no reply within {timeout:g} s")) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Refused(Unknown(f"connection lost: {type(error).__name__}")) from None

    async def _refusal(self, error: BinanceAPIException) -> Refused:
        told = error.response.headers.get("Retry-After", "")
        wait = float(told) if told.isdigit() else None
        reply = refusal(error.status_code, error.code or 0, await _message(error), wait, self._clock.wall())
        return self._refused(reply)

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
        self._meter.budget = self.budget.told(params.response.headers, self._clock.wall())
        self._say(context.began, params.method, params.url.path, str(params.response.status))

    async def _failed(
        self, _session: Any, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self._say(context.began, params.method, params.url.path, type(params.exception).__name__)


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    """A connection that cannot be opened fails before the whole time is gone: then nothing was sent, for certain."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2)


async def _message(error: BinanceAPIException) -> str:
    """Where the body is no JSON the library drops it, and with it which of the four kinds of 503 this is."""
    if error.code or not str(error.message).startswith("Invalid JSON"):
        return str(error.message)
    text: str = await error.response.text()  # read already, and kept by aiohttp
    return " ".join(text.split())[:200]
