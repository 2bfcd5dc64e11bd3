"""The client over a socket: what it sends, what it makes of each kind of answer, and what it refuses to ask."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canary_cli.accounts import Account
from canary_cli.core.binance import translate, wire
from canary_cli.core.binance.client import BinanceExchange
from canary_cli.core.binance.unreachable import KeyRefused, ReadsThrottled
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import Frame, OrderRequest, OrderStatus, Side
from canary_cli.core.trading.replies import Confirmed, Denied, Failed, Rejected, Throttled, Unknown
from canary_cli.errors import ExchangeUnreachable
from tests.core.binance.stage import (
    Stage,
    a_stage,
    an_exchange,
    at_server_time,
    hangs_up,
    says,
    says_html,
    stays_silent,
)

ORDER = "/fapi/v1/order"
CLOSE = OrderRequest("KILL-1", "BTCUSDT", Side.SELL, Decimal("0.1"), reduce_only=True)
ENTRY = OrderRequest("c-1", "BTCUSDT", Side.BUY, Decimal("0.1"))


def order_row(**more: Any) -> dict[str, Any]:
    return {
        "orderId": 7, "clientOrderId": "KILL-1", "symbol": "BTCUSDT", "side": "SELL", "type": "MARKET",
        "status": "FILLED", "origQty": "0.1", "executedQty": "0.1", "price": "0", "reduceOnly": True,
        "closePosition": False, "positionSide": "BOTH", "updateTime": 1771754400000,
    } | more  # fmt: skip


async def test_an_order_is_confirmed_and_carries_our_id_our_window_and_a_signature() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says(order_row()))
        reply = await exchange.place(CLOSE)
        assert isinstance(reply, Confirmed) and reply.value.status is OrderStatus.FILLED
        [asked] = stage.of(ORDER)
        assert asked.fields["newClientOrderId"] == "KILL-1"
        assert asked.fields["recvWindow"] == "3000"
        assert len(asked.fields["signature"]) == 64
        assert len(stage.asked) == 1  # no spot ping, no time request before the first deed


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, {"code": 0, "msg": "Unknown error, please check your request or try again later."}, Unknown),
        (503, {"code": 0, "msg": "Service Unavailable."}, Failed),
        (503, {"code": 0, "msg": "Internal error; unable to process your request. Please try again."}, Failed),
        (503, {"code": -1008, "msg": "Request throttled by system-level protection."}, Failed),
        (408, {"code": -1007, "msg": "Timeout waiting for response from backend server."}, Unknown),
        (400, {"code": -2022, "msg": "ReduceOnly Order is rejected."}, Rejected),
    ],
)
async def test_refusals_over_the_wire(status: int, body: dict[str, Any], kind: type) -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says(body, status))
        assert isinstance(await exchange.place(CLOSE), kind)
        assert len(stage.of(ORDER)) == 1  # never sent twice by the client


async def test_html_instead_of_an_answer_leaves_open_what_happened() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says_html(502))
        assert isinstance(await exchange.place(CLOSE), Unknown)


@pytest.mark.parametrize(
    ("text", "kind"), [("Service Unavailable.", Failed), ("Unknown error, please check your request", Unknown)]
)
async def test_a_503_in_plain_words_is_told_apart(text: str, kind: type) -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says_html(503, text))
        assert isinstance(await exchange.place(CLOSE), kind)


async def test_a_reply_that_we_cannot_read_leaves_open_what_was_done() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        for broken in ({"executedQty": ""}, {"status": "NEVER_HEARD_OF"}):
            stage.answer(ORDER, says(order_row(**broken)))
            assert isinstance(await exchange.place(CLOSE), Unknown)


async def test_a_connection_lost_after_sending_is_unknown_and_one_never_opened_is_failed() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, hangs_up())
        assert isinstance(await exchange.place(CLOSE), Unknown)
        exchange._wire.client.FUTURES_URL = "http://127.0.0.1:9/fapi"
        assert isinstance(await exchange.place(CLOSE), Failed)


async def test_silence_ends_at_our_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ORDER_TIMEOUT", 0.2)
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, stays_silent(5.0))
        reply = await exchange.place(CLOSE)
        assert reply == Unknown("no reply within 0.2 s")
        assert stage.of(ORDER)[0].fields["recvWindow"] == "200"


async def test_a_wrong_time_stamp_is_mended_once_with_the_same_id() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer("/fapi/v1/time", at_server_time(5000))
        late = says({"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, 400)
        stage.answer(ORDER, late, says(order_row()))
        assert isinstance(await exchange.place(CLOSE), Confirmed)
        first, second = stage.of(ORDER)
        assert first.fields["newClientOrderId"] == second.fields["newClientOrderId"]
        assert 4000 < int(second.fields["timestamp"]) - int(first.fields["timestamp"]) < 6000


async def test_a_time_stamp_wrong_twice_is_a_failure_not_a_loop() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says({"code": -1021, "msg": "Timestamp"}, 400))
        assert isinstance(await exchange.place(CLOSE), Failed)
        assert len(stage.of(ORDER)) == 2


async def test_a_duplicate_id_adopts_the_order_that_exists() -> None:
    async def placed_or_found(asked: Any) -> Any:
        if asked.method == "GET":
            return await says(order_row(status="NEW", executedQty="0"))(asked)
        return await says({"code": -4116, "msg": "ClientOrderId is duplicated."}, 400)(asked)

    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, placed_or_found)
        reply = await exchange.place(CLOSE)
        assert isinstance(reply, Confirmed) and reply.value.status is OrderStatus.NEW


async def test_a_ban_silences_everything_until_it_ends() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says({"code": -1003, "msg": "Way too many requests"}, 418, Retry_After="120"))
        assert await exchange.place(CLOSE) == Throttled(120.0, banned=True)
        before = len(stage.asked)
        reply = await exchange.place(CLOSE)
        assert isinstance(reply, Throttled) and reply.banned
        with pytest.raises(ReadsThrottled):
            await exchange.snapshot()
        assert len(stage.asked) == before


async def test_after_429_reads_and_entries_wait_while_exits_pass() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer("/fapi/v1/premiumIndex", says({"code": -1003, "msg": "Too many"}, 429, Retry_After="30"))
        stage.answer(ORDER, says(order_row()))
        with pytest.raises(ReadsThrottled):
            await exchange.marks()
        with pytest.raises(ReadsThrottled):
            await exchange.server_time()
        assert isinstance(await exchange.place(ENTRY), Denied)
        assert len(stage.asked) == 1
        assert isinstance(await exchange.place(CLOSE), Confirmed)


async def test_parts_of_a_reading_that_fit_one_by_one_do_not_pass_the_limit_together() -> None:
    """Beyond it the exchange asks for quiet, and bans whoever goes on: then no exit passes either."""
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says(order_row(), X_MBX_USED_WEIGHT_1M="2350"))
        assert isinstance(await exchange.place(CLOSE), Confirmed)
        with pytest.raises(ReadsThrottled):
            await exchange.snapshot()
        assert len(stage.asked) <= 4, "the three that weigh 5, and neither of 40"


async def test_entries_leave_a_fifth_of_the_order_count_to_exits() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says(order_row(), X_MBX_ORDER_COUNT_1M="960", X_MBX_ORDER_COUNT_10S="1"))
        assert isinstance(await exchange.place(ENTRY), Confirmed)
        assert isinstance(await exchange.place(ENTRY), Denied)
        assert isinstance(await exchange.place(CLOSE), Confirmed)
        assert len(stage.of(ORDER)) == 2


async def test_a_refused_key_is_said_plainly_and_never_shown() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer("/fapi/v1/accountConfig", says({"code": -2015, "msg": "Invalid API-key, IP, or permissions"}, 401))
        with pytest.raises(ExchangeUnreachable) as failure:
            await exchange.snapshot()
        assert "kkkk" not in str(failure.value) + repr(failure.value.__context__)


async def test_any_part_of_a_snapshot_that_fails_fails_the_whole() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        config = {"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": True}
        stage.answer("/fapi/v1/accountConfig", says(config))
        totals = (
            "totalWalletBalance",
            "totalUnrealizedProfit",
            "totalMarginBalance",
            "availableBalance",
            "totalMaintMargin",
        )
        stage.answer("/fapi/v3/account", says(dict.fromkeys(totals, "100")))
        stage.answer("/fapi/v3/positionRisk", says([]))
        stage.answer("/fapi/v1/openOrders", says([]))
        stage.answer("/fapi/v1/openAlgoOrders", says_html(502))
        with pytest.raises(ExchangeUnreachable):
            await exchange.snapshot()
        stage.answer("/fapi/v1/openAlgoOrders", says([]))
        assert (await exchange.snapshot()).is_flat


async def test_an_order_the_exchange_does_not_know_is_none() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says({"code": -2013, "msg": "Order does not exist."}, 400))
        assert await exchange.order("BTCUSDT", "c-1") is None


async def test_a_read_that_fails_quickly_is_asked_again() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer("/fapi/v1/premiumIndex", says({"code": 0, "msg": "Service Unavailable."}, 503),
                     says([{"symbol": "BTCUSDT", "markPrice": "100.5"}]))  # fmt: skip
        assert await exchange.marks() == {"BTCUSDT": Decimal("100.5")}


async def test_income_is_paged_and_deduplicated() -> None:
    def row(n: int) -> dict[str, Any]:
        return {"incomeType": "COMMISSION", "tranId": n, "symbol": "BTCUSDT", "asset": "USDT", "income": "-0.1",
                "time": 1771754400000 + n // 2, "tradeId": str(n)}  # fmt: skip

    ledger = [row(n) for n in range(2500)]

    async def page(asked: Any) -> Any:
        since = int(asked.fields["startTime"])
        rows = [item for item in ledger if item["time"] >= since][: int(asked.fields["limit"])]
        return await says(rows)(asked)

    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer("/fapi/v1/income", page)
        from canary_cli.core.binance.translate import instant

        rows = await exchange.income(instant(1771754400000))
        assert [item.id for item in rows] == list(range(2500))
        assert sum(item.amount for item in rows) == Decimal(-250)


async def test_candles_still_forming_are_left_out() -> None:
    from canary_cli.core.binance.translate import instant
    from canary_cli.core.clock import ManualClock

    start = 1771754400000
    rows = [[start + n * 60_000, "1", "2", "0.5", "1.5", "10", start + (n + 1) * 60_000 - 1, "0", 1, "0", "0", "0"]
            for n in range(5)]  # fmt: skip
    clock = ManualClock(instant(start + 4 * 60_000 + 30_000))
    async with a_stage() as stage, an_exchange(stage, clock=clock) as exchange:
        stage.answer("/fapi/v1/klines", says(rows))
        candles = await exchange.candles("BTCUSDT", Frame.M1, 3)
        assert [candle.open_time for candle in candles] == [instant(start + n * 60_000) for n in (1, 2, 3)]


async def test_each_request_is_logged_without_its_signature() -> None:
    lines: list[dict[str, Any]] = []
    async with a_stage() as stage, an_exchange(stage, log=lambda _event, data: lines.append(data)) as exchange:
        stage.answer(ORDER, says(order_row(), X_MBX_USED_WEIGHT_1M="12"))
        await exchange.order("BTCUSDT", "c-1")
    [line] = lines
    assert (line["method"], line["path"], line["outcome"], line["weight"]) == ("GET", ORDER, "200", 12)
    assert "signature" not in str(line)


async def test_close_never_hangs_and_may_come_twice() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        await exchange.connect()
        async with asyncio.timeout(3):
            await exchange.close()
            await exchange.close()


async def test_an_exchange_that_is_away_is_said_at_connect() -> None:
    stage = Stage(port=9)
    async with an_exchange(stage) as exchange:
        with pytest.raises(ExchangeUnreachable):
            await exchange.connect()


async def test_a_refused_key_is_told_from_other_refusals() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer("/fapi/v1/apiTradingStatus", says({"code": -2015, "msg": "Invalid API-key"}, 401))
        with pytest.raises(KeyRefused):
            await exchange.trading_locks()


# What goes at the same time


async def test_of_orders_made_at_once_each_leaves_before_the_next_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    told, fields, transport = [], translate.order_fields, asyncio.selector_events._SelectorSocketTransport

    def made(request: OrderRequest) -> dict[str, str]:
        told.append("made")
        return fields(request)

    def write(self: Any, data: bytes, really: Any = transport.write) -> None:
        told.extend(["left"] if bytes(data).startswith(b"POST") else [])
        really(self, data)

    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(ORDER, says(order_row()))
        await asyncio.gather(exchange.place(CLOSE), exchange.place(CLOSE))  # the connections are open now
        monkeypatch.setattr(translate, "order_fields", made)
        monkeypatch.setattr(transport, "write", write)
        await asyncio.gather(exchange.place(CLOSE), exchange.place(CLOSE))
    assert told == ["made", "left", "made", "left"]


class Instant(wire.Wire):
    """Answers at once; `calls` in the order in which they were sent."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), None, None)
        self.calls: list[str] = []

    async def _send(self, call: str, fields: dict[str, Any], timeout: float) -> Any:
        self.calls.append(call)
        return order_row()

    async def sync(self) -> None:
        """Its clock is ours."""

    async def close(self) -> None:
        """Nothing is open."""


async def test_an_order_does_not_wait_until_all_connections_are_warmed() -> None:
    instant = Instant()
    account = Account("stage", "paper", "http://stage", "ws://stage", Path("/nowhere"), "k" * 64, "s" * 64)
    exchange = BinanceExchange(account, SystemClock(), wire=instant)
    await exchange.connect()
    await asyncio.sleep(0)  # the warming has begun
    await asyncio.create_task(exchange.place(CLOSE))
    await exchange.close()
    assert instant.calls.index("futures_create_order") < 3
