"""The streams over sockets: losses are told and mended, nothing is dropped without a word, closing never hangs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import orjson
import pytest

from canary_cli.core.binance import socket as socket_module
from canary_cli.core.binance.outbox import Outbox
from canary_cli.core.binance.socket import Lost, Patience
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import Book, Frame
from canary_cli.core.trading.events import (
    AccountUpdated,
    MarksUpdated,
    Quoted,
    Stream,
    StreamAlive,
    StreamDown,
    StreamUp,
)
from tests.core.binance.stage import Stage, a_stage, an_exchange, says
from tests.core.binance.test_payloads import NOON, T, kline

LISTEN_KEY = "/fapi/v1/listenKey"
ACCOUNT = orjson.dumps({"e": "ACCOUNT_UPDATE", "E": T, "T": T, "a": {"m": "ORDER", "B": [], "P": []}}).decode()
MARKS = orjson.dumps({"stream": "!markPrice@arr@1s", "data": [{"s": "BTCUSDT", "p": "1", "E": T}]}).decode()


@asynccontextmanager
async def on_market(*frames: Frame) -> AsyncIterator[tuple[Stage, AsyncGenerator[Any, None]]]:
    async with (
        a_stage() as stage,
        an_exchange(stage) as exchange,
        aclosing(exchange.market_events(("BTCUSDT",), frames or (Frame.M15,))) as events,
    ):
        await take(events, StreamUp)
        await all_open(stage, 2)
        yield stage, events


async def take(events: AsyncGenerator[Any, None], kind: type, within: float = 8.0) -> Any:
    """The next event of a kind; others on the way are passed over."""
    async with asyncio.timeout(within):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError("the stream ended")


async def all_open(stage: Stage, number: int) -> None:
    async with asyncio.timeout(5):
        while len(stage.sockets) < number:
            await SystemClock().pause(0.01)


async def test_the_market_stream_asks_for_candles_marks_and_quotes_and_tells_what_comes() -> None:
    async with on_market(Frame.M15, Frame.H1) as (stage, events):
        asked = {one.path: one.fields["streams"] for one in stage.asked if one.method == "WS"}
        assert asked == {
            "/market/stream": "btcusdt@kline_15m/btcusdt@kline_1h/!markPrice@arr@1s",
            "/public/stream": "btcusdt@bookTicker",
        }
        await stage.say(orjson.dumps({"data": kline(closed=False)}).decode())
        await stage.say(MARKS)
        assert (await take(events, MarksUpdated)).time == NOON


async def test_a_dropped_connection_is_told_and_comes_back() -> None:
    async with on_market() as (stage, events):
        await stage.sockets[0].close()
        assert "closed by the exchange" in (await take(events, StreamDown)).reason
        await take(events, StreamUp)
        await all_open(stage, 4)
        await stage.say(MARKS)
        await take(events, MarksUpdated)


async def test_a_half_open_connection_is_found_dead_by_its_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "at", classmethod(lambda cls, speed: cls(ping=0.05, silence=0.3)))
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(LISTEN_KEY, says({"listenKey": "L"}))
        stage.deaf = True
        async with aclosing(exchange.user_events()) as events:
            await take(events, StreamUp)
            assert "silent" in (await take(events, StreamDown)).reason


async def test_a_quiet_user_stream_lives_by_its_pongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "at", classmethod(lambda cls, speed: cls(ping=0.05, silence=0.5)))
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(LISTEN_KEY, says({"listenKey": "L"}))
        async with aclosing(exchange.user_events()) as events:
            seen = [await asyncio.wait_for(anext(events), 5) for _ in range(14)]
            assert isinstance(seen[0], StreamUp)
            assert all(isinstance(event, StreamAlive) for event in seen[1:])


async def test_market_data_does_not_live_by_pongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "at", classmethod(lambda cls, speed: cls(ping=0.05, silence=0.3)))
    async with on_market() as (_stage, events):
        assert "silent" in (await take(events, StreamDown)).reason


async def test_an_expired_listen_key_is_a_loss_and_a_new_key_is_asked_for() -> None:
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(LISTEN_KEY, says({"listenKey": "old"}), says({"listenKey": "new"}))
        async with aclosing(exchange.user_events()) as events:
            await take(events, StreamUp)
            await all_open(stage, 1)
            await stage.say('{"e":"listenKeyExpired","E":1,"listenKey":"old"}')
            assert (await take(events, StreamDown)).reason == "the listen key expired"
            await take(events, StreamUp)
            await all_open(stage, 2)
            keys = [one.fields["listenKey"] for one in stage.asked if one.method == "WS"]
            assert keys == ["old", "new"]
            await stage.say(ACCOUNT)
            await take(events, AccountUpdated)


GARBLED = ACCOUNT.replace('"B":[]', '"B":[{"a":"USDT","wb":"","bc":"0"}]')


@pytest.mark.parametrize("frame", ['{"e":"ORDER_TRADE_UPDATE"}', GARBLED])
async def test_a_frame_we_cannot_read_is_a_loss_not_a_silence(frame: str) -> None:
    """A figure that is none ended the whole run, whose other parts could read theirs."""
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.answer(LISTEN_KEY, says({"listenKey": "L"}))
        async with aclosing(exchange.user_events()) as events:
            await take(events, StreamUp)
            await all_open(stage, 1)
            await stage.say(frame)
            assert "cannot read" in (await take(events, StreamDown)).reason


async def test_an_exchange_that_is_away_is_told_once_and_tried_for_ever() -> None:
    async with an_exchange(Stage(port=9)) as exchange:
        events = exchange.market_events(("BTCUSDT",), (Frame.M15,))
        assert "cannot connect" in (await take(events, StreamDown)).reason
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.5)
        await events.aclose()


async def test_closing_never_hangs_even_on_a_peer_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "CLOSE_TIMEOUT", 0.2)
    async with a_stage() as stage, an_exchange(stage) as exchange:
        stage.deaf = True
        events = exchange.market_events(("BTCUSDT",), (Frame.M15,))
        await take(events, StreamUp)
        async with asyncio.timeout(3):
            await events.aclose()


def quoted(symbol: str, price: int) -> Quoted:
    from decimal import Decimal

    side = ((Decimal(price), Decimal(1)),)
    return Quoted(NOON, Book(symbol, side, side, NOON))


async def test_of_quotes_only_the_newest_of_a_pair_waits() -> None:
    outbox = Outbox()
    for price in range(1, 1000):
        outbox.put(quoted("BTCUSDT", price))
        outbox.put(quoted("ETHUSDT", price))
    assert await outbox.take() == quoted("BTCUSDT", 999)
    assert await outbox.take() == quoted("ETHUSDT", 999)


async def test_a_reader_too_slow_is_a_loss_told_after_what_waited() -> None:
    outbox = Outbox(limit=2)
    alive = StreamAlive(NOON, Stream.USER)
    outbox.put(alive)
    outbox.put(alive)
    with pytest.raises(Lost, match="wait to be read"):
        outbox.put(alive)
    outbox.put(StreamDown(NOON, Stream.USER, "too slow"))
    assert [await outbox.take() for _ in range(3)] == [alive, alive, StreamDown(NOON, Stream.USER, "too slow")]
