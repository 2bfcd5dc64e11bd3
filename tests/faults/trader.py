"""A live session trading against the paper exchange over sockets, and what a story may ask of both."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Protocol

from canary_cli.core.model import Side
from canary_cli.core.policy.plan import Plan
from canary_cli.core.signals import Evaluation, Evidence, Reason, Signal, SignalSettings
from canary_cli.core.trading.events import Stream
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.inputs import Decided, EnterPhase
from canary_cli.core.trading.protection import unprotected
from canary_cli.core.trading.state import Session, Setup
from canary_cli.journal.reader import read, verify_chain
from canary_cli.journal.record import Entry
from canary_cli.journal.writer import Journal
from canary_cli.session.live import LiveSession, Stop
from canary_cli.session.rebuilding import rebuilt
from canary_cli.session.scribe import Lines, Scribe
from canary_cli.session.simulate.journal import MemoryJournal
from canary_cli.steps.plan import load_plan
from tests.faults.desk import PAIRS, Desk, a_desk

GOLIVE = Path(__file__).parents[2] / "runbooks" / "golive.toml"
PHASE = 2  # in phase 1 a single error ends the run


@cache
def the_plan() -> Plan:
    """The shipped plan without probes, which would trade beside the stories."""
    plan = load_plan(GOLIVE, GOLIVE.parents[1])
    return replace(plan, phases=tuple(replace(phase, probes=None) for phase in plan.phases))


class Pages(Lines, Protocol):
    """A journal that can be read back: in memory, or on disk."""

    def __len__(self) -> int: ...

    def entries(self) -> Iterator[Entry]: ...

    def gaps(self) -> int: ...


class DiskJournal(Journal):
    """The journal on disk, to be asked as its twin in memory is."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        super().__init__(folder, now)
        self.folder = folder

    def __len__(self) -> int:
        return verify_chain(self.folder).last_seq

    def entries(self) -> Iterator[Entry]:
        return read(self.folder)

    def gaps(self) -> int:
        return int(not verify_chain(self.folder).ok)


@dataclass
class Trader:
    """A desk with a session at it. `stops` are the rollbacks it asked for, `alerts` what it told people."""

    desk: Desk
    session: LiveSession
    journal: Pages
    stops: list[Stop]
    alerts: list[str]
    state_dir: Path = Path("state")

    @property
    def state(self) -> Session:
        return self.session.state

    @property
    def ours(self) -> dict[str, Decimal]:
        return {symbol: held.quantity for symbol, held in self.state.held.items()}

    @property
    def theirs(self) -> dict[str, Decimal]:
        return {symbol: quantity for (symbol, _side), quantity in self.desk.held.items()}

    def intents(self, purpose: Purpose) -> list[Intended]:
        return [life.intent for life in self.state.orders.values() if life.intent.purpose is purpose]

    def events(self, name: str) -> list[Entry]:
        return [entry for entry in self.journal.entries() if entry.event == name]

    def signal(self, symbol: str = "BTCUSDT", side: Side = Side.BUY, distance: str = "0.01") -> None:
        """The signal engine wants `symbol`, with the stop `distance` of the price away."""
        now, entry = self.desk.clock.now(), self.state.mids[symbol]
        away = self.desk.rules[symbol].round_price(entry * Decimal(distance), up=True)
        seen = Evaluation(symbol, now, float(entry), side, (), 3.5, 82.0, 4, 0, 100.0, float(away), Reason.NONE,
                          Evidence())  # fmt: skip
        wanted = Signal(symbol, side, now, entry, entry - side.sign * away, entry + side.sign * away * 3 / 2,
                        float(away), seen)  # fmt: skip
        self.session.post(Decided(now, seen, wanted))

    async def until(self, true: Callable[[], object], what: str = "", within: float = 6.0) -> float:
        """Wait until something holds; returns the wall seconds it took."""
        began = self.desk.clock.monotonic()
        while not true():
            failure = self.session.failure()
            if failure is not None:
                raise failure
            waited = self.desk.clock.monotonic() - began
            assert waited < within, f"{what or 'it'} did not happen within {within} s: {self.told()}"
            await self.desk.clock.pause(0.01)
        return self.desk.clock.monotonic() - began

    async def enter(self, symbol: str = "BTCUSDT", side: Side = Side.BUY) -> None:
        """A position of our own, with its stop confirmed. Asked for again where the machine stood still meanwhile."""

        def is_in() -> bool:
            return symbol in self.state.held and not unprotected(self.state)

        while not is_in():
            await self.until(lambda: self.state.reconciled and not self.state.conditions, "health", within=30)
            self.signal(symbol, side)
            await self.until(lambda: is_in() or self.state.conditions, f"entry of {symbol}")

    async def agreed(self) -> None:
        """Our fills, the exchange's positions and the stops agree, and every trade was counted once."""
        await self.until(lambda: self.ours == self.theirs and not unprotected(self.state), "agreement")
        told = [(entry.data["symbol"], entry.data["trade_id"]) for entry in self.events("fill")]
        assert len(told) == len(set(told)), "a trade was counted twice"
        assert self.journal.gaps() == 0

    def told(self) -> str:
        lines = [
            f"{e.event} {e.status} {e.risk_gate} {dict(list(e.data.items())[:3])}"
            for e in list(self.journal.entries())[-12:]
        ]
        return f"ours {self.ours}, theirs {self.theirs}, conditions {dict(self.state.conditions)}\n" + "\n".join(lines)


@asynccontextmanager
async def a_trader(
    home: Path,
    *,
    speed: float = 10.0,
    pairs: tuple[str, ...] = PAIRS,
    before: Callable[[Desk], None] = lambda _desk: None,
    silence: float = 30.0,
    reconciles: bool = True,
    plan: Plan | None = None,
) -> AsyncIterator[Trader]:
    """`before` acts on the exchange before the session sees it; `reconciles`: wait until it may trade."""
    async with a_desk(pairs, speed=speed, home=home) as desk:
        before(desk)
        await desk.exchange.connect()
        journal = MemoryJournal(desk.clock.now)
        async with a_session(desk, journal, home, silence, reconciles=reconciles, plan=plan) as trader:
            yield trader


@asynccontextmanager
async def a_session(
    desk: Desk, journal: Pages, home: Path, silence: float = 30.0, *, reconciles: bool = True, plan: Plan | None = None
) -> AsyncIterator[Trader]:
    """A session that goes on where the journal ends; leaving the block kills it as a crash would."""
    rules = {pair: desk.rules[pair] for pair in PAIRS if pair in desk.rules}
    setup = Setup(
        "story", f"c0-{len(journal)}-", plan or the_plan(), rules,
        silence=silence, stale=max(10.0, 1.5 * desk.clock.speed), health=20.0,
    )  # fmt: skip
    stops: list[Stop] = []
    alerts: list[str] = []
    (home / "state").mkdir(exist_ok=True)
    session = LiveSession(
        desk.exchange, Scribe(journal, "story", "run"), desk.clock, rebuilt(setup, desk.clock.now(), journal.entries()),
        state_dir=home / "state", signals=SignalSettings(),
        alert=lambda _severity, message, _key: alerts.append(message), on_stop=stops.append,
    )  # fmt: skip
    trader = Trader(desk, session, journal, stops, alerts, home / "state")
    await session.feed.warm()  # else the first connection has hours of bars judged, and traded, beside the story
    session.start()
    try:
        if reconciles:
            await trader.until(lambda: len(trader.state.up) == len(Stream) and trader.state.reconciled, "the reconcile")
            await trader.until(lambda: len(trader.state.mids) == len(setup.rules) and trader.state.leverages, "prices")
            await trader.until(lambda: trader.state.equity is not None and len(trader.state.marks) >= len(setup.rules))
            if trader.state.phase is None:
                phase = setup.plan.phase(PHASE)
                session.post(EnterPhase(desk.clock.now(), phase, tuple(setup.rules), None))
                await trader.until(lambda: trader.state.phase is not None)
        yield trader
    finally:
        await session.stop()
