"""What a session promises whatever the world does, held against the exchange's own truth (`TradingVenue`).

The numbers are those of the invariants that the fault list's document states for any script of events.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from canary_cli.core.accounting.execution import Became
from canary_cli.core.model import Side
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.trading.effects import Effect, Place
from canary_cli.core.trading.events import ReadFailed
from canary_cli.core.trading.inputs import Input, LatchChanged, QueryAnswered
from canary_cli.core.trading.order import Stage
from canary_cli.core.trading.protection import closing
from canary_cli.core.trading.standing import is_quiet, trading_state
from canary_cli.core.trading.state import Session
from canary_cli.journal.record import Entry, Record
from tests.core.trading.trading_venue import TradingVenue
from tests.core.trading.venue import ZERO

STRICTNESS = [TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED]
ADDS_RISK = ("entry", "probe")
OTHERS = ("KILL-", "web_", "adl_autoclose")
"""Client ids of orders that are not the session's."""


@dataclass
class Promises:
    """Listens to the journal, to every decision, and to every order that the exchange takes."""

    venue: TradingVenue
    intents: dict[str, Record] = field(default_factory=dict)
    signalled: set[str] = field(default_factory=set)
    told: dict[tuple[str, int], tuple[str, Decimal]] = field(default_factory=dict)
    before_latch: set[str] | None = None
    seen: int = 0
    held: dict[str, Decimal] = field(default_factory=dict)
    opener: dict[str, str] = field(default_factory=dict)
    executed: dict[str, Decimal] = field(default_factory=dict)

    def on_record(self, record: Record) -> None:
        data = record.data
        match record.event:
            case "order_intent":
                assert data["client_id"] not in self.intents, "one id for two orders"
                self.intents[data["client_id"]] = record
            case "signal":
                self.signalled.add(record.pair)
            case "fill":
                key = (data["symbol"], data["trade_id"])
                assert key not in self.told, f"5: {key} counted twice"
                self.told[key] = (data["symbol"], Decimal(data["quantity"]) * Side(data["side"]).sign)

    def forget(self, entries: Iterable[Entry]) -> None:
        """A power cut: what is not in the journal any more was never written."""
        left = list(entries)
        kept = {entry.data["client_id"] for entry in left if entry.event == "order_intent"}
        fills = {(entry.data["symbol"], entry.data["trade_id"]) for entry in left if entry.event == "fill"}
        self.intents = {client_id: one for client_id, one in self.intents.items() if client_id in kept}
        self.told = {key: one for key, one in self.told.items() if key in fills}

    def on_latch(self) -> None:
        if self.before_latch is None:
            self.before_latch = set(self.intents)

    def on_cleared(self) -> None:
        self.before_latch = None

    def on_decided(self, event: Input, before: Session, after: Session) -> None:
        if not isinstance(event, LatchChanged):
            assert before.latches.keys() <= after.latches.keys(), "7: a latch was cleared by no human"
        if isinstance(event, ReadFailed) or (isinstance(event, QueryAnswered) and not event.answered):
            _assert_no_braver(before, after)

    def on_exchange(self) -> None:
        """Every trade since the last look: whose it was, and whether it might happen."""
        for fill in self.venue.fills[self.seen :]:
            before = self.held.get(fill.symbol, ZERO)
            self.held[fill.symbol] = before + fill.quantity * fill.side.sign
            grew = abs(self.held[fill.symbol]) > abs(before)
            if not before:
                self.opener[fill.symbol] = fill.client_id
            self.executed[fill.client_id] = self.executed.get(fill.client_id, ZERO) + fill.quantity
            if not fill.client_id.startswith(OTHERS):
                self._judge(fill.client_id, grew=grew)
                opener = self.opener[fill.symbol]
                added = grew and opener != fill.client_id and not opener.startswith(OTHERS)
                assert not added, f"{fill.client_id} added to the position of {opener}"
        self.seen = len(self.venue.fills)

    def _judge(self, client_id: str, *, grew: bool) -> None:
        assert client_id in self.intents, f"6: {client_id} traded and was never intended"
        record = self.intents[client_id]
        assert record.run_id and record.phase, f"6: nobody knows which phase asked for {client_id}"
        purpose, symbol = record.data["purpose"], record.data["symbol"]
        most = Decimal(record.data["quantity"]) or self.executed[client_id]  # conditional orders close what there is
        assert self.executed[client_id] <= most, f"{client_id} executed {self.executed[client_id]} of {most}"
        assert purpose != "entry" or symbol in self.signalled, f"6: {client_id} entered without a signal"
        if grew:
            assert purpose in ADDS_RISK, f"1: {purpose} {client_id} opened"
            assert self.before_latch is None or client_id in self.before_latch, f"1: {client_id} opened when latched"

    def on_state(self, state: Session) -> None:
        """What must hold between any two events."""
        ours = {symbol: held.quantity for symbol, held in state.held.items()}
        if not state.adopted:
            assert ours == self.position(), f"5: {ours} is not the sum of the fills"
        true = {(fill.symbol, fill.trade_id) for fill in self.venue.fills}
        assert self.told.keys() <= true, "5: a trade that never was"
        for sent in state.metrics.execution.sent:
            life = state.orders.get(sent.client_id)
            unknown = life is not None and life.stage is Stage.UNKNOWN and not life.filled
            assert not (unknown and sent.became is Became.CONFIRMED), f"4: {sent.client_id} unknown, and a success"
        if any(life.is_unanswered for life in state.orders.values()):
            assert not is_quiet(state), "4: unknown, and quiet"

    def position(self) -> dict[str, Decimal]:
        """The sum of the journalled fills of each pair that is not flat."""
        sums: dict[str, Decimal] = {}
        for symbol, signed in self.told.values():
            sums[symbol] = sums.get(symbol, ZERO) + signed
        return {symbol: quantity for symbol, quantity in sums.items() if quantity}


def assert_closes(state: Session, symbol: str, effects: tuple[Effect, ...]) -> None:
    """3: whatever limits trading, a signal against what is held sends an exit, unless one is under way."""
    exits = [effect.intent for effect in effects if isinstance(effect, Place) and effect.intent.symbol == symbol]
    if not closing(state, symbol):
        quantity = abs(state.held[symbol].quantity)
        assert [(one.reduce_only, one.quantity) for one in exits] == [(True, quantity)], "3: no exit"


def _assert_no_braver(before: Session, after: Session) -> None:
    """8: a question without an answer took nothing off what is at risk."""
    assert before.held == after.held, "8: held"
    open_before = {client_id for client_id, life in before.orders.items() if life.is_open}
    assert open_before <= {client_id for client_id, life in after.orders.items() if life.is_open}, "8: orders"
    assert before.conditions.keys() <= after.conditions.keys(), "8: conditions"
    assert STRICTNESS.index(trading_state(before)[0]) <= STRICTNESS.index(trading_state(after)[0]), "8: trading state"
