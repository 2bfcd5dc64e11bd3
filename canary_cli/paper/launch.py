"""From what was asked for on the command line to a running exchange, and its entry in the registry of exchanges."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from random import Random
from typing import Any

from canary_cli.core.clock import ScaledClock, SystemClock
from canary_cli.errors import ConfigurationError, UsageError
from canary_cli.paper import notice
from canary_cli.paper.admin import status
from canary_cli.paper.engine import Engine
from canary_cli.paper.market import SYMBOLS, Climate, Market, replay_market, synthetic_market
from canary_cli.paper.scenario import Scenario, load
from canary_cli.paper.security import Key, Keys
from canary_cli.paper.server import Server, start
from canary_cli.paper.venue import Venue

Announce = Callable[[dict[str, Any]], None]
Show = Callable[[dict[str, Any]], None]
YEARS = range(1971, 2200)  # whose plan and history stay within what clocks and candles count
FASTEST = 1_000_000  # plan seconds a wall second; what the machine cannot follow is told as fast as it can


class AccountTaken(ConfigurationError):
    slug = "account-taken"


@dataclass(frozen=True, slots=True)
class Request:
    """`start` None: the scenario's, else now. `registry`: the file that tells other terminals, or None."""

    key: str
    secret: str
    port: int = 0
    speed: float = 1.0
    seed: int | None = None
    start: datetime | None = None
    market_data: Path | None = None
    pairs: tuple[str, ...] = ()
    scenario: str | None = None
    account: str = "paper"
    balance: Decimal = Decimal(10_000)
    idle_after: float = 600.0
    registry: Path | None = None
    detached: bool = False


def parse_start(text: str) -> datetime | None:
    """An ISO instant (UTC where no zone is named) or `now`. Raises UsageError."""
    if text == "now":
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start {text!r} is no instant", "write 2025-05-20T10:00Z, or now") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def check(request: Request) -> None:
    """Raises UsageError for a figure that means nothing, `AccountTaken` where another exchange has the name."""
    if not 0 <= request.port <= 65535:
        raise UsageError(f"--port {request.port} is no port", "0 takes a free one")
    if not 0 < request.speed <= FASTEST:
        raise UsageError(
            f"--speed {request.speed:g} is not above 0 and at most {FASTEST:,}", "1 is real time, 110 a rehearsal"
        )
    if not request.idle_after >= 0:
        raise UsageError(f"--idle-after {request.idle_after:g} is below 0", "0 never ends by itself")
    if request.registry is not None and notice.is_running(request.registry):
        raise AccountTaken(
            f"an exchange runs as {request.account} already",
            f"choose another with --account, or: canary paper stop --account {request.account}",
        )


def parse_balance(text: str) -> Decimal:
    """USDT, above zero. Raises UsageError."""
    try:
        balance = Decimal(text)
    except InvalidOperation:
        balance = Decimal(0)
    if not (balance.is_finite() and balance > 0):
        raise UsageError(f"--balance {text!r} is no amount above 0", "write 10000")
    return balance


def open_venue(request: Request) -> Venue:
    """The exchange at its start, not listening yet. Raises CanaryError for what cannot be."""
    scenario = load(request.scenario) if request.scenario else None
    wall = SystemClock().wall()
    begins = request.start or (scenario.start if scenario and not request.market_data else None) or wall
    begins = begins.replace(microsecond=0)
    if begins.year not in YEARS:
        raise UsageError(f"a plan cannot start in {begins.year}", f"choose a year from {YEARS[0]} to {YEARS[-1]}")
    seed = request.seed if request.seed is not None else scenario.seed if scenario else 1
    market, missing = _market(request, scenario, begins, seed)
    rng = Random(seed)  # noqa: S311  (the same seed must give the same ids)
    venue = Venue(
        Engine(market, rng, request.balance),
        ScaledClock(begins, SystemClock().wall(), request.speed),
        Keys(Key(request.key, request.secret)),
        rng,
        begins,
        request.account,
        seed,
    )
    venue.missing = missing
    if scenario:
        venue.load(scenario)
    return venue


def _market(request: Request, scenario: Scenario | None, begins: datetime, seed: int) -> tuple[Market, tuple[str, ...]]:
    if request.market_data is not None:
        return replay_market(request.market_data, begins, seed, request.pairs or None)
    climate = scenario.climate(begins) if scenario else Climate()
    try:
        return synthetic_market(begins, seed, request.pairs or SYMBOLS, climate), ()
    except KeyError as unknown:
        raise UsageError(f"unknown pair {unknown.args[0]}", f"choose of: {', '.join(SYMBOLS)}") from None


async def serve(request: Request, announce: Announce, show: Show | None = None) -> str:
    """Run until stopped or idle; returns which.

    `announce` gets the registry entry once the port listens, `show` the status from then on, once a second.
    """
    check(request)
    venue = open_venue(request)
    server = await start(venue, request.port)
    entry = entry_of(server)
    _heed_signals(server, detached=request.detached)
    showing: asyncio.Task[None] | None = None
    try:
        if request.registry is not None:
            path = request.registry
            register(path, entry)
            venue.held = lambda: register(path, entry_of(server))
        announce(entry)
        if show is not None:
            showing = asyncio.ensure_future(_keep_showing(venue, show))
        return await server.wait(request.idle_after)
    finally:
        if showing is not None:
            showing.cancel()
        if request.registry is not None:
            unregister(request.registry)
        await server.close()


async def _keep_showing(venue: Venue, show: Show) -> None:
    while True:
        show(status(venue))
        await venue.clock.pause(1.0)


def _heed_signals(server: Server, *, detached: bool) -> None:
    """SIGTERM stops; a detached exchange belongs to no terminal and ignores its signals."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.stopped.set)
    if detached:
        for terminal in (signal.SIGHUP, signal.SIGINT):
            signal.signal(terminal, signal.SIG_IGN)
    else:
        loop.add_signal_handler(signal.SIGINT, server.stopped.set)


def entry_of(server: Server) -> dict[str, Any]:
    clock = server.venue.clock
    assert isinstance(clock, ScaledClock)
    missing = {"missing_pairs": list(server.venue.missing)} if server.venue.missing else {}
    return {
        "schema_version": 1,
        "port": server.port,
        "account": server.venue.account,
        "plan_start": clock.plan_start.isoformat(),
        "wall_start": clock.wall_start.isoformat(),
        "speed": clock.speed,
        "seed": server.venue.seed,
        "pid": os.getpid(),
        **missing,
    }


def register(path: Path, entry: dict[str, Any]) -> None:
    """Atomic, readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps(entry))
    partial.replace(path)


def unregister(path: Path) -> None:
    """Only our own entry: another exchange may have taken the name since."""
    try:
        if json.loads(path.read_text())["pid"] == os.getpid():
            path.unlink()
    except (OSError, ValueError, KeyError):
        return


def symbols_of(text: str) -> tuple[str, ...]:
    return tuple(pair.strip().upper() for pair in text.split(",") if pair.strip())
