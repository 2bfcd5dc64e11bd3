"""The connections of the exchange: how many, and how long one may be idle, half-sent or deaf before it is cut."""

import asyncio
import resource
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from canary_cli.paper import problems
from canary_cli.paper.problems import Problem

MOST_CONNECTIONS = 2000
IDLE_SECONDS = 75.0  # for a request's head to come, from the connection or the answer before it
BODY_SECONDS = 10.0  # for its body to come after that
LINGER_SECONDS = 0.5  # for a body that was refused to come to its end
DEAF_SECONDS = 60.0  # for a client to read what it has been sent
LARGEST_BODY, LARGEST_FRAME = 256 * 1024, 64 * 1024

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def read_body(request: web.BaseRequest) -> bytes:
    """All of it, as it came. Raises `Problem` where it is too large or stops in the middle."""
    if not request.can_read_body:
        return b""
    if (request.content_length or 0) > LARGEST_BODY:
        raise Problem(-1000, "Request body is too large.", 413)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Problem(-1000, "Request body is too large.", 413) from None
    except TimeoutError:
        request.protocol.close()
        raise Problem(-1000, "The rest of the request did not come in time.", 408) from None


def new_server(handler: Handler) -> web.Server:
    """What speaks HTTP on every connection that `Door` lets in."""
    loop = asyncio.get_running_loop()

    def request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY)

    return web.Server(handler, request_factory=request)


class Connection(web.RequestHandler):
    """HTTP as aiohttp speaks it, but what is no HTTP is answered in Binance's shape, and nobody may stay deaf."""

    _deaf: asyncio.TimerHandle | None = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  (it quotes the client)
    ) -> web.StreamResponse:
        """A bug of ours is logged; what a client got wrong is only told to it, and who has left is no news."""
        ours = status >= 500 and not isinstance(exc, ConnectionError)
        if ours:
            self.log_exception("Error handling %s", request.path, exc_info=exc)
        if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
            raise ConnectionError("nobody can be told any more") from exc
        problem = Problem(-1000, problems.unknown_error().text if ours else "The request is no valid HTTP.", status)
        response = web.Response(body=orjson.dumps(problem.body), status=status, content_type="application/json")
        response.force_close()
        return response

    def pause_writing(self) -> None:
        super().pause_writing()
        self._deaf = asyncio.get_running_loop().call_later(DEAF_SECONDS, self._cut)

    def resume_writing(self) -> None:
        self._forget()
        super().resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _forget(self) -> None:
        if self._deaf is not None:
            self._deaf.cancel()
            self._deaf = None


class Channel(web.WebSocketResponse):
    """A WebSocket connection: pings are ours to answer, and it can end without a word."""

    def __init__(self, request: web.BaseRequest) -> None:
        super().__init__(autoping=False, max_msg_size=LARGEST_FRAME, compress=False)
        self._transport = request.transport
        self._ending: asyncio.Task[bool] | None = None

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def end(self, code: int, reason: bytes) -> None:
        """Close it soon. 1006 is what a client sees of a connection that was cut: no frame carries it."""
        if code == 1006:
            self.cut()
        else:
            self._ending = asyncio.get_running_loop().create_task(self.close(code=code, message=reason))


class Door(asyncio.Protocol):
    """Hands a new connection on to HTTP, or closes it before a byte is read where there are too many.

    It decides once connected: a burst is accepted as a whole before the first of it counts as a connection.
    """

    def __init__(self, server: web.Server, allowed: int) -> None:
        self._server, self._allowed = server, allowed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._server.connections) >= self._allowed:
            transport.close()
            return
        loop = asyncio.get_running_loop()
        connection = Connection(
            self._server,
            loop=loop,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]
        )
        transport.set_protocol(connection)
        connection.connection_made(transport)


def most_connections() -> int:
    """`MOST_CONNECTIONS`, or what the process may open less what it needs itself."""
    return min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
