"""A session in memory: its own exchange rules, a short plan, and a way to tell it what happens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.model import Book, Fill, Order, OrderStatus, OrderType, Position, Side, SymbolRules
from canary_cli.core.policy.plan import Plan
from canary_cli.core.trading.effects import Effect
from canary_cli.core.trading.events import (
    AccountUpdated,
    LeverageRead,
    MarksUpdated,
    OrderUpdated,
    Quoted,
    Stream,
    StreamUp,
)
from canary_cli.core.trading.facts import Intended
from canary_cli.core.trading.inputs import EnterPhase, Input, Replied
from canary_cli.core.trading.replies import Confirmed
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.state import MarginTold, Session, Setup
from canary_cli.paper.account import after_fill
from canary_cli.steps.plan import load_plan

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
GOLIVE = Path(__file__).parents[3] / "runbooks" / "golive.toml"


def rules(symbol: str, tick: str, step: str) -> SymbolRules:
    tenth, smallest = Decimal(tick), Decimal(step)
    return SymbolRules(symbol, tenth, smallest, smallest, Decimal(1000), smallest, smallest, Decimal(120), Decimal(5))


class Desk:
    """Tells a session what happens and keeps what it asks for."""

    def __init__(self, plan: Plan) -> None:
        listed = {s: rules(s, t, q) for s, t, q in (("BTCUSDT", "0.1", "0.001"), ("ETHUSDT", "0.01", "0.001"))}
        self.state = Session(setup=Setup("run-1", "c1-1-", plan, listed), now=NOON)
        self.asked: list[Effect] = []
        self._trade = 0

    @property
    def now(self) -> datetime:
        return self.state.now

    def tell(self, event: Input) -> tuple[Effect, ...]:
        self.state, effects = decide(self.state, event)
        self.asked.extend(effects)
        return effects

    def open(self, wallet: str = "10000") -> "Desk":
        """Streams up, prices known, reconciled, phase 1 entered."""
        self.state = replace(self.state, wallet=Decimal(wallet), is_booked=True, reconciled=True)
        for stream in Stream:
            self.tell(StreamUp(NOON, stream))
        self.mark(BTCUSDT="50000", ETHUSDT="3000")
        self.state = replace(self.state, reconciled=True, margin=MarginTold(Decimal(0), {}))
        self.tell(LeverageRead(NOON, {"BTCUSDT": Decimal(20), "ETHUSDT": Decimal(20)}))
        phase = self.state.setup.plan.phase(1)
        self.tell(EnterPhase(NOON, phase, ("BTCUSDT", "ETHUSDT"), NOON + phase.duration))
        return self

    def mark(self, after: float = 0.0, **prices: str) -> tuple[Effect, ...]:
        time = self.now + timedelta(seconds=after)
        for symbol, price in prices.items():
            level = (Decimal(price), Decimal(10))
            self.tell(Quoted(time, Book(symbol, (level,), (level,), time)))
        return self.tell(MarksUpdated(time, {symbol: Decimal(price) for symbol, price in prices.items()}))

    def confirm(self, intent: Intended, order_id: int = 7) -> tuple[Effect, ...]:
        return self.tell(Replied(self.now, intent.client_id, Confirmed(order_of(intent, order_id)), 40.0, 35.0))

    def fill(self, intent: Intended, price: str, quantity: str | None = None) -> tuple[Effect, ...]:
        """One trade of the order; it is over when all of it has filled."""
        self._trade += 1
        amount = Decimal(quantity) if quantity else intent.quantity
        done = self.state.orders[intent.client_id].executed + amount
        status = OrderStatus.FILLED if done == intent.quantity else OrderStatus.PARTIALLY_FILLED
        order = replace(order_of(intent), status=status, executed=done, average_price=Decimal(price))
        fill = Fill(
            intent.symbol, self._trade, 7, intent.client_id, intent.side, Decimal(price), amount, self.now,
            commission=Decimal("0.01"),
        )  # fmt: skip
        self.tell(AccountUpdated(self.now, "ORDER", None, Decimal(0), (self._position_after(fill),)))
        return self.tell(OrderUpdated(self.now, order, "TRADE", fill))

    def _position_after(self, fill: Fill) -> Position:
        """As the exchange tells it with the wallet, ahead of the order."""
        held = self.state.held.get(fill.symbol)
        quantity, entry = (held.quantity, held.entry_price) if held else (Decimal(0), Decimal(0))
        after = after_fill(quantity, entry, fill.side.sign * fill.quantity, fill.price)
        return Position(fill.symbol, after.quantity, after.entry, after.entry)


def order_of(intent: Intended, order_id: int = 7) -> Order:
    return Order(
        order_id, intent.client_id, intent.symbol, intent.side, OrderType.MARKET, OrderStatus.NEW, intent.quantity
    )


@pytest.fixture(scope="session")
def golive() -> Plan:
    return load_plan(GOLIVE, GOLIVE.parents[1])


@pytest.fixture
def desk(golive: Plan) -> Desk:
    return Desk(golive).open()


BUY, SELL = Side.BUY, Side.SELL
