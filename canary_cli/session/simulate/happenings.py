"""What happens to a simulated run at some moment: crashes, silences, jumps of the market, money that moves."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Protocol

from canary_cli.core.model import AlgoStatus, OrderType
from canary_cli.core.trading.events import Stream, StreamDown, StreamUp
from canary_cli.core.trading.inputs import ConditionChanged
from canary_cli.paper.engine import Engine
from canary_cli.paper.market import Shock, ShockKind, SimulatedMarket
from canary_cli.paper.settling import transfer
from canary_cli.session.simulate.desk import Desk
from canary_cli.session.simulate.exchange import SimulatedExchange
from canary_cli.session.simulate.faults import Faults, Kind
from canary_cli.session.simulate.invariants import Invariants
from canary_cli.session.simulate.streams import UserStream
from canary_cli.session.simulate.timeline import Timeline

AWAY = "the ledger's database does not answer"


class Struck(Protocol):
    """The world that it happens to."""

    timeline: Timeline
    faults: Faults
    rng: Random
    market: SimulatedMarket
    engine: Engine
    exchange: SimulatedExchange
    invariants: Invariants
    stream: UserStream
    desk: Desk

    def crash(self) -> None: ...

    def cut_power(self) -> None: ...


class Happenings:
    """`market_away` and `database_away` are until when nothing is heard of the one or the other."""

    def __init__(self, world: Struck) -> None:
        self.market_away = self.database_away = world.timeline.start
        self._world = world
        self._symbols: Sequence[str] = ()

    @property
    def _now(self) -> datetime:
        return self._world.timeline.now

    def arm(self, symbols: Sequence[str]) -> None:
        """Let everything that the seed has drawn happen in its time."""
        self._symbols = symbols
        deeds = {
            Kind.STREAM_DOWN: self._stream_down,
            Kind.STREAM_SILENT: self._stream_silent,
            Kind.CRASH: self._crash,
            Kind.POWER_CUT: self._cut_power,
            Kind.JUMP: self._jump,
            Kind.DATABASE: self._database_down,
            Kind.TRANSFER: self._transfer,
            Kind.STOP_GONE: self._lose_stop,
        }
        for kind, moments in self._world.faults.moments.items():
            for seconds in moments:
                self._world.timeline.after(seconds, deeds[kind])

    def _crash(self) -> None:
        if self._world.desk.is_alive:
            self._world.crash()

    def _cut_power(self) -> None:
        if self._world.desk.is_alive:
            self._world.cut_power()

    def _stream_down(self) -> None:
        world, seconds = self._world, self._world.rng.choice((1.0, 5.0, 20.0, 45.0))
        if world.rng.random() < 0.5:
            world.stream.go_down(seconds)
            return
        self.market_away = self._now + timedelta(seconds=seconds)
        world.desk.post(StreamDown(self._now, Stream.MARKET, "connection lost"))
        world.timeline.after(seconds, lambda: world.desk.post(StreamUp(self._now, Stream.MARKET)))

    def _stream_silent(self) -> None:
        seconds = self._world.rng.choice((3.0, 15.0, 40.0))
        if self._world.rng.random() < 0.5:
            self._world.stream.go_silent(seconds)
        else:
            self.market_away = self._now + timedelta(seconds=seconds)

    def _jump(self) -> None:
        rng = self._world.rng
        symbols = () if rng.random() < 0.3 else (rng.choice(self._symbols),)
        self._world.market.shock(Shock(ShockKind.GAP, None, symbols=symbols, move=rng.uniform(-0.06, 0.06)))

    def _transfer(self) -> None:
        """Somebody pays in, or takes out what no position needs."""
        world = self._world
        world.engine.at(self._now)
        amount = round(world.engine.state.available * Decimal(world.rng.choice((-0.4, -0.05, 0.1, 1.0))), 2)
        world.invariants.on_moved(amount)
        transfer(world.engine.state, "USDT", amount)
        world.exchange.publish()

    def _lose_stop(self) -> None:
        """A conditional order is gone from the exchange, and nobody is told."""
        world, conditionals = self._world, self._world.engine.state.conditionals
        resting = [one for one in conditionals.open() if one.type is OrderType.STOP_MARKET]
        if resting:
            lost = world.rng.choice(resting)
            conditionals.close(lost, AlgoStatus.EXPIRED, self._now)
            world.invariants.on_vanished(lost.symbol)

    def _database_down(self) -> None:
        world, seconds = self._world, self._world.rng.choice((2.0, 30.0, 200.0, 400.0))
        self.database_away = max(self.database_away, self._now + timedelta(seconds=seconds))
        world.desk.post(ConditionChanged(self._now, "database", True, AWAY))
        world.timeline.after(seconds, self._database_back)

    def _database_back(self) -> None:
        if self._now >= self.database_away:
            self._world.desk.post(ConditionChanged(self._now, "database", False))
