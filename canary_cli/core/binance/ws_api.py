"""The WebSocket API as a way for what a closing needs: `wss://ws-fapi.binance.com/ws-fapi/v1`.

On aiohttp, not on python-binance's client: that one's read loop dies of a frame without an id (a revoked key), and
every later request then times out although the exchange may execute it. Each request is signed by itself, so that a
connection which was lost needs no log-on when it is opened again.
"""

import asyncio
import hmac
from contextlib import suppress
from hashlib import sha256
from itertools import count
from typing import Any

import aiohttp
import orjson

from canary_cli.accounts import Account
from canary_cli.core.binance.budget import Meter
from canary_cli.core.binance.translate import UNREADABLE, instant, refusal
from canary_cli.core.binance.wire import CLOSE_TIMEOUT, READ_TIMEOUT, Log, NotConnected, Refused, Wire
from canary_cli.core.clock import Clock
from canary_cli.core.trading.replies import Throttled, Unknown

OPEN_TIMEOUT = 1.5
"""Wall seconds for the handshake: what waits for it has failed by another way already."""

HEARTBEAT = 20.0
"""Wall seconds between our pings, which keep the connection open once it is; without a pong it counts as lost."""

METHODS = {
    "futures_create_order": "order.place",
    "futures_cancel_order": "order.cancel",
    "futures_get_order": "order.status",
    "futures_cancel_algo_order": "algoOrder.cancel",
    "futures_account": "account.status",
    "futures_position_information": "v2/account.position",
}
"""What it can do of what we ask by REST. It lists no orders and cancels only one at a time."""

_Waiting = dict[int, "asyncio.Future[dict[str, Any]]"]

_DEEDS = ("order.place", "order.cancel", "algoOrder.cancel")
_COUNTS = {("ORDERS", "SECOND"): "X-MBX-ORDER-COUNT-10S", ("ORDERS", "MINUTE"): "X-MBX-ORDER-COUNT-1M"}


class WsWire(Wire):
    """One connection, opened by the first request and again by the first after it was lost."""

    def __init__(self, account: Account, clock: Clock, log: Log | None = None, meter: Meter | None = None) -> None:
        super().__init__(clock, log, meter)
        self._account = account
        self._ids = count(1)
        self._waiting: _Waiting = {}
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._offset_ms = 0

    async def sync(self) -> None:
        began = self._clock.monotonic()
        sent = self._clock.wall()
        told = await self._ask("session.status", {}, READ_TIMEOUT)
        middle = sent.timestamp() + (self._clock.monotonic() - began) / 2
        self._offset_ms = round((instant(told["serverTime"]).timestamp() - middle) * 1000)

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
        for opened in (self._socket, self._session):
            if opened is not None:
                with suppress(Exception):
                    await asyncio.wait_for(opened.close(), CLOSE_TIMEOUT)
        self._socket = self._session = None

    async def _send(self, call: str, fields: dict[str, Any], timeout: float) -> Any:
        now_ms = round(self._clock.wall().timestamp() * 1000) + self._offset_ms
        params = {**fields, "apiKey": self._account.api_key, "timestamp": now_ms}
        return await self._ask(METHODS[call], {**params, "signature": self._signature(params)}, timeout)

    def _signature(self, params: dict[str, Any]) -> str:
        """HMAC-SHA256 over all parameters sorted by name, the key among them."""
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return hmac.new(self._account.api_secret.encode(), text.encode(), sha256).hexdigest()

    async def _ask(self, method: str, params: dict[str, Any], timeout: float) -> Any:
        socket, number, began = await self._open(), next(self._ids), self._clock.monotonic()
        waiting, outcome = self._waiting, "no reply"
        reply = waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await socket.send_str(orjson.dumps({"id": number, "method": method, "params": params}).decode())
            if method in _DEEDS:
                self.written.append(self._clock.monotonic())
            document = await asyncio.wait_for(reply, timeout)
            outcome = str(document.get("status"))
            return self._result(document)
        except TimeoutError:
            raise Refused(Unknown(f"no reply within {timeout:g} s")) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Refused(Unknown(f"connection lost: {type(error).__name__}")) from None
        except UNREADABLE as error:
            raise Refused(Unknown(f"a reply we cannot read: {error!r}")) from None
        finally:
            del waiting[number]
            self._say(began, method, "ws-api", outcome)

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        async with self._opening:
            if self._socket is not None and not self._socket.closed:
                return self._socket
            self._session = self._session or aiohttp.ClientSession()
            try:
                async with asyncio.timeout(OPEN_TIMEOUT):
                    self._socket = await self._session.ws_connect(self._account.ws_api_url, heartbeat=HEARTBEAT)
            except aiohttp.WSServerHandshakeError as error:
                raise self._turned_away(error) from None
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise NotConnected(f"cannot connect: {str(error) or 'time-out'}") from None
            self._waiting = {}
            self._reader = asyncio.create_task(_read(self._socket, self._waiting))
            return self._socket

    def _turned_away(self, error: aiohttp.WSServerHandshakeError) -> Refused:
        told = error.headers.get("Retry-After", "") if error.headers else ""
        wait = float(told) if told.isdigit() else None
        reply = refusal(error.status, 0, error.message, wait, self._clock.wall())
        return self._refused(reply) if isinstance(reply, Throttled) else NotConnected(f"handshake: {error.status}")

    def _result(self, document: dict[str, Any]) -> Any:
        """Weights are not taken over: whether they are counted with REST's is told differently in different places."""
        now = self._clock.wall()
        self._meter.budget = self.budget.told(_order_counts(document.get("rateLimits") or ()), now)
        if document.get("status") == 200:
            return document["result"]
        error = document.get("error") or {}
        until = (error.get("data") or {}).get("retryAfter")
        wait = max(1.0, (instant(int(until)) - now).total_seconds()) if until else None
        status, code, message = int(document["status"]), int(error.get("code", 0)), str(error.get("msg", ""))
        raise self._refused(refusal(status, code, message, wait, now))


async def _read(socket: aiohttp.ClientWebSocketResponse, waiting: _Waiting) -> None:
    """Hand each reply to who waits for it, until the connection is lost: then nobody knows what was executed."""
    try:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                _take(orjson.loads(message.data), waiting)
    except (ValueError, AttributeError):
        await socket.close()
    finally:
        _give_up(waiting, "connection lost")


def _take(document: dict[str, Any], waiting: _Waiting) -> None:
    """A frame without an id is about the connection, such as 401 for a key that was revoked."""
    if document.get("id") is None:
        error = document.get("error") or {}
        _give_up(waiting, f"{error.get('code', '')} {error.get('msg', 'a frame without an id')}".strip())
        return
    reply = waiting.get(document["id"])
    if reply is not None and not reply.done():
        reply.set_result(document)


def _give_up(waiting: _Waiting, reason: str) -> None:
    for reply in waiting.values():
        if not reply.done():
            reply.set_exception(Refused(Unknown(reason)))


def _order_counts(rows: Any) -> dict[str, str]:
    named = ((_COUNTS.get((row["rateLimitType"], row["interval"])), row.get("count", 0)) for row in rows)
    return {name: str(number) for name, number in named if name is not None}
