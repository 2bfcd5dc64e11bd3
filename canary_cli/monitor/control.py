"""The control API: stop trading, allow it again, ask how it stands, over HTTP with a bearer token.

No TLS of its own: it listens on loopback, and an SSH tunnel or a proxy brings it further.
"""

import json
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import web
from pydantic import SecretStr

from canary_cli.errors import CanaryError, Refused
from canary_cli.monitor.textfile import Gauge, exposition
from canary_cli.telling import legible

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DISABLE = "/api/trading/disable"
OPEN_TO_ALL = "/healthz"
FAILURES, WINDOW = 5, 60.0
"""So many wrong tokens from one address within so many wall seconds, then 429."""

BODY_LIMIT = 8192


class Desk(Protocol):
    """What is controlled. Its errors (`CanaryError`) become answers; nothing it raises is a success."""

    @property
    def account(self) -> str: ...

    async def disable(self, by: str, reason: str) -> None:
        """Returns when the latch is on disk and was read back."""
        ...

    async def enable(self, by: str, reason: str) -> tuple[str, ...]:
        """The sources of the latches it cleared."""
        ...

    def status(self) -> Mapping[str, Any]: ...

    def gauges(self) -> Sequence[Gauge]: ...


class Throttle:
    """Counts wrong tokens by address. `monotonic` gives wall seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: dict[str, deque[float]] = {}

    def failed(self, peer: str) -> None:
        self._failures.setdefault(peer, deque(maxlen=FAILURES)).append(self._monotonic())

    def wait(self, peer: str) -> float:
        """Seconds until this address is listened to again; 0 where it is now."""
        past = self._failures.get(peer, deque())
        return max(0.0, past[0] + WINDOW - self._monotonic()) if len(past) == FAILURES else 0.0


@asynccontextmanager
async def serving(
    desk: Desk, token: SecretStr, host: str, port: int, monotonic: Callable[[], float]
) -> AsyncIterator[int]:
    """Serve until left; yields the port. Raises OSError where the port is taken."""
    runner = web.AppRunner(application(desk, token, Throttle(monotonic)), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def application(desk: Desk, token: SecretStr, throttle: Throttle) -> web.Application:
    app = web.Application(middlewares=[_explained, _guard(token, throttle)], client_max_size=BODY_LIMIT)
    routes = _Routes(desk)
    app.router.add_post(DISABLE, routes.disable)
    app.router.add_post("/api/trading/enable", routes.enable)
    app.router.add_get("/api/trading/status", routes.status)
    app.router.add_get("/metrics", routes.metrics)
    app.router.add_get(OPEN_TO_ALL, routes.health)
    return app


class _Routes:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def disable(self, request: web.Request) -> web.Response:
        """Never refused for what the body says: it may be empty, a form, or JSON."""
        told = await _fields(request)
        await self._desk.disable(told.get("by") or "control API", told.get("reason") or "asked over HTTP")
        return _said(request, "Trading disabled", self._desk.status())

    async def enable(self, request: web.Request) -> web.Response:
        told = await _fields(request)
        missing = [name for name in ("by", "reason", "account") if not told.get(name, "").strip()]
        if missing:
            return _said(request, f"enable wants {', '.join(missing)}", {}, 400)
        if told["account"] != self._desk.account:
            return _said(request, f"this is {self._desk.account}, not {told['account']}: still latched", {}, 409)
        cleared = await self._desk.enable(told["by"], told["reason"])
        words = f"Trading enabled; cleared: {', '.join(cleared) or 'nothing was latched'}"
        return _said(request, words, {"cleared": cleared, **self._desk.status()})

    async def status(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response({"schema_version": 1, **self._desk.status()})

    async def metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.Response(body=exposition(self._desk.gauges()), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def health(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.Response(text="ok\n")


def _guard(token: SecretStr, throttle: Throttle) -> Any:
    """Everything but the health page wants the token.

    An address that guessed too often waits, except to stop trading with the right token: nobody's guesses may keep a
    stop from working.
    """
    wanted = f"Bearer {token.get_secret_value()}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == OPEN_TO_ALL:
            return await handler(request)
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        is_right = secrets.compare_digest(given, wanted)
        wait = throttle.wait(request.remote or "")
        if wait and not (is_right and request.path == DISABLE):
            answer = _said(request, "too many wrong tokens", {}, 429)
            answer.headers["Retry-After"] = f"{wait + 1:.0f}"
            return answer
        if not is_right:
            throttle.failed(request.remote or "")
            answer = _said(request, "the bearer token is missing or wrong", {}, 401)
            answer.headers["WWW-Authenticate"] = 'Bearer realm="canary"'
            return answer
        return await handler(request)

    return guard


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What went wrong, in words. A state that could not be written is never answered with 200."""
    try:
        return await handler(request)
    except CanaryError as error:
        status = 409 if isinstance(error, Refused) and request.path != DISABLE else 503
        return _said(request, error.message, {"hint": error.hint}, status)
    except OSError as error:
        return _said(request, f"not done: {error}", {"hint": "canary close-all"}, 503)


async def _fields(request: web.Request) -> dict[str, str]:
    """A JSON object or a form; anything else tells nothing."""
    try:
        told = json.loads(await request.text()) if "json" in request.content_type else dict(await request.post())
    except (ValueError, LookupError, web.HTTPException):  # no JSON, a charset nobody knows, a body too long
        return {}
    return {key: legible(told[key]) for key in told if isinstance(told[key], str)} if isinstance(told, dict) else {}


def _said(request: web.Request, words: str, more: Mapping[str, Any], status: int = 200) -> web.Response:
    """One line of text, or a document where the client asks for JSON."""
    if "json" in request.headers.get("Accept", ""):
        return web.json_response({"schema_version": 1, "message": words, **more}, status=status)
    hint = f"\nnext: {more['hint']}" if more.get("hint") else ""
    return web.Response(text=f"{words}{hint}\n", status=status)
