"""What 20 pairs x (1-s mark, book ticker, 1-min kline) to 5 subscribers cost at real speed, as a share of a core.

`python tests/bench/paper_streams.py`. Reference: 15 %.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp

from canary_cli.paper.market import SYMBOLS

SUBSCRIBERS, SECONDS, WARM = 5, 15.0, 3.0
SERVE = ["-m", "canary_cli", "paper", "serve", "--port", "0", "--json", "--idle-after", "60"]
ROUTES = {"market": ("markPrice@1s", "kline_1m"), "public": ("bookTicker",)}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def listen(session: aiohttp.ClientSession, port: int, route: str, kinds: tuple[str, ...]) -> None:
    names = "/".join(f"{symbol.lower()}@{kind}" for symbol in SYMBOLS for kind in kinds)
    async with session.ws_connect(f"ws://127.0.0.1:{port}/{route}/stream?streams={names}") as ws:
        async for _ in ws:
            pass


async def measure(port: int, pid: int) -> float:
    async with aiohttp.ClientSession() as session:
        listening = [
            asyncio.ensure_future(listen(session, port, route, kinds))
            for _ in range(SUBSCRIBERS)
            for route, kinds in ROUTES.items()
        ]
        await asyncio.sleep(WARM)
        before = cpu_seconds(pid)
        await asyncio.sleep(SECONDS)
        used = cpu_seconds(pid) - before
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    return used / SECONDS


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CANARY_HOME": home}
        with subprocess.Popen([sys.executable, *SERVE], stdout=subprocess.PIPE, env=environment) as server:
            assert server.stdout is not None
            port = json.loads(server.stdout.readline())["port"]
            share = asyncio.run(measure(port, server.pid))
            server.terminate()
    print(f"paper exchange: 20 pairs to {SUBSCRIBERS} subscribers {share:.1%} of a core (reference 15 %)")  # noqa: T201


if __name__ == "__main__":
    main()
