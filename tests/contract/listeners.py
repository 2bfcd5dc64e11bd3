"""One face for the clients that stream: the first message of a kind, and what is heard while something is done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from binance import BinanceSocketManager

from tests.contract.ccxt_desk import Ccxt
from tests.contract.desks import BTC
from tests.contract.pointing import hang_up

PATIENCE = 20.0  # seconds; a market stream speaks every three at the latest


class PythonBinanceListener:
    streams: ClassVar = {
        "candle": ("market", "kline_1m"),
        "mark price": ("market", "markPrice@1s"),
        "ticker": ("market", "ticker"),
        "mini ticker": ("market", "miniTicker"),
        "aggregate trade": ("market", "aggTrade"),
        "trade": ("public", "trade"),
        "best prices": ("public", "bookTicker"),
        "depth": ("public", "depth@100ms"),
    }

    def __init__(self, manager: BinanceSocketManager) -> None:
        self.manager = manager

    async def first(self, kind: str) -> Any:
        category, name = self.streams[kind]
        async with self.manager.futures_multiplex_socket([f"{BTC.lower()}@{name}"], category=category) as stream:
            message = await asyncio.wait_for(stream.recv(), PATIENCE)
        assert message["stream"] == f"{BTC.lower()}@{name}"
        return message["data"]

    async def heard(self, deed: Callable[[], Awaitable[object]], until: Callable[[Any], bool]) -> list[Any]:
        """Messages of the user stream from before `deed` up to the one that `until` waits for."""
        messages: list[Any] = []
        stream = self.manager.futures_user_socket()
        await stream.__aenter__()
        try:
            await deed()
            while not messages or not until(messages[-1]):
                messages.append(await asyncio.wait_for(stream.recv(), PATIENCE))
        finally:
            await hang_up(stream)
        return messages


class CcxtListener:
    """ccxt.pro tells in its own words; `info` is the message as it came."""

    methods: ClassVar = {
        "mark price": "watch_mark_price",
        "mini ticker": "watch_ticker",
        "trade": "watch_trades",
        "best prices": "watch_bids_asks",
    }

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange

    async def first(self, kind: str) -> Any:
        symbols: Any = [Ccxt.symbol] if kind == "best prices" else Ccxt.symbol
        told = await self.watched(self.methods[kind], symbols)
        if kind == "best prices":
            told = told[Ccxt.symbol]
        return (told[-1] if isinstance(told, list) else told)["info"]

    async def watched(self, method: str, *values: Any) -> Any:
        return await asyncio.wait_for(getattr(self.exchange, method)(*values), PATIENCE)


Listener = PythonBinanceListener | CcxtListener
