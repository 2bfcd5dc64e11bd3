"""Real clients pointed at the exchange as their own documentation allows: hosts are replaced, nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

import ccxt
import ccxt.pro
from binance import AsyncClient, BinanceSocketManager, Client

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET


def synchronous(port: int) -> Client:
    client = Client(PAPER_KEY, PAPER_SECRET, ping=False)
    client.FUTURES_URL = f"http://127.0.0.1:{port}/fapi"
    return client


@asynccontextmanager
async def asynchronous(port: int) -> AsyncIterator[AsyncClient]:
    base = f"http://127.0.0.1:{port}"

    class Pointed(AsyncClient):
        API_URL = f"{base}/api"
        FUTURES_URL = f"{base}/fapi"
        FUTURES_DATA_URL = f"{base}/futures/data"
        MARGIN_API_URL = f"{base}/sapi"
        WS_FUTURES_URL = f"ws://127.0.0.1:{port}/ws-fapi/v1"

    client = await Pointed.create(PAPER_KEY, PAPER_SECRET)
    try:
        yield client
    finally:
        await hang_up(client.ws_future)
        await client.close_connection()


async def hang_up(socket: Any) -> None:
    """Its own `close` waits ten seconds for a message where none comes."""
    if getattr(socket, "_timer", None) is not None:
        socket._timer.cancel()
    if socket.ws is not None:
        socket._handle_read_loop.cancel()
        await socket.ws.close()


def socket_manager(port: int, client: AsyncClient) -> BinanceSocketManager:
    class Pointed(BinanceSocketManager):
        FSTREAM_URL = f"ws://127.0.0.1:{port}/"

    return Pointed(client)


def by_ccxt(port: int) -> Any:
    exchange = _pointed(ccxt.binanceusdm({"apiKey": PAPER_KEY, "secret": PAPER_SECRET}), port)
    exchange.session.trust_env = False
    return exchange


@asynccontextmanager
async def by_ccxt_pro(port: int) -> AsyncIterator[Any]:
    exchange = _pointed(ccxt.pro.binanceusdm({"apiKey": PAPER_KEY, "secret": PAPER_SECRET}), port)
    exchange.urls["api"]["ws"]["linear"] = f"ws://127.0.0.1:{port}/ws"
    exchange.urls["api"]["ws"]["ws-api"]["linear"] = f"ws://127.0.0.1:{port}/ws-fapi/v1"
    try:
        yield exchange
    finally:
        await exchange.close()


def _pointed(exchange: Any, port: int) -> Any:
    urls = deepcopy(exchange.urls["api"])
    for name, url in urls.items():
        if isinstance(url, str):
            tail = url.partition("//")[2].partition("/")[2]
            urls[name] = f"http://127.0.0.1:{port}/{tail}"
    exchange.urls["api"] = urls
    exchange.options["fetchCurrencies"] = False
    return exchange
