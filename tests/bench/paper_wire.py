"""Signed order round trips a second with 8 clients on keep-alive, and the acknowledgement's p99 with one.

The exchange runs in its own process; so do the clients, so that on two cores each side has one.
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

CLIENTS, SECONDS, ALONE = 8, 5.0, 500
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


async def measure(port: int) -> tuple[float, float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    alone = sorted([await round_trip(reader, writer, -serial - 1) for serial in range(ALONE)])
    writer.close()
    counts = await asyncio.gather(*(client(port, n, time.perf_counter() + SECONDS) for n in range(CLIENTS)))
    return sum(counts) / SECONDS, alone[int(ALONE * 0.99)] * 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CANARY_HOME": home}
        with subprocess.Popen([sys.executable, *SERVE], stdout=subprocess.PIPE, env=environment) as server:
            assert server.stdout is not None
            port = json.loads(server.stdout.readline())["port"]
            lift_limits(port)
            rate, p99 = asyncio.run(measure(port))
            server.terminate()
    print(f"paper exchange: {rate:,.0f} signed order round trips/s, {CLIENTS} clients (reference 600)")  # noqa: T201
    print(f"paper exchange: order acknowledged p99 {p99:.2f} ms (reference 5 ms)")  # noqa: T201


if __name__ == "__main__":
    main()
