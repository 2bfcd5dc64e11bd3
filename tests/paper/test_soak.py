"""Many clients, many orders, many hours: nothing leaks and the books balance."""

import asyncio
import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from canary_cli.core.model import OrderType, Side, TimeInForce
from canary_cli.paper.orders import NewOrder
from canary_cli.paper.problems import Problem
from canary_cli.paper.server import Server
from tests.paper.conftest import START, new_engine
from tests.paper.wire import Wire

CLIENTS = 8


async def trade(server: Server, seed: int, orders: int) -> None:
    """Random orders and cancels of one client, as fast as the exchange answers."""
    luck, wire = Random(seed), Wire(server)
    resting: list[int] = []
    for _ in range(orders):
        side, share = luck.choice(["BUY", "SELL"]), luck.choice(["0.97", "0.999", "1", "1.001", "1.03"])
        if luck.random() < 0.3:
            reply = await wire.market(f"{luck.randint(2, 20) / 1000}", side=side)
        elif resting and luck.random() < 0.4:
            order_id = resting.pop(luck.randrange(len(resting)))
            reply = await wire.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=order_id)
        else:
            force = luck.choice(["GTC", "IOC", "FOK", "GTX"])
            reply = await wire.limit(wire.near(share), side=side, timeInForce=force, quantity="0.005")
            if reply.status == 200 and force in ("GTC", "GTX"):
                resting.append(reply.body["orderId"])
        assert reply.status in (200, 400), reply
    await wire.close()


async def storm(server: Server, orders: int) -> None:
    """`orders` from `CLIENTS` clients at once; then the books must balance."""
    venue, state = server.venue, server.venue.engine.state
    venue.limits.enforced = False
    await asyncio.gather(*(trade(server, seed, orders // CLIENTS) for seed in range(CLIENTS)))
    held = sum((one.side.sign * one.quantity for one in state.trades), Decimal(0))
    assert held == venue.engine.position("BTCUSDT")
    assert state.account.wallet == 10_000 + sum(row.amount for row in state.income)
    for order in state.orders.history():
        fills = [one for one in state.trades if one.order_id == order.order_id]
        assert sum((one.quantity for one in fills), Decimal(0)) == order.executed
        assert all((order.price - one.price) * order.side.sign >= 0 for one in fills if order.price)


async def test_eight_clients_at_once(server: Server) -> None:
    await storm(server, 400)


@pytest.mark.soak
async def test_ten_thousand_orders_of_eight_clients(server: Server) -> None:
    await storm(server, 10_000)


def resident() -> int:
    """Pages of memory this process holds."""
    return int(Path(f"/proc/{os.getpid()}/statm").read_text().split()[1])


@pytest.mark.soak
def test_memory_is_flat_over_sixty_hours() -> None:
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
            warm = resident()
    assert resident() <= 1.05 * warm
