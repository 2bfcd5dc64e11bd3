"""One running exchange: engine, clock, keys, limits, faults, sockets and scenario. The server's only state."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from canary_cli.core.clock import Clock, ScaledClock
from canary_cli.core.model import OrderType
from canary_cli.paper import problems
from canary_cli.paper.engine import Engine
from canary_cli.paper.fault_effects import Effects
from canary_cli.paper.faults import Fault, Faults
from canary_cli.paper.hub import Hub
from canary_cli.paper.limits import ADDRESS, Limits
from canary_cli.paper.listen_keys import ListenKeys
from canary_cli.paper.market.model import Shock, Tick
from canary_cli.paper.market_streams import force_order
from canary_cli.paper.orders import OrderChange, RestingOrder
from canary_cli.paper.scenario import FaultEvent, PriceEvent, Scenario, When
from canary_cli.paper.security import Keys
from canary_cli.paper.user_events import payloads

RECENT = 1000  # ticks of a pair that `trades` can still tell
STRETCH = timedelta(minutes=1)  # of plan time that the market runs before others have their turn


@dataclass(slots=True)
class Venue:
    """`start` is the plan time at which it opened; scenario times count from there."""

    engine: Engine
    clock: Clock
    keys: Keys
    rng: Random
    start: datetime
    account: str = "paper"
    seed: int = 0
    limits: Limits = field(init=False)
    faults: Faults = field(init=False)
    effects: Effects = field(init=False)
    hub: Hub = field(init=False)
    listen_keys: ListenKeys = field(init=False)
    agenda: list[PriceEvent | FaultEvent] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    reached: datetime = field(init=False)  # plan time up to which the market has run
    touched: float = 0.0
    recent: dict[str, deque[Tick]] = field(default_factory=dict)
    stop: Callable[[], None] = lambda: None
    held: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.faults = Faults(Random(self.rng.random()))  # noqa: S311  (a market's luck, not a secret)
        self.effects = Effects(self.engine.state)
        self.listen_keys = ListenKeys(Random(self.rng.random()))  # noqa: S311
        self.limits = Limits(max(1.0, self.clock.speed))
        self.hub = Hub(self.engine.state, self.clock.speed)
        self.reached, self.touched = self.engine.now, self.clock.monotonic()

    def load(self, scenario: Scenario) -> None:
        self.agenda = [*scenario.prices, *scenario.faults]

    def hold(self) -> None:
        """Stop plan time here, so that what a rehearsal ended with can be looked at in peace. Requests go on."""
        self.clock = ScaledClock(self.clock.now(), self.clock.wall(), 0.0)
        self.held()

    def touch(self) -> None:
        """A client has asked for something: the exchange is not idle."""
        self.touched = self.clock.monotonic()

    @property
    def idle_seconds(self) -> float:
        return 0.0 if self.hub.sockets else self.clock.monotonic() - self.touched

    def wall_ms(self) -> int:
        """Server time as clients see it: wall time, skewed by a fault where one is on."""
        skew = next(self.faults.on(self.engine.now, "clock_skew"), None)
        milliseconds = int(skew.options.get("milliseconds", 0)) if skew else 0
        return int(self.clock.wall().timestamp() * 1000) + milliseconds

    def now(self) -> datetime:
        """Plan time, which the engine is moved to: what is asked next happens now."""
        self.engine.at(self.clock.now())
        self.engine.run_timers()
        return self.engine.now

    def run(self) -> None:
        """Let the market run on to the clock's plan time, and tell everybody."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """The same, one message of the market's streams a step, and one at each end of a `STRETCH`."""
        until = self.clock.now()
        while True:
            self.reached = min(until, self.reached + STRETCH)
            ticks = list(self._walk(self.reached))
            self.publish()
            yield from self.hub.publish(ticks, self.clock.monotonic())
            if self.reached == until:
                return
            yield

    def _walk(self, until: datetime) -> Iterator[Tick]:
        for tick in self.engine.walk(until):
            self.recent.setdefault(tick.symbol, deque(maxlen=RECENT)).append(tick)
            if self.agenda:
                self._follow_agenda()
            yield tick

    def publish(self) -> None:
        """Tell users what has happened to them; the market's streams tell it with the next `run`."""
        events = self.engine.drain()
        for event in events:
            if isinstance(event, OrderChange):
                self.hub.book.changed(event.order.symbol)
                if event.order.type is OrderType.LIQUIDATION and event.order.executed:
                    self._tell_forced(event.order)
        for event in events if self.hub.has_users() else ():
            for payload in payloads(event):
                self.hub.tell_user(payload)
        self._apply_faults()

    def _tell_forced(self, order: RestingOrder) -> None:
        """A liquidation is public."""
        name, payload = force_order(
            order.symbol, order.side, order.quantity, order.price, order.average_price, order.updated
        )
        for stream in (name, "!forceOrder@arr"):
            self.hub.tell(stream, payload)

    def _apply_faults(self) -> None:
        """Those that strike the exchange itself or its sockets, instead of a message."""
        now = self.engine.now
        self.hub.faults, self.hub.now = self.faults, now
        self.effects.follow(self.faults, now)
        for fault in self.faults.on(now, "close", "listen_key_expiry"):
            if not fault.struck:
                fault.struck = self._strike_once(fault)
        if self.hub.api_sockets and self.faults.strike(now, "ws-api", "", "ws_api_401"):
            self.hub.tell_api({"id": None, "status": 401, "error": problems.unknown_key(ADDRESS).body})

    def _strike_once(self, fault: Fault) -> int:
        """How many it struck, at least one: it strikes no second time."""
        if fault.kind == "close":
            return max(1, self.hub.close_matching(fault))
        if fault.pattern.search("private"):
            self.expire_listen_keys(int(self.engine.now.timestamp() * 1000))
        return 1

    def expire_listen_keys(self, now_ms: int) -> None:
        for key in self.listen_keys.expire_all():
            self.hub.expire_user(key, now_ms)

    def _follow_agenda(self) -> None:
        for event in list(self.agenda):
            if self.engine.now >= self.start + event.at and self._holds(event.when):
                self.agenda.remove(event)
                self._happen(event)

    def _happen(self, event: PriceEvent | FaultEvent) -> None:
        if isinstance(event, PriceEvent):
            self._shock(event.shock)
            return
        ends = self.engine.now + event.duration if event.duration is not None else None
        self.faults.add(event.kind, event.options, self.engine.now, ends)

    def _shock(self, shock: Shock) -> None:
        """A scenario may name pairs that this market was opened without: they are left out."""
        market = self.engine.state.market
        symbols = tuple(symbol for symbol in shock.symbols if symbol in market.listings)
        if symbols or not shock.symbols:
            market.shock(replace(shock, symbols=symbols))

    def _holds(self, when: When | None) -> bool:
        if when is None:
            return True
        state = self.engine.state
        held = list(state.account.open_holdings())
        equity = state.account.wallet + state.account.unrealized(state.marks)
        exposure = sum(abs(one.quantity) * state.marks[one.symbol] for one in held)
        figures = {
            "orders": len(state.orders.history()),
            "fills": len(state.trades),
            "positions": len(held),
            "exposure": float(exposure / equity) if equity > 0 else 0.0,
        }
        return figures[when.metric] >= when.at_least
