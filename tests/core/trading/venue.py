"""A tiny exchange in memory, and a world under virtual time in which a flatten's effects come true.

It enforces what the real one does: reduce-only never turns a position, hedge sides close only themselves, filters hold,
conditional orders live apart and `closePosition` ones expire with their position.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from canary_cli.core.model import (
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    AlgoStatus,
    Balance,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Position,
    PositionSide,
    Side,
    SymbolRules,
)
from canary_cli.core.trading.flatten import (
    AccountSeen,
    Begin,
    Cancel,
    CancelAlgo,
    CancelAll,
    Cancelled,
    CancelOrder,
    Close,
    Closed,
    DeadlinePassed,
    Effect,
    Event,
    Flatten,
    Queried,
    Query,
    Read,
    ReadFailed,
    Wake,
    Woken,
    decide,
)
from canary_cli.core.trading.replies import Confirmed, Failed, Rejected, Reply, Unknown

ZERO = Decimal(0)
PAIRS_20 = [f"P{n}USDT" for n in range(20)]
EPOCH = datetime(2026, 2, 22, tzinfo=UTC)


def rules(symbol: str, *, step: str = "0.001", least: str = "0.001", most: str = "1000") -> SymbolRules:
    d = Decimal
    return SymbolRules(symbol, d("0.1"), d(step), d(least), d(most), d(step), d(least), d(most), d(5))


def position(symbol: str, quantity: str, side: PositionSide = PositionSide.BOTH) -> Position:
    return Position(symbol, Decimal(quantity), Decimal(100), Decimal(100), side)


def resting(symbol: str, client_id: str, quantity: str = "1", *, reduce_only: bool = False) -> Order:
    return Order(next(_NUMBERS), client_id, symbol, Side.BUY, OrderType.LIMIT, OrderStatus.NEW, Decimal(quantity),
                 reduce_only=reduce_only)  # fmt: skip


def stop(symbol: str, *, close_position: bool = True, kind: OrderType = OrderType.STOP_MARKET) -> AlgoOrder:
    number = next(_NUMBERS)
    return AlgoOrder(number, f"stop-{number}", symbol, Side.SELL, kind, AlgoStatus.NEW, Decimal(90),
                     close_position=close_position)  # fmt: skip


_NUMBERS = itertools.count(1)


@dataclass
class Venue:
    """What the exchange holds. `obstructs` names orders that make a reduce-only close fail with -4118."""

    positions: dict[tuple[str, PositionSide], Position] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)
    rules: dict[str, SymbolRules] = field(default_factory=dict)
    hedge: bool = False
    depth: dict[str, Decimal] = field(default_factory=dict)  # most that a MARKET order finds; absent: all
    done: dict[str, Order] = field(default_factory=dict)
    received: list[OrderRequest] = field(default_factory=list)

    def hold(self, *held: Position) -> "Venue":
        for one in held:
            self.positions[one.symbol, one.position_side] = one
            self.rules.setdefault(one.symbol, rules(one.symbol))
        return self

    def rest(self, *items: Order | AlgoOrder) -> "Venue":
        for item in items:
            if isinstance(item, AlgoOrder):
                self.algos[item.algo_id] = item
            else:
                self.orders[item.client_id] = item
            self.rules.setdefault(item.symbol, rules(item.symbol))
        return self

    def snapshot(self) -> AccountSnapshot:
        zero = Balance(ZERO, ZERO, ZERO, ZERO)
        return AccountSnapshot(EPOCH, zero, AccountMode(self.hedge, multi_assets=False),
                               tuple(self.positions.values()), tuple(self.orders.values()),
                               tuple(self.algos.values()))  # fmt: skip

    def place(self, request: OrderRequest) -> Reply[Order]:
        self.received.append(request)
        refused = self._refused(request)
        if refused is not None:
            return refused
        held = self.positions[request.symbol, request.position_side]
        executed = min(request.quantity, abs(held.quantity))
        if request.type is OrderType.MARKET:
            executed = min(executed, self.depth.get(request.symbol, executed))
        self._reduce(held, executed)
        status = OrderStatus.FILLED if executed == request.quantity else OrderStatus.EXPIRED
        order = Order(next(_NUMBERS), request.client_id, request.symbol, request.side, request.type, status,
                      request.quantity, executed)  # fmt: skip
        self.done[request.client_id] = order
        return Confirmed(order)

    def _refused(self, request: OrderRequest) -> Rejected | None:
        held = self.positions.get((request.symbol, request.position_side))
        if (request.position_side is not PositionSide.BOTH) != self.hedge:
            return Rejected(-4061, "Order's position side does not match user's setting.")
        if self.hedge and request.reduce_only:
            return Rejected(-1106, "Parameter 'reduceonly' sent when not required.")
        opens = not request.reduce_only and not self.hedge
        if not opens and (held is None or request.side is (Side.BUY if held.quantity > 0 else Side.SELL)):
            return Rejected(-2022, "ReduceOnly Order is rejected.")
        filters = self.rules[request.symbol]
        if request.quantity > filters.market_max_quantity:
            return Rejected(-4005, "Quantity greater than max quantity.")
        if request.quantity < filters.market_min_quantity:
            return Rejected(-4004, "Quantity less than min quantity.")
        if request.quantity % filters.market_step:
            return Rejected(-4023, "Qty not increased by step size.")
        if any(order.symbol == request.symbol and order.reduce_only for order in self.orders.values()):
            return Rejected(-4118, "ReduceOnly Order Failed.")
        if request.type is OrderType.MARKET and self.depth.get(request.symbol) == ZERO:
            return Rejected(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")
        return None

    def _reduce(self, held: Position, executed: Decimal) -> None:
        left = held.quantity - executed if held.quantity > 0 else held.quantity + executed
        key = (held.symbol, held.position_side)
        if left:
            self.positions[key] = replace(held, quantity=left)
            return
        del self.positions[key]
        if not any(symbol == held.symbol for symbol, _ in self.positions):
            self.algos = {n: a for n, a in self.algos.items() if a.symbol != held.symbol or not a.close_position}

    def cancel(self, effect: Cancel) -> Reply[object]:
        if isinstance(effect, CancelAlgo):
            gone = self.algos.pop(effect.algo_id, None)
            return Confirmed(effect.algo_id) if gone else Rejected(-2011, "Unknown order sent.")
        if isinstance(effect, CancelOrder):
            found = [n for n, o in self.orders.items() if o.client_id == effect.client_id]
            return Confirmed(self.orders.pop(found[0])) if found else Rejected(-2011, "Unknown order sent.")
        self.orders = {n: o for n, o in self.orders.items() if o.symbol != effect.symbol}
        return Confirmed("The operation of cancel all open order is done.")


Fault = Callable[[Effect], "str | Reply[object] | None"]
"""Per effect: None (works), "lost" (never arrives), "unheard" (done, answer lost), or a reply instead of the deed."""


class World:
    """Runs a flatten against a venue; every deed and reading takes `latency` virtual seconds there and back."""

    def __init__(self, venue: Venue, *, latency: float = 0.05, fault: Fault = lambda _effect: None) -> None:
        self.venue = venue
        self.state = Flatten("KILL-t-", venue.rules)
        self.log: list[tuple[float, Effect]] = []
        self.now = 0.0
        self.at: list[tuple[float, Callable[[Venue], None]]] = []
        self._latency = latency
        self._fault = fault
        self._queue: list[tuple[float, int, Callable[[], Event | None]]] = []
        self._order = itertools.count()

    def later(self, at: float, happening: Callable[[Venue], None]) -> "World":
        """Something else happens at the exchange (a late fill, another trader)."""
        self._schedule(at, lambda: happening(self.venue))  # type: ignore[arg-type,return-value]
        return self

    def run(self, known: AccountSnapshot | None = None, *, deadline: float = 60.0) -> Flatten:
        self._feed(Begin(0.0, known))
        while self._queue and self.state.outcome is None:
            at, _, happens = heapq.heappop(self._queue)
            if at > deadline:
                self.now = deadline
                self._feed(DeadlinePassed(deadline))
                break
            self.now = at
            event = happens()
            if event is not None:
                self._feed(event)
        return self.state

    def _feed(self, event: Event) -> None:
        self.state, effects = decide(self.state, event)
        for effect in effects:
            self.log.append((self.now, effect))
            self._perform(effect)

    def _schedule(self, at: float, happens: Callable[[], Event | None]) -> None:
        heapq.heappush(self._queue, (at, next(self._order), happens))

    def _perform(self, effect: Effect) -> None:
        asked = self.now
        if isinstance(effect, Wake):
            self._schedule(effect.at, lambda: Woken(self.now))
            return
        wait = effect.delay if isinstance(effect, Query) else 0.0
        self._schedule(asked + wait + self._latency / 2, lambda: self._arrive(effect, asked))

    def _arrive(self, effect: Effect, asked: float) -> None:
        """At the exchange, half-way; its answer is heard as long after."""
        answer = self._answer(effect, asked, self._fault(effect))
        self._schedule(self.now + self._latency / 2, lambda: replace(answer, now=self.now))

    def _answer(self, effect: Effect, asked: float, fault: "str | Reply[object] | None") -> Event:
        reply: Reply[object] | None = None
        if fault == "lost":
            reply = Unknown("no reply")
        elif fault is not None and not isinstance(fault, str):
            reply = fault
        match effect:
            case Close(request):
                told = reply or self.venue.place(request)
                return Closed(0, request.client_id, Unknown("no reply") if fault == "unheard" else told)  # type: ignore[arg-type]
            case CancelAll() | CancelOrder() | CancelAlgo():
                done = reply or self.venue.cancel(effect)
                return Cancelled(0, effect, Unknown("no reply") if fault == "unheard" else done)
            case Query(client_id=client_id):
                if fault is not None:
                    return Queried(0, client_id, answered=False)
                return Queried(0, client_id, answered=True, order=self.venue.done.get(client_id))
            case Read():
                return ReadFailed(0, "away") if fault is not None else AccountSeen(0, asked, self.venue.snapshot())
            case Wake():
                raise AssertionError("a wake-up is no request")


SHAKY: list["str | Reply[object] | None"] = [
    None, None, None, "lost", "unheard", Failed(-1008, "busy"), Rejected(-2022, "reduce-only"), Failed(0, "503")
]  # fmt: skip
