"""One simulated run: market, exchange, session, plan and faults under one virtual clock."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from canary_cli.core.model import Book
from canary_cli.core.policy.plan import Plan
from canary_cli.core.signals import SignalSettings
from canary_cli.core.trading.effects import ReadAccount
from canary_cli.core.trading.events import MarksUpdated, Quoted, Stream, StreamUp
from canary_cli.core.trading.flatten import Outcome
from canary_cli.core.trading.inputs import ConditionChanged, Input, LatchChanged, Tick
from canary_cli.core.trading.standing import holding_of
from canary_cli.core.trading.state import Session, Setup
from canary_cli.paper.engine import Engine
from canary_cli.paper.market import Climate, synthetic_market
from canary_cli.session.executor import LEVELS
from canary_cli.session.live import known_account
from canary_cli.session.rebuilding import rebuilt
from canary_cli.session.scribe import Scribe, Standing
from canary_cli.session.simulate.candles import ClosedCandles
from canary_cli.session.simulate.closing import Closing
from canary_cli.session.simulate.desk import Desk
from canary_cli.session.simulate.driver import Driver, verdicts_of
from canary_cli.session.simulate.exchange import SimulatedExchange
from canary_cli.session.simulate.faults import Faults
from canary_cli.session.simulate.feed import SimulatedFeed
from canary_cli.session.simulate.happenings import AWAY, Happenings
from canary_cli.session.simulate.invariants import Breach, Invariants
from canary_cli.session.simulate.journal import MemoryJournal
from canary_cli.session.simulate.streams import UserStream
from canary_cli.session.simulate.timeline import Timeline

RECHECKS = (2.0, 10.0, 60.0)
"""Seconds after flat at which the account is looked at again."""

LONGEST = timedelta(hours=14)
"""No plan takes longer: every extension used."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What to simulate. `marks` is seconds from mark to mark; `resends` plants a bug for the test that must find it."""

    plan: Plan
    seed: int
    start: datetime
    climate: Climate = field(default_factory=Climate)
    signals: SignalSettings = field(default_factory=SignalSettings)
    marks: int = 10
    has_faults: bool = False
    balance: Decimal = Decimal(10_000)
    resends: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """How a simulated run ended. `safe_after` is seconds from trip to verified flat; no `breach`: all held."""

    seed: int
    outcome: str
    reason: str
    gates: dict[int, str]
    faults: tuple[str, ...]
    breach: str
    safe_after: float | None
    lasted: timedelta
    orders: int
    fills: int
    restarts: int
    decided: int
    journal: bytes


class World:
    """Everything around the desk, and what survives its crashes."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        plan, seed = simulation.plan, simulation.seed
        market = synthetic_market(simulation.start, seed, climate=simulation.climate, grid=simulation.marks)
        self.engine = Engine(market, Random(seed), simulation.balance)  # noqa: S311  (a market's luck)
        self.timeline = Timeline(simulation.start)
        lasts = max(phase.starts_at + phase.duration for phase in plan.phases)
        self.faults = Faults.random(seed, lasts) if simulation.has_faults else Faults.none(seed)
        self.journal = MemoryJournal(lambda: self.timeline.now)
        self.resends = simulation.resends
        self.decisions = 0
        self.invariants = Invariants(self.engine, lambda: self.timeline.now)
        self.stream = UserStream(self.timeline, self.faults)
        self.exchange = SimulatedExchange(
            self.engine, self.timeline, self.faults, self.invariants.on_exchange, self.stream.tell
        )
        self.market = market
        self._candles = ClosedCandles(market)
        self._setup = self._set_up(plan)
        self._listed = tuple(self._setup.rules)
        self._latches: dict[str, str] = {}
        self._starts = 0
        self._closing: Closing | None = None
        self._tripped: datetime | None = None
        self._safe: datetime | None = None
        self._looked, self._looked_before = 0, False
        self._rolled_back = ""
        self.rng = Random(f"world {seed}")  # noqa: S311
        self._happenings = Happenings(self)

    def _set_up(self, plan: Plan) -> Setup:
        listings = self.market.listings
        rules = {symbol: listings[symbol].rules for symbol in self._wanted(plan)}
        stale = max(10.0, 2.5 * self._simulation.marks)
        return Setup("simulated", "csim-1-", plan, rules, stale=stale)

    def _wanted(self, plan: Plan) -> tuple[str, ...]:
        named = tuple(plan.pairs)
        if all(phase.pairs for phase in plan.phases):
            return named
        return tuple(dict.fromkeys((*named, *self.market.symbols)))[: plan.risk.max_pairs]

    # The run

    def run(self) -> Story:
        breach = ""
        try:
            self._happenings.arm(self._listed)
            self._start()
            self.timeline.at(self.timeline.start + self.market.grid, self._instant)
            while self._outcome() is None and self.timeline.now - self.timeline.start < LONGEST:
                self.timeline.step()
        except Breach as found:
            breach = str(found)
        return self._story(breach)

    def _outcome(self) -> tuple[str, str] | None:
        if self._rolled_back:
            return ("ROLLED_BACK", self._rolled_back) if self._looked == len(RECHECKS) else None
        return self._driver.outcome if self.desk.is_alive else None

    def _story(self, breach: str) -> Story:
        outcome, reason = self._outcome() or ("CUT SHORT", "")
        safe = None if self._safe is None or self._tripped is None else (self._safe - self._tripped).total_seconds()
        return Story(
            seed=self._simulation.seed,
            outcome="BREACH" if breach else outcome,
            reason=reason,
            gates=dict(verdicts_of(self.journal.entries())),
            faults=self.faults.kinds,
            breach=breach,
            safe_after=safe,
            lasted=self.timeline.now - self.timeline.start,
            orders=len(self.engine.state.orders.history()),
            fills=len(self.engine.state.trades),
            restarts=self._starts - 1,
            decided=self.decisions,
            journal=self.journal.content,
        )

    def _instant(self) -> None:
        """The market moves on one mark: prices, then candles, then the tick, then the plan."""
        now = self.timeline.now
        self.faults.now = self.timeline.seconds
        ticks = self.engine.advance(now)
        self.exchange.publish()
        if self.desk.is_alive:
            if now >= self._happenings.market_away:
                marks = {one.symbol: one.mark for one in ticks if one.symbol in self._setup.rules}
                self.invariants.on_marks(self.desk.state)
                self.desk.post(MarksUpdated(now, marks))
                self._quote(now)
                self._feed.catch_up(now)
            self.desk.post(Tick(now))
            self._driver.on_instant(now)
            self.invariants.on_instant(self.desk.state, is_closing=self._closing is not None)
        self.timeline.at(now + self.market.grid, self._instant)

    def _quote(self, now: datetime) -> None:
        """Best prices of the pairs in play at every mark, of all others once a minute."""
        state = self.desk.state
        whole = now.second == 0 or len(state.mids) < len(self._listed)
        for symbol in self._listed if whole else dict.fromkeys((*state.pairs, *state.held)):
            self.desk.post(Quoted(now, self.market.book(symbol, 1)))

    # The session's life

    def _start(self) -> None:
        """Start and recovery are one path: what the journal tells, then what the exchange says."""
        self._starts += 1
        scribe = Scribe(self.journal, "simulated", "run", self._standing)
        scribe.heard.append(self.invariants.on_record)
        state = self._rebuilt()
        self.desk = desk = Desk(self, scribe, state)
        simulation = self._simulation
        self._feed = SimulatedFeed(
            self._candles,
            self._setup.rules,
            simulation.signals,
            self.timeline.now,
            post=desk.post,
            holding=lambda symbol: holding_of(desk.state, symbol),
        )
        scribe.write("run_started" if self._starts == 1 else "run_resumed", data={"seed": simulation.seed})
        self._driver = Driver(
            simulation.plan, simulation.start, desk, scribe, self.journal, self._candles, simulation.signals
        )
        self.invariants.on_start()
        self._listen()
        if "rollback" in self._latches:
            self._close("resumed")

    def _listen(self) -> None:
        desk, now = self.desk, self.timeline.now
        desk.post(LatchChanged(now, tuple((source, reason, "session") for source, reason in self._latches.items())))
        desk.read_account(ReadAccount("start"))
        desk.post(StreamUp(now, Stream.MARKET))
        self.stream.connect(desk.post)
        if now < self._happenings.database_away:
            desk.post(ConditionChanged(now, "database", True, AWAY))

    def _rebuilt(self) -> Session:
        return rebuilt(self._setup, self.timeline.now, self.journal.entries())

    def _standing(self) -> Standing:
        state = self.desk.state
        drawdown = None if state.drawdown_pct is None else round(state.drawdown_pct, 4)
        return Standing(state.phase.number if state.phase else None, drawdown)

    def decided(self, event: Input, before: Session, after: Session) -> None:
        self.decisions += 1
        self.invariants.on_decided(event, before, after)

    def book(self, symbol: str) -> Book:
        return self.market.book(symbol, LEVELS)

    def reopen(self) -> None:
        self.stream.connect(self.desk.post)

    def set_latch(self, source: str, reason: str) -> None:
        """The latch file: it survives everything."""
        self._latches[source] = reason
        self.invariants.on_latch()

    # Rollback

    def roll_back(self, cause: str, detail: str) -> None:
        limit = _drawdown_limits(self._simulation.plan).get(cause)
        if limit is not None:
            self.invariants.on_trip(limit)
        self._tripped = self._tripped or self.timeline.now
        self._rolled_back = f"{cause}: {detail}"
        self._close("rollback")

    def _close(self, why: str) -> None:
        self._rolled_back = self._rolled_back or why
        if self._closing is None:
            known = known_account(self.desk.state) if why == "rollback" else None
            run = f"{self.rng.getrandbits(32):08x}"
            self._closing = Closing(self.exchange, self.timeline, self._setup.rules, run, known, self._closed)

    def _closed(self, outcome: Outcome) -> None:
        """Flat: verified again and again; what came back late is closed and the looking starts over."""
        self.invariants.on_flat()
        self._closing = None
        self._safe = self._safe or self.timeline.now
        was_nothing = outcome is Outcome.NOTHING_OPEN
        self._looked = self._looked + 1 if was_nothing and self._looked_before else 0
        self._looked_before = True
        if self._looked < len(RECHECKS):
            desk = self.desk
            wait = RECHECKS[self._looked] - (RECHECKS[self._looked - 1] if self._looked else 0.0)
            self.timeline.after(wait, lambda: self._close("re-check") if desk.is_alive else None)

    # What happens to it

    def crash(self) -> None:
        self._die()
        self.invariants.on_rebuilt(self.desk.state, self._rebuilt())

    def cut_power(self) -> None:
        self._die()
        self.journal.cut_power()

    def _die(self) -> None:
        self.desk.stop()
        self.stream.disconnect()
        if self._closing is not None:
            self._closing.stop()
            self._closing = None
        self._looked, self._looked_before = 0, False
        self.timeline.after(self.rng.uniform(0.5, 25.0), self._start)


def _drawdown_limits(plan: Plan) -> dict[str, Decimal]:
    """By the cause of the rollback that goes with each, percent."""
    checks = ((phase.number, check) for phase in plan.phases for check in phase.gate.checks)
    lasting = {f"phase {number} drawdown": check.limit for number, check in checks if check.metric == "drawdown"}
    return {"breaker": plan.breaker.trip, **lasting}


def simulate(simulation: Simulation) -> Story:
    """Run one seed from the first mark to the end of the plan. Nothing outside this call is read or changed."""
    return World(simulation).run()
