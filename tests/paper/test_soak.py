"""Many clients, many orders, many hours: nothing leaks and the books balance."""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import OrderType, Side, TimeInForce
from canary_cli.paper.connections import MOST_CONNECTIONS
from canary_cli.paper.orders import NewOrder
from canary_cli.paper.problems import Problem
from canary_cli.paper.server import Server, start
from tests.paper.conftest import START, new_engine, new_venue
from tests.paper.wire import Wire, signed, until

CLIENTS = 8
WARM_UP = 0.6  # of the time: by then what is kept by number is full


def check_books(server: Server) -> None:
    """Position = sum of fills, wallet = deposit + income, no order filled beyond itself or worse than its limit."""
    venue, state = server.venue, server.venue.engine.state
    held = sum((one.side.sign * one.quantity for one in state.trades), Decimal(0))
    assert held == venue.engine.position("BTCUSDT")
    assert state.account.wallet == 10_000 + sum(row.amount for row in state.income)
    for order in state.orders.history():
        fills = [one for one in state.trades if one.order_id == order.order_id]
        assert sum((one.quantity for one in fills), Decimal(0)) == order.executed
        assert all((order.price - one.price) * order.side.sign >= 0 for one in fills if order.price)


# What a client does next: an order so far from the mark, at market, or the cancel of what it has placed before.
FORCES = st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "GTX"])
SIDES = st.sampled_from(["BUY", "SELL"])
AWAY = st.sampled_from(["0.97", "0.999", "0.9995", "1", "1.0005", "1.001", "1.03"])
ACTIONS = st.one_of(
    st.tuples(SIDES, AWAY, FORCES),
    st.tuples(SIDES, AWAY, FORCES),
    st.tuples(SIDES, st.just("MARKET"), st.integers(2, 20)),
    st.tuples(st.just("CANCEL"), st.integers(0, 20), st.none()),
    st.tuples(st.just("CANCEL"), st.just("all"), st.none()),
)
Action = tuple[str, Any, Any]


async def follow(server: Server, actions: list[Action]) -> int:
    """One client's script; a cancel may come too late, be repeated or race with the fill. Returns how many orders."""
    wire, placed, asked = Wire(server), [], 0
    for what, which, how in actions:
        if what != "CANCEL":
            market, more = which == "MARKET", {"side": what, "newOrderRespType": "RESULT"}
            order = (
                wire.market(f"{how / 1000}", **more)
                if market
                else wire.limit(wire.near(which), quantity="0.005", timeInForce=how, **more)
            )
            reply, asked = await order, asked + 1
            assert reply.status in (200, 400), reply
            placed += [reply.body["orderId"]] if reply.status == 200 else []
        elif which == "all":
            assert (await wire.call("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")).status == 200
        elif placed:
            order_id = placed[which % len(placed)]
            reply = await wire.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=order_id)
            assert reply.status == 200 or reply.code == -2011
    await wire.close()
    return asked


async def play(scripts: list[list[Action]]) -> int:
    """All clients at once on a fresh exchange; then the books balance and nobody has left anything behind."""
    server = await start(new_venue(new_engine()))
    try:
        server.venue.limits.enforced = False
        asked = sum(await asyncio.gather(*(follow(server, script) for script in scripts)))
        check_books(server)
        await check_nothing_is_left(server)
    finally:
        await server.close()
    return asked


async def check_nothing_is_left(server: Server) -> None:
    """No connection, no task; cancelled, no order and no margin that one would hold."""
    await until(lambda: not server.http.connections)
    state = server.venue.engine.state
    server.venue.engine.cancel_all("BTCUSDT")
    server.venue.publish()
    assert not list(state.orders.open())
    assert not state.order_margin()
    assert not state.events
    assert not server.venue.hub.sockets
    await until(lambda: asyncio.all_tasks() <= {asyncio.current_task(), server.pulse})


def scripts(least: int, most: int) -> Any:
    """One for each client."""
    return st.lists(st.lists(ACTIONS, min_size=least, max_size=most), min_size=CLIENTS, max_size=CLIENTS)


@given(scripts(0, 12))
@settings(max_examples=12, deadline=None)
def test_whatever_eight_clients_order_and_cancel_the_books_balance(scripts: list[list[Action]]) -> None:
    asyncio.run(play(scripts))


@pytest.mark.soak
def test_ten_thousand_orders_of_eight_clients_and_what_they_cancel() -> None:
    """Long scripts, so that a book and an order history build up; as many examples as bring ten thousand orders."""
    asked = 0

    @given(scripts(40, 80))
    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink]
    )
    def story(scripts: list[list[Action]]) -> None:
        nonlocal asked
        asked += asyncio.run(play(scripts))

    rounds = 0
    while asked < 10_000:
        story()
        rounds += 1
        assert rounds < 20, asked
    print(f"{asked} orders of {CLIENTS} clients, and whatever they cancelled")  # noqa: T201


def resident(pid: int) -> int:
    """Pages of memory the process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


@pytest.mark.soak
def test_memory_is_flat_over_sixty_hours_in_process() -> None:
    """An order every five seconds; what is kept is full after the warm-up, and memory grows no more."""
    engine, luck = new_engine(), Random(1)
    warm = 0
    for step in range(60 * 720):
        engine.advance(START + timedelta(seconds=5 * (step + 1)))
        price = engine.state.lasts["BTCUSDT"] + luck.randint(-30, 30) * Decimal("0.1")
        force = luck.choice([TimeInForce.GTC, TimeInForce.IOC])
        side = luck.choice(list(Side))
        try:
            engine.place(NewOrder("BTCUSDT", side, OrderType.LIMIT, Decimal("0.002"), price, force))
        except Problem:
            engine.cancel_all("BTCUSDT")
        engine.drain()
        if step == 36 * 720:
            warm = resident(os.getpid())
    assert resident(os.getpid()) <= 1.05 * warm


@pytest.mark.soak
async def test_memory_is_flat_over_sixty_hours_at_sixty_times(tmp_path: Path) -> None:
    """An exchange in its own process, eight clients and two streams on sockets: an hour of wall time (`SOAK_HOURS`)."""
    hours, speed = float(os.environ.get("SOAK_HOURS", "60")), 60
    with serving(tmp_path, "--speed", str(speed)) as (port, pid):
        clock = SystemClock()
        began, ends = clock.monotonic(), clock.monotonic() + hours * 3600 / speed
        busy = [asyncio.ensure_future(keep_trading(port, seed, ends)) for seed in range(CLIENTS)]
        hearing = [asyncio.ensure_future(keep_hearing(port, route, ends)) for route in ("public", "market")]
        await clock.pause((ends - began) * WARM_UP)
        warm = resident(pid)
        orders = sum(await asyncio.gather(*busy))
        heard = await asyncio.gather(*hearing)
        end = resident(pid)
    told = f"{orders} orders, {sum(heard)} messages, {end / warm:.3f} of the memory after warm-up"
    print(f"{hours:g} h at {speed}x: {told}")  # noqa: T201
    assert orders
    assert all(heard)
    assert end <= 1.05 * warm


@pytest.mark.soak
def test_ten_thousand_idle_connections_are_bounded(tmp_path: Path) -> None:
    """Most are turned away at once; who is in stays served, and the exchange's memory stays bounded."""
    with serving(tmp_path) as (port, pid):
        friend = HTTPConnection("127.0.0.1", port, timeout=5)
        friend.request("GET", "/fapi/v1/ping")
        assert friend.getresponse().read() == b"{}"
        before, held, refused = resident(pid), [], 0
        for _ in range(10_000):
            idle = socket.create_connection(("127.0.0.1", port), timeout=5)
            if len(held) < MOST_CONNECTIONS:
                held.append(idle)
                continue
            refused += idle.recv(1) == b""
            idle.close()
        friend.request("GET", "/fapi/v1/ping")
        assert friend.getresponse().read() == b"{}"
        grown = (resident(pid) - before) * resource.getpagesize() / 1e6
        for idle in held:
            idle.close()
    print(f"10000 idle connections: {refused} refused, {grown:.0f} MB")  # noqa: T201
    assert refused >= 10_000 - MOST_CONNECTIONS
    assert grown < 100


@contextmanager
def serving(home: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Port and process id of an exchange that `canary paper serve` started, with its request limits lifted."""
    command = [sys.executable, "-m", "canary_cli", "paper", "serve", "--port", "0", "--json", "--pairs", "BTCUSDT"]
    environment = {**os.environ, "CANARY_HOME": str(home)}
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        door = HTTPConnection("127.0.0.1", port)
        door.request("POST", "/paper/account", body=b'{"limits": false}')
        door.getresponse().read()
        door.close()
        try:
            yield port, process.pid
        finally:
            process.terminate()


async def keep_trading(port: int, seed: int, ends: float) -> int:
    """Limit orders near the market and their cancels, four a wall second, until `ends`; returns how many."""
    luck, clock, count = Random(seed), SystemClock(), 0
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers={"X-MBX-APIKEY": PAPER_KEY}) as http:
        while clock.monotonic() < ends:
            async with http.get("/fapi/v2/ticker/price?symbol=BTCUSDT") as reply:
                price = Decimal((await reply.json())["price"])
            side, away = luck.choice(["BUY", "SELL"]), luck.choice(["0.99", "1", "1.01"])
            text = urlencode(
                {
                    "symbol": "BTCUSDT", "side": side, "type": "LIMIT", "quantity": "0.005",
                    "timeInForce": luck.choice(["GTC", "IOC"]), "price": f"{price * Decimal(away):.1f}",
                    "timestamp": int(clock.wall().timestamp() * 1000),
                }
            )  # fmt: skip
            async with http.post(f"/fapi/v1/order?{text}&signature={signed(text, PAPER_SECRET)}") as reply:
                count += reply.status == 200
            text = urlencode({"symbol": "BTCUSDT", "timestamp": int(clock.wall().timestamp() * 1000)})
            if luck.random() < 0.2:
                async with http.delete(
                    f"/fapi/v1/allOpenOrders?{text}&signature={signed(text, PAPER_SECRET)}"
                ) as reply:
                    assert reply.status == 200
            await clock.pause(0.25)
    return count


async def keep_hearing(port: int, route: str, ends: float) -> int:
    """How many messages came until `ends`; the stream may not close before."""
    clock, count = SystemClock(), 0
    name = {"public": "btcusdt@bookTicker", "market": "btcusdt@kline_1m"}[route]
    async with aiohttp.ClientSession() as http, http.ws_connect(f"ws://127.0.0.1:{port}/{route}/ws/{name}") as ws:
        while (left := ends - clock.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(ws.receive(), left)
            except TimeoutError:
                break
            assert message.type is aiohttp.WSMsgType.TEXT, message
            count += 1
    return count
