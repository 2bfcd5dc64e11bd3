"""The paper exchange behind a network that delays, loses and refuses: requests in, replies and stream events out.

What the exchange says travels in its own wire shapes and is read by the translation the live client uses.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from canary_cli.core.accounting.pnl import TRANSFERS
from canary_cli.core.binance import translate
from canary_cli.core.binance.payloads import user_event
from canary_cli.core.model import (
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    Balance,
    Fill,
    Income,
    Order,
    OrderRequest,
    Position,
)
from canary_cli.core.trading.events import UserEvent
from canary_cli.core.trading.replies import Confirmed, Reply, Unknown
from canary_cli.paper import shapes
from canary_cli.paper.engine import Engine
from canary_cli.paper.orders import Event, NewOrder
from canary_cli.paper.problems import Problem
from canary_cli.paper.user_events import payloads
from canary_cli.session.simulate.faults import Fate, Faults, Kind
from canary_cli.session.simulate.timeline import Timeline

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds until the client gives up, and the recvWindow: what arrives later is not executed."""


class SimulatedExchange:
    """`witness` sees each event of the engine before anybody else; `tell` takes what the user stream would carry."""

    def __init__(
        self,
        engine: Engine,
        timeline: Timeline,
        faults: Faults,
        witness: Callable[[Event], None],
        tell: Callable[[UserEvent], None],
    ) -> None:
        self.engine = engine
        self._timeline = timeline
        self._faults = faults
        self._witness = witness
        self._tell = tell

    # Requests: `done` gets the reply, in time or as `Unknown` when patience ends

    def place(self, request: OrderRequest, done: Callable[[Reply[Order]], None]) -> None:
        self._ask(lambda: translate.order(shapes.placed(self.engine.place(_new(request)))), done)

    def place_algo(self, request: OrderRequest, done: Callable[[Reply[AlgoOrder]], None]) -> None:
        def deed() -> AlgoOrder:
            return translate.algo_order(shapes.conditional(self.engine.place_conditional(_new(request))))

        self._ask(deed, done)

    def cancel_algo(self, algo_id: int, done: Callable[[Reply[object]], None]) -> None:
        self._ask(lambda: self.engine.cancel_conditional(algo_id, None).algo_id, done)

    def cancel_all(self, symbol: str, done: Callable[[Reply[object]], None]) -> None:
        self._ask(lambda: len(self.engine.cancel_all(symbol)), done)

    def cancel(self, symbol: str, client_id: str, done: Callable[[Reply[object]], None]) -> None:
        self._ask(lambda: self.engine.cancel(symbol, client_id=client_id), done)

    def order(self, symbol: str, client_id: str, done: Callable[[Reply[Order | None]], None]) -> None:
        self._ask(lambda: self._order(symbol, client_id), done)

    def snapshot(self, done: Callable[[Reply[AccountSnapshot]], None]) -> None:
        self._ask(self._snapshot, done)

    def leverages(self, done: Callable[[Reply[dict[str, Decimal]]], None]) -> None:
        self._ask(self._leverages, done)

    def trades(self, symbols: Iterable[str], since: datetime, done: Callable[[Reply[tuple[Fill, ...]]], None]) -> None:
        self._ask(lambda: self._trades(frozenset(symbols), since), done)

    def transfers(self, since: datetime, done: Callable[[Reply[tuple[Income, ...]]], None]) -> None:
        self._ask(lambda: self._transfers(since), done)

    def publish(self) -> None:
        """Tell what has happened: to the witness at once, to the user stream as far as it may."""
        for event in self.engine.drain():
            self._witness(event)
            for payload in payloads(event):
                told = user_event(payload)
                if told is not None:
                    self._tell(told)

    def _ask(self, deed: Callable[[], T], done: Callable[[Reply[T]], None]) -> None:
        fate, sent = self._faults.fate(), self._timeline.now
        waiting = [done]

        def answer(reply: Reply[T]) -> None:
            while waiting:
                waiting.pop()(reply)

        def arrive() -> None:
            reply = self._served(fate, (self._timeline.now - sent).total_seconds(), deed)
            if fate.replies:
                self._timeline.after(fate.back, lambda: answer(reply))

        if fate.arrives:
            self._timeline.after(fate.out, arrive)
        self._timeline.after(PATIENCE, lambda: answer(Unknown(f"no answer within {PATIENCE:.0f} s")))

    def _served(self, fate: Fate, late: float, deed: Callable[[], T]) -> Reply[T]:
        if late > PATIENCE:
            return translate.refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        if fate.refusal is not None and not (isinstance(fate.refusal, Unknown) and fate.executes):
            return fate.refusal
        self.engine.at(self._timeline.now)
        try:
            value = deed()
        except Problem as problem:
            return fate.refusal or translate.refusal(problem.status, problem.code, problem.text)
        finally:
            self.publish()
        return fate.refusal or Confirmed(value)

    # Questions, as the engine answers them now

    def _order(self, symbol: str, client_id: str) -> Order | None:
        """None for an order the exchange does not know, or is slow to find right after it was placed."""
        found = self.engine.state.orders.find(symbol, None, client_id)
        if found is None:
            return None
        young = (self.engine.now - found.created).total_seconds() < 1.0
        if young and self._faults.strikes(Kind.QUERY_LAG):
            return None
        return translate.order(shapes.queried(found))

    def _snapshot(self) -> AccountSnapshot:
        state = self.engine.state
        account, marks = state.account, state.marks
        unrealized = account.unrealized(marks)
        balance = Balance(account.wallet, unrealized, account.wallet + unrealized, state.available)
        positions = tuple(
            Position(h.symbol, h.quantity, h.entry, marks[h.symbol], h.side, h.unrealized(marks[h.symbol]))
            for h in account.open_holdings()
        )
        orders = tuple(translate.order(shapes.queried(one)) for one in state.orders.open())
        algos = tuple(translate.algo_order(shapes.conditional(one)) for one in state.conditionals.open())
        mode = AccountMode(account.hedge, account.multi_assets)
        return AccountSnapshot(self._timeline.now, balance, mode, positions, orders, algos)

    def _leverages(self) -> dict[str, Decimal]:
        account = self.engine.state.account
        return {symbol: Decimal(account.config(symbol).leverage) for symbol in self.engine.state.listings}

    def _trades(self, symbols: frozenset[str], since: datetime) -> tuple[Fill, ...]:
        trades = (one for one in self.engine.state.trades if one.symbol in symbols and one.time >= since)
        return tuple(self._named(translate.fill(shapes.user_trade(one))) for one in trades)

    def _transfers(self, since: datetime) -> tuple[Income, ...]:
        rows = (row for row in self.engine.state.income if row.type in TRANSFERS and row.time >= since)
        return tuple(translate.income(shapes.income(row)) for row in rows)

    def _named(self, fill: Fill) -> Fill:
        """With its order's client id, for which the live executor asks apart."""
        order = self.engine.state.orders.find(fill.symbol, fill.order_id, None)
        return fill if order is None else replace(fill, client_id=order.client_id)


def _new(request: OrderRequest) -> NewOrder:
    return NewOrder(
        request.symbol,
        request.side,
        request.type,
        None if request.close_position else request.quantity,
        request.price,
        request.time_in_force,
        request.position_side,
        request.reduce_only,
        request.client_id,
        trigger_price=request.trigger_price,
        close_position=request.close_position,
        working_type=request.working_type,
    )
