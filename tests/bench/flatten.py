"""Twenty positions to flat, over HTTP, against one bare round trip: `python tests/bench/flatten.py`.

The exchange runs in a process of its own on loopback and answers everything after 50 ms.
"""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import aiohttp
from aiohttp import web

from canary_cli.__main__ import COLLECTED_EVERY
from canary_cli.accounts import Account
from canary_cli.core.binance.resilient import ResilientExchange
from canary_cli.core.clock import SystemClock
from canary_cli.session.flattening import flatten
from tests.core.binance.stage import a_stage
from tests.core.binance.venue_server import VenueServer
from tests.core.trading.venue import PAIRS_20, Venue, position, resting, stop

LATENCY, ROUNDS = 0.05, 7
CLOCK = SystemClock()


def venue(with_orders: bool, positions: int = 20) -> Venue:
    pairs = PAIRS_20[:positions]
    made = Venue().hold(*(position(pair, "1") for pair in pairs)).rest(*(stop(pair) for pair in pairs))
    return made.rest(*(resting(pair, f"o-{pair}") for pair in pairs)) if with_orders else made


async def serve() -> None:
    async with a_stage() as stage:
        server = VenueServer(stage, venue(with_orders=False), LATENCY)

        async def start_over(asked: object) -> web.Response:
            fields = asked.fields  # type: ignore[attr-defined]
            server.venue = venue("orders" in fields, int(fields.get("positions", 20)))
            server.arrived.clear()
            return web.json_response({})

        async def tell(_asked: object) -> web.Response:
            return web.json_response(server.arrived)

        server.serve()
        stage.answer("/bench/reset", start_over)
        stage.answer("/bench/arrived", tell)
        sys.stdout.write(f"{stage.port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)  # until the bench closes our input


@contextmanager
def an_exchange() -> Iterator[str]:
    """Its address; it runs in a process of its own until the block is left."""
    serve_it = [sys.executable, __file__, "serve"]
    with subprocess.Popen(serve_it, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None and server.stdin is not None
        port = int(server.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stdin.close()


async def bare_round_trip(base: str) -> float:
    """Milliseconds of one warm POST, nothing else going on."""
    trips = []
    async with aiohttp.ClientSession() as session:
        for _ in range(ROUNDS):
            began = CLOCK.monotonic()
            async with session.post(f"{base}/fapi/v1/order/test", data={"symbol": "X"}) as reply:
                await reply.read()
            trips.append(1000 * (CLOCK.monotonic() - began))
    return median(trips)


async def start_over(base: str, *, with_orders: bool = False) -> None:
    """Twenty positions again, each with its stop."""
    async with aiohttp.ClientSession() as session:
        await (await session.post(f"{base}/bench/reset", data={"orders": "1"} if with_orders else {})).read()


def connection_to(base: str) -> ResilientExchange:
    account = Account(
        "bench", "paper", base, base, Path("/nowhere"), "k" * 64, "s" * 64, None, "", f"{base}/ws-fapi/v1"
    )
    return ResilientExchange(account, CLOCK)


async def one_flatten(base: str, *, with_orders: bool) -> tuple[float, float, float, float]:
    """Milliseconds from the call: first request at the exchange, all acknowledged, verified flat, returned."""
    exchange = connection_to(base)
    await start_over(base, with_orders=with_orders)
    async with aiohttp.ClientSession() as session:
        await exchange.connect()
        known, rules = await asyncio.gather(exchange.snapshot(), exchange.rules())
        called = CLOCK.monotonic()
        report = await flatten(exchange, CLOCK, known, rules, "bench", lambda _progress: None, 30.0)
        returned = CLOCK.monotonic()
        arrived = await (await session.get(f"{base}/bench/arrived")).json()
    await exchange.close()
    assert report.is_flat and len(report.closed) == 20, report
    deeds = [at for at, path in arrived if at > called and path in ("/fapi/v1/order", "/fapi/v1/allOpenOrders")]
    assert report.acknowledged is not None and report.verified is not None
    clocks = (min(deeds) - called, report.acknowledged, report.verified, returned - called)
    return tuple(1000 * value for value in clocks)  # type: ignore[return-value]


async def measure(base: str) -> None:
    bare = await bare_round_trip(base)
    for with_orders, acknowledged in ((False, 1.25), (True, 2.3)):
        rounds = [await one_flatten(base, with_orders=with_orders) for _ in range(ROUNDS)]
        first, acked, flat, returned = (median(column) for column in zip(*rounds, strict=True))
        what = "cancel, then close" if with_orders else "nothing in the way"
        print(  # noqa: T201
            f"flatten 20 positions, {what}: first request {first:.1f} ms (goal < 50 ms); "
            f"all acknowledged {acked:.0f} ms, {acked / bare:.2f} x one round trip of {bare:.1f} ms "
            f"(goal <= {acknowledged} x); verified flat {flat:.0f} ms (goal <= {5 * bare + 200:.0f} ms); "
            f"returned {returned:.0f} ms"
        )


def main() -> None:
    gc.set_threshold(COLLECTED_EVERY)  # as `canary` runs
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    with an_exchange() as base:
        asyncio.run(measure(base))


if __name__ == "__main__":
    main()
