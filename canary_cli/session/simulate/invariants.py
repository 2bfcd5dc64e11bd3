"""What must hold at every step whatever goes wrong. Truth is the exchange's own; the session is held against it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.execution import Became
from canary_cli.core.model import ZERO, OrderType
from canary_cli.core.trading import hands
from canary_cli.core.trading.events import AccountRead, ReadFailed
from canary_cli.core.trading.inputs import Input, QueryAnswered, Replied
from canary_cli.core.trading.order import Stage
from canary_cli.core.trading.state import Session
from canary_cli.journal.record import Record
from canary_cli.paper.engine import Engine
from canary_cli.paper.orders import Event, OrderChange

NAKED, APART, BLIND = 60.0, 90.0, 90.0
"""Seconds that a position may be without a stop, our fills another sum than it, a loss beyond the breaker unseen."""

UNHEARD = 60.0
"""Seconds more without a stop that nobody told of: the next reading shows it."""

DOUBT = Decimal("0.5")
"""Percent of equity by which a session that hears late may be wrong about its drawdown."""


class Breach(Exception):
    """An invariant did not hold: which, and what was seen."""

    def __init__(self, invariant: str, detail: str, at: datetime) -> None:
        super().__init__(f"{invariant}: {detail} (at {at:%H:%M:%S.%f})")
        self.invariant = invariant
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Intent:
    """`number` is its place among intents and latches, in the order they were journalled."""

    number: int
    quantity: Decimal
    is_algo: bool
    adds_risk: bool


class Invariants:
    """One for a whole run, through all its crashes. Raises `Breach`."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._number = 0
        self._latched: int | None = None
        self._intents: dict[str, _Intent] = {}
        self._executed: dict[str, Decimal] = {}
        self._positions: dict[str, Decimal] = {}
        self._naked: dict[str, datetime] = {}
        self._apart: datetime | None = None
        self._blind: datetime | None = None
        self._curve = Curve()

    # What is written

    def on_record(self, record: Record) -> None:
        if record.event != "order_intent":
            return
        self._number += 1
        data = record.data
        kind, purpose = OrderType(data["type"]), data["purpose"]
        self._intents[data["client_id"]] = _Intent(
            self._number, Decimal(data["quantity"]), kind.is_algo, purpose in ("entry", "probe")
        )

    def on_latch(self) -> None:
        self._number += 1
        if self._latched is None:
            self._latched = self._number

    # What the exchange does

    def on_exchange(self, event: Event) -> None:
        if not isinstance(event, OrderChange):
            return
        order = event.order
        intent = self._intents.get(order.client_id)
        if intent is None and not hands.is_closing(order.client_id):
            self._breach("an order without an intent", f"{order.client_id} {order.symbol}")
        if event.trade is not None:
            self._on_trade(order.client_id, order.symbol, event.trade.quantity * order.side.sign, intent)

    def _on_trade(self, client_id: str, symbol: str, signed: Decimal, intent: _Intent | None) -> None:
        before = self._positions.get(symbol, ZERO)
        after = self._positions[symbol] = before + signed
        if abs(after) > abs(before):
            if intent is None or not intent.adds_risk:
                self._breach("an exit that opened", f"{client_id} took {symbol} from {before} to {after}")
            elif self._latched is not None and intent.number > self._latched:
                self._breach("an entry after the latch", f"{client_id} took {symbol} from {before} to {after}")
        executed = self._executed[client_id] = self._executed.get(client_id, ZERO) + abs(signed)
        if intent is not None and not intent.is_algo and executed > intent.quantity:
            self._breach("more executed than intended", f"{client_id}: {executed} of {intent.quantity}")

    # What the session decides

    def on_decided(self, event: Input, before: Session, after: Session) -> None:
        if before.latches is not after.latches and not before.latches.keys() <= after.latches.keys():
            self._breach("a latch cleared by nobody", ", ".join(before.latches.keys() - after.latches.keys()))
        if isinstance(event, ReadFailed) and before.held != after.held:
            self._breach("a failed question changed the risk", f"{before.held} became {after.held}")
        if isinstance(event, Replied | QueryAnswered | AccountRead):
            self._unknown_is_no_success(after)

    def _unknown_is_no_success(self, state: Session) -> None:
        for sent in state.metrics.execution.sent:
            life = state.orders.get(sent.client_id)
            is_unknown = life is not None and life.stage is Stage.UNKNOWN and not life.filled
            if is_unknown and sent.became is Became.CONFIRMED:
                self._breach("unknown counted as success", sent.client_id)

    def on_vanished(self, symbol: str) -> None:
        """A stop of it has gone unheard: nobody can know before the next reading."""
        self._naked[symbol] = self._now() + timedelta(seconds=UNHEARD)

    def on_moved(self, amount: Decimal) -> None:
        """Money came (positive) or went: asked before it did."""
        self._curve = self._curve.transferred(self._equity, self._equity + amount)

    def on_trip(self, limit: Decimal) -> None:
        drawdown = self._curve.drawdown_pct or ZERO
        if drawdown > limit + DOUBT:
            self._breach("a trip without a loss", f"{drawdown:.2f} % down")

    @property
    def _equity(self) -> Decimal:
        account = self._engine.state.account
        return account.wallet + account.unrealized(self._engine.state.marks)

    def on_flat(self) -> None:
        held = {one.symbol: one.quantity for one in self._engine.state.account.open_holdings()}
        if held:
            self._breach("called flat while exposed", str(held))

    def on_rebuilt(self, before: Session, after: Session) -> None:
        """A session rebuilt from its journal knows what the one that crashed knew."""
        for name in ("held", "trades", "sequence", "latches", "pairs"):
            if getattr(before, name) != getattr(after, name):
                self._breach("forgotten in a crash", f"{name}: {getattr(before, name)} became {getattr(after, name)}")
        lives = {client_id: (one.stage, one.executed, one.filled) for client_id, one in before.orders.items()}
        again = {client_id: (one.stage, one.executed, one.filled) for client_id, one in after.orders.items()}
        if lives != again:
            lost = [key for key in lives.keys() | again.keys() if lives.get(key) != again.get(key)]
            self._breach("forgotten in a crash", f"orders {sorted(lost)}")

    # What time shows

    def on_start(self) -> None:
        """Nobody watches while nobody runs: the clocks begin anew."""
        self._naked.clear()
        self._apart = self._blind = None

    def on_marks(self, state: Session) -> None:
        """Marks that the session is about to hear."""
        self._curve = self._curve.marked(self._equity, self._now())
        limit = state.breaker.limits.trip - DOUBT
        if state.rolling_back or (self._curve.drawdown_pct or ZERO) > limit:
            self._blind = None
        elif self._blind is None:
            self._blind = self._now()
        elif (self._now() - self._blind).total_seconds() > BLIND:
            self._breach("a loss without a trip", f"{self._curve.drawdown_pct:.2f} % down since {self._blind:%H:%M:%S}")

    def on_instant(self, state: Session, *, is_closing: bool) -> None:
        if "mismatch" in state.latches or "foreign-order" in state.latches:
            self._breach("its own orders taken for a stranger's", str(dict(state.latches)))
        theirs = {one.symbol: one.quantity for one in self._engine.state.account.open_holdings()}
        self._watch_sum(state, theirs)
        self._watch_stops({} if is_closing else theirs)

    def _watch_sum(self, state: Session, theirs: Mapping[str, Decimal]) -> None:
        ours = {symbol: held.quantity for symbol, held in state.held.items()}
        if ours == theirs:
            self._apart = None
        elif self._apart is None:
            self._apart = self._now()
        elif (self._now() - self._apart).total_seconds() > APART:
            self._breach("fills are not the position", f"ours {ours}, the exchange's {theirs}")

    def _watch_stops(self, theirs: Mapping[str, Decimal]) -> None:
        for symbol in [symbol for symbol in self._naked if symbol not in theirs or self._has_stop(symbol)]:
            del self._naked[symbol]
        for symbol in theirs:
            if self._has_stop(symbol):
                continue
            since = self._naked.setdefault(symbol, self._now())
            if (self._now() - since).total_seconds() > NAKED:
                self._breach("a position without a stop", f"{symbol} {theirs[symbol]} since {since:%H:%M:%S}")

    def _has_stop(self, symbol: str) -> bool:
        return any(one.type is OrderType.STOP_MARKET for one in self._engine.state.conditionals.open(symbol))

    def _breach(self, invariant: str, detail: str) -> None:
        raise Breach(invariant, detail, self._now())
