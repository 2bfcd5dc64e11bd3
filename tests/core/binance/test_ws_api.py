"""The WebSocket API over a socket: what is sent, what each ending means, and that a lost line is opened again."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from canary_cli.accounts import Account
from canary_cli.core.binance import wire
from canary_cli.core.binance.budget import Meter
from canary_cli.core.binance.by_ws_api import ExchangeByWsApi
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import OrderRequest, OrderStatus, Side
from canary_cli.core.trading.replies import Confirmed, Failed, Rejected, Throttled, Unknown
from tests.core.binance.test_client import order_row

CLOSE = OrderRequest("KILL-1", "BTCUSDT", Side.SELL, Decimal("0.1"), reduce_only=True)
Answer = Callable[[dict[str, Any]], Any]


def well(**more: Any) -> Answer:
    return lambda asked: {"id": asked["id"], "status": 200, "result": order_row(), **more}


def badly(status: int, code: int, msg: str = "no", **data: Any) -> Answer:
    return lambda asked: {"id": asked["id"], "status": status, "error": {"code": code, "msg": msg, **data}}


def without_id(_asked: dict[str, Any]) -> Any:
    return {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}}


def silently(_asked: dict[str, Any]) -> Any:
    return None


class Stage:
    """Answers in turn; the last is repeated. "cut" ends the connection."""

    def __init__(self) -> None:
        self.answers: list[Answer | str] = [well()]
        self.asked: list[dict[str, Any]] = []
        self.connections = 0
        self.refuses: int | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.refuses is not None:
            return web.Response(status=self.refuses, headers={"Retry-After": "7"})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        async for message in socket:
            asked = message.json()
            self.asked.append(asked)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, str):
                await socket.close()
                break
            told = answer(asked)
            if told is not None:
                await socket.send_json(told)
        return socket


@asynccontextmanager
async def a_stage(log: list[Any] | None = None) -> AsyncIterator[tuple[Stage, ExchangeByWsApi]]:
    stage = Stage()
    app = web.Application()
    app.router.add_get("/ws-fapi/v1", stage.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    exchange = an_exchange(runner.addresses[0][1], log)
    try:
        yield stage, exchange
    finally:
        await exchange.close()
        await runner.cleanup()


def an_exchange(port: int, log: list[Any] | None = None) -> ExchangeByWsApi:
    here = f"127.0.0.1:{port}"
    account = Account("stage", "paper", f"http://{here}", f"ws://{here}", Path("/nowhere"), "k" * 64, "s" * 64,
                      ws_api_url=f"ws://{here}/ws-fapi/v1")  # fmt: skip
    heard = log if log is not None else []
    return ExchangeByWsApi(account, SystemClock(), lambda _event, line: heard.append(line), Meter())


async def test_a_close_carries_our_id_our_window_and_a_signature_over_all_of_it() -> None:
    async with a_stage() as (stage, exchange):
        reply = await exchange.place(CLOSE)
        assert isinstance(reply, Confirmed) and reply.value.status is OrderStatus.FILLED
        (asked,) = stage.asked
        params = asked["params"]
        signature = params.pop("signature")
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        assert asked["method"] == "order.place"
        assert (params["newClientOrderId"], params["recvWindow"], params["reduceOnly"]) == ("KILL-1", 3000, "true")
        assert signature == hmac.new(b"s" * 64, text.encode(), sha256).hexdigest()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (badly(400, -2022), Rejected),
        (badly(408, -1007), Unknown),
        (badly(503, -1008), Failed),
        (badly(503, 0, "Unknown error, please check your request or try again later."), Unknown),
        (badly(429, -1003), Throttled),
        (without_id, Unknown),
        (lambda asked: {"id": asked["id"]}, Unknown),
        (lambda asked: {"id": asked["id"], "status": 200, "result": {}}, Unknown),
        (lambda _asked: ["what"], Unknown),
        ("cut", Unknown),
    ],
)
async def test_what_an_answer_or_its_absence_means(answer: Answer | str, kind: type) -> None:
    async with a_stage() as (stage, exchange):
        stage.answers = [answer]
        assert isinstance(await exchange.place(CLOSE), kind)
        assert len(stage.asked) == 1  # never sent twice


async def test_silence_ends_at_our_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ORDER_TIMEOUT", 0.2)
    async with a_stage() as (stage, exchange):
        stage.answers = [silently]
        assert await exchange.place(CLOSE) == Unknown("no reply within 0.2 s")


async def test_a_line_that_was_cut_is_opened_again_and_one_that_lives_is_used_again() -> None:
    async with a_stage() as (stage, exchange):
        stage.answers = ["cut", well()]
        assert isinstance(await exchange.place(CLOSE), Unknown)
        assert isinstance(await exchange.place(CLOSE), Confirmed)
        assert isinstance(await exchange.place(CLOSE), Confirmed)
        assert stage.connections == 2


async def test_twenty_closes_at_once_share_one_connection() -> None:
    async with a_stage() as (stage, exchange):
        replies = await asyncio.gather(*(exchange.place(CLOSE) for _ in range(20)))
        assert all(isinstance(reply, Confirmed) for reply in replies)
        assert stage.connections == 1


async def test_nobody_there_is_a_certain_failure() -> None:
    exchange = an_exchange(9)
    reply = await exchange.place(CLOSE)
    assert isinstance(reply, Failed) and "cannot connect" in reply.message
    await exchange.close()


@pytest.mark.parametrize(("status", "kind"), [(404, Failed), (429, Throttled), (418, Throttled)])
async def test_a_handshake_that_is_turned_away(status: int, kind: type) -> None:
    async with a_stage() as (stage, exchange):
        stage.refuses = status
        assert isinstance(await exchange.place(CLOSE), kind)
        assert (exchange.budget.ban(SystemClock().wall()) > 0) is (status == 418)


async def test_a_ban_holds_for_every_request_until_it_ends() -> None:
    async with a_stage() as (stage, exchange):
        until = round(SystemClock().wall().timestamp() * 1000) + 60_000
        stage.answers = [badly(418, -1003, "banned", data={"retryAfter": until})]
        for _ in range(3):
            reply = await exchange.place(CLOSE)
            assert isinstance(reply, Throttled) and reply.banned and 50 < reply.retry_after <= 60
        assert len(stage.asked) == 1


async def test_a_wrong_time_stamp_is_mended_once() -> None:
    async with a_stage() as (stage, exchange):
        ahead = round(SystemClock().wall().timestamp() * 1000) + 5000
        told = lambda asked: {"id": asked["id"], "status": 200, "result": {"serverTime": ahead}}  # noqa: E731
        stage.answers = [badly(400, -1021, "Timestamp"), told, well()]
        assert isinstance(await exchange.place(CLOSE), Confirmed)
        first, asked, second = stage.asked
        assert asked["method"] == "session.status"
        assert 4000 < second["params"]["timestamp"] - first["params"]["timestamp"] < 8000


async def test_orders_are_counted_and_nothing_secret_is_logged() -> None:
    log: list[Any] = []
    limits = [{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300, "count": 299}]
    async with a_stage(log) as (stage, exchange):
        stage.answers = [well(rateLimits=limits)]
        await exchange.place(CLOSE)
        assert exchange.budget.orders_10s == 299
    assert [(line["method"], line["path"], line["outcome"]) for line in log] == [("order.place", "ws-api", "200")]
    assert "k" * 64 not in str(log) and "signature" not in str(log)


async def test_close_may_come_twice_and_before_anything_was_asked() -> None:
    async with a_stage() as (_stage, exchange):
        await exchange.close()
        await exchange.close()
