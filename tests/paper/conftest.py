"""A seeded market and an exchange on it: in process, or listening on a free port."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest

from canary_cli.core.clock import ScaledClock, SystemClock
from canary_cli.paper.engine import Engine
from canary_cli.paper.market import synthetic_market
from canary_cli.paper.security import Key, Keys
from canary_cli.paper.server import Server, start
from canary_cli.paper.venue import Venue
from tests.paper.wire import KEY, SECRET, Wire

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
PAIRS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")


def new_engine(seed: int = 1, balance: int = 10_000) -> Engine:
    return Engine(synthetic_market(START, seed, PAIRS), Random(seed), Decimal(balance))


def new_venue(engine: Engine, speed: float = 1.0) -> Venue:
    clock = ScaledClock(START, SystemClock().wall(), speed)
    return Venue(engine, clock, Keys(Key(KEY, SECRET)), Random(1), START)


@pytest.fixture
def engine() -> Engine:
    return new_engine()


@pytest.fixture
async def open_server() -> AsyncIterator[Callable[..., object]]:
    servers: list[Server] = []

    async def opened(speed: float = 1.0) -> Server:
        server = await start(new_venue(new_engine(), speed))
        servers.append(server)
        return server

    yield opened
    for server in servers:
        await server.close()


@pytest.fixture
async def server(open_server: Callable[..., object]) -> Server:
    return await open_server()  # type: ignore[misc,no-any-return]


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    wire = Wire(server)
    yield wire
    await wire.close()
