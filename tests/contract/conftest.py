"""The paper exchange on a free port, and real clients pointed at it as their own documentation allows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET

ROOT = Path(__file__).resolve().parents[2]


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
def base(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def keys() -> tuple[str, str]:
    return PAPER_KEY, PAPER_SECRET


def point_ccxt(exchange: Any, port: int) -> Any:
    """Replace the hosts; nothing else."""
    urls = deepcopy(exchange.urls["api"])
    for name, url in urls.items():
        if isinstance(url, str):
            tail = url.partition("//")[2].partition("/")[2]
            urls[name] = f"http://127.0.0.1:{port}/{tail}"
    if "ws" in urls:  # ccxt.pro
        urls["ws"]["linear"] = f"ws://127.0.0.1:{port}/ws"
        urls["ws"]["ws-api"]["linear"] = f"ws://127.0.0.1:{port}/ws-fapi/v1"
    exchange.urls["api"] = urls
    exchange.options["fetchCurrencies"] = False
    return exchange
