"""The paper exchange on a free port, and every client on it in turn."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, Client

from tests.contract import pointing
from tests.contract.ccxt_desk import Ccxt
from tests.contract.desks import PythonBinance, PythonBinanceSockets, tidy

Desk = PythonBinance | Ccxt
ROOT = Path(__file__).resolve().parents[2]
DESKS = ("python-binance", "python-binance async", "python-binance WebSocket API", "ccxt", "ccxt.pro")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A whole exchange in its own process, as `canary paper serve` starts it."""
    home = tmp_path_factory.mktemp("home")
    command = [
        sys.executable, "-m", "canary_cli", "paper", "serve", "--port", "0", "--json", "--idle-after", "120",
        "--start", "2026-03-02T10:00Z", "--pairs", "BTCUSDT,ETHUSDT,BNBUSDT",
    ]  # fmt: skip
    environment = {**os.environ, "CANARY_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]
        process.terminate()
        process.wait(10)


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    client = pointing.synchronous(port)
    yield client
    client.session.close()


@pytest.fixture
async def async_client(port: int) -> AsyncIterator[AsyncClient]:
    async with pointing.asynchronous(port) as client:
        yield client


@pytest.fixture
def sockets(port: int, async_client: AsyncClient) -> BinanceSocketManager:
    return pointing.socket_manager(port, async_client)


@pytest.fixture
async def streaming(port: int) -> AsyncIterator[Any]:
    async with pointing.by_ccxt_pro(port) as exchange:
        yield exchange


@pytest.fixture(params=DESKS)
async def desk(request: pytest.FixtureRequest, port: int, client: Client) -> AsyncIterator[Desk]:
    """Each client in turn, on an account without orders and positions, which is left so."""
    async with AsyncExitStack() as stack:
        yield await _opened(request.param, port, stack)
    await tidy(PythonBinance(client))


async def _opened(kind: str, port: int, stack: AsyncExitStack) -> Desk:
    match kind:
        case "ccxt":
            return Ccxt(pointing.by_ccxt(port))
        case "ccxt.pro":
            return Ccxt(await stack.enter_async_context(pointing.by_ccxt_pro(port)))
        case "python-binance":
            return PythonBinance(pointing.synchronous(port))
        case "python-binance async":
            return PythonBinance(await stack.enter_async_context(pointing.asynchronous(port)))
        case _:
            return PythonBinanceSockets(await stack.enter_async_context(pointing.asynchronous(port)))
