"""Signed order round trips a second with 8 clients on keep-alive, and the acknowledgement's p99 with one.

The exchange runs in its own process; so do the clients, so that on two cores each side has one. The processor time
that the exchange itself used is told beside the wall's, which is the whole machine's: it says what bounds the figure.
Reference: 600 round trips/s, 5 ms. `python tests/bench/paper_wire.py`
"""

import asyncio
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from http.client import HTTPConnection

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET

CLIENTS, SECONDS, ALONE = 8, 5.0, 2000
SERVE = ["-m", "canary_cli", "paper", "serve", "--port", "0", "--json", "--idle-after", "60", "--pairs", "BTCUSDT"]


def request(serial: int) -> bytes:
    """A far-off IOC order: judged, entered and expired, so that nothing piles up."""
    text = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.01&price=50000"
        f"&newClientOrderId=b{serial}&timestamp={time.time_ns() // 1_000_000}"
    )
    signature = hmac.new(PAPER_SECRET.encode(), text.encode(), sha256).hexdigest()
    return (
        f"POST /fapi/v1/order?{text}&signature={signature} HTTP/1.1\r\nHost: x\r\n"
        f"X-MBX-APIKEY: {PAPER_KEY}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def round_trip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serial: int) -> float:
    """Seconds; -1015 counts as an answer, but the run stops if anything else is refused."""
    began = time.perf_counter()
    writer.write(request(serial))
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    assert b'"orderId"' in body, body
    return time.perf_counter() - began


async def client(port: int, number: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < until:
        await round_trip(reader, writer, number * 1_000_000 + count)
        count += 1
    writer.close()
    return count


def lift_limits(port: int) -> None:
    """The real exchange takes 30 orders a second; here the server is measured."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/paper/account", body=b'{"limits": false}')
    assert connection.getresponse().status == 200
    connection.close()


def processor_seconds(pid: int) -> float:
    """What a process has used so far, by the kernel's clock of that process (Linux)."""
    return time.clock_gettime(~pid << 3 | 2)


def p99(seconds: list[float]) -> float:
    """In milliseconds."""
    return sorted(seconds)[int(len(seconds) * 0.99)] * 1000


async def alone(port: int, pid: int) -> tuple[float, float]:
    """p99 of one client's round trips: on the wall, and in the exchange's processor time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    wall, used = [], []
    for serial in range(ALONE):
        before = processor_seconds(pid)
        wall.append(await round_trip(reader, writer, -serial - 1))
        used.append(processor_seconds(pid) - before)
    writer.close()
    return p99(wall), p99(used)


async def together(port: int, pid: int) -> tuple[float, float, float]:
    """Round trips a second of all clients, seconds of the exchange's processor time each, and how busy it was."""
    before, began = processor_seconds(pid), time.perf_counter()
    count = sum(await asyncio.gather(*(client(port, n, began + SECONDS) for n in range(CLIENTS))))
    used, took = processor_seconds(pid) - before, time.perf_counter() - began
    return count / took, used / count, used / took


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CANARY_HOME": home}
        with subprocess.Popen([sys.executable, *SERVE], stdout=subprocess.PIPE, env=environment) as server:
            assert server.stdout is not None
            port = json.loads(server.stdout.readline())["port"]
            lift_limits(port)
            wall, own = asyncio.run(alone(port, server.pid))
            rate, each, busy = asyncio.run(together(port, server.pid))
            server.terminate()
    print(  # noqa: T201
        f"paper exchange: {rate:,.0f} signed order round trips/s, {CLIENTS} clients (reference 600); {each * 1e6:.0f}"
        f" us of its processor time each, {busy:.0%} of a core busy: alone on a core {1 / each:,.0f}/s"
    )
    print(f"paper exchange: order acknowledged p99 {wall:.2f} ms, {own:.2f} ms of its processor time (reference 5 ms)")  # noqa: T201


if __name__ == "__main__":
    main()
