"""The tiny exchange grown so that a session can trade on it: entries, fills in pieces, conditional orders, user stream.

Market orders meet no book: they execute at the pair's price, whole or short of a rest that expires. `closePosition`
orders trigger when the price reaches them, become a market order of the same client id, and end with their position.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from canary_cli.core.model import (
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    AlgoStatus,
    Balance,
    Fill,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Position,
    PositionSide,
    Side,
)
from canary_cli.core.trading.events import AccountUpdated, AlgoUpdated, OrderUpdated, UserEvent
from canary_cli.core.trading.flatten import CancelAlgo, CancelAll
from canary_cli.core.trading.replies import Confirmed, Rejected, Reply
from tests.core.trading.venue import EPOCH, ZERO, Venue

FEE = Decimal("0.0004")


@dataclass
class TradingVenue(Venue):
    """`told` is what the user stream would carry, in order, until somebody takes it; `fills` every trade."""

    now: datetime = EPOCH
    wallet: Decimal = Decimal(10_000)
    prices: dict[str, Decimal] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    told: list[UserEvent] = field(default_factory=list)
    number: int = 0

    def quantity(self, symbol: str) -> Decimal:
        """Signed; zero where flat."""
        held = self.positions.get((symbol, PositionSide.BOTH))
        return held.quantity if held else ZERO

    def snapshot(self) -> AccountSnapshot:
        balance = Balance(self.wallet, ZERO, self.wallet, self.wallet)
        positions = tuple(replace(one, mark_price=self.prices[one.symbol]) for one in self.positions.values())
        return AccountSnapshot(self.now, balance, AccountMode(hedge=False, multi_assets=False), positions,
                               tuple(self.orders.values()), tuple(self.algos.values()))  # fmt: skip

    def place(self, request: OrderRequest, pieces: int = 1, share: Decimal = Decimal(1)) -> Reply[Order]:
        """Execute `share` of it in so many trades; the rest expires."""
        self.received.append(request)
        refused = self._refused(request)
        if refused is not None:
            return refused
        step = self.rules[request.symbol].market_step
        most = abs(self.quantity(request.symbol)) if request.reduce_only else request.quantity
        executed = min(request.quantity, most, request.quantity * share // step * step)
        return Confirmed(self._execute(request, executed, pieces))

    def place_algo(self, request: OrderRequest) -> Reply[AlgoOrder]:
        """A second one of the same kind and side would be refused (-4130)."""
        same = (one for one in self.algos.values() if (one.symbol, one.type, one.side) == _kind(request))
        if next(same, None) is not None:
            return Rejected(-4130, "An open stop or take profit order with GTE and closePosition is existing.")
        algo = AlgoOrder(self._next(), request.client_id, request.symbol, request.side, request.type, AlgoStatus.NEW,
                         request.trigger_price or ZERO, close_position=True)  # fmt: skip
        self.algos[algo.algo_id] = algo
        self._tell_algo(algo)
        return Confirmed(algo)

    def cancel(self, effect: CancelAll | CancelAlgo) -> Reply[object]:
        if isinstance(effect, CancelAlgo) and effect.algo_id in self.algos:
            self.end_algo(effect.algo_id, AlgoStatus.CANCELED)
            return Confirmed(effect.algo_id)
        return super().cancel(effect)

    def end_algo(self, algo_id: int, status: AlgoStatus) -> None:
        self._tell_algo(replace(self.algos.pop(algo_id), status=status))

    def move(self, symbol: str, price: Decimal) -> None:
        """The price changes, and reaches what rests there."""
        self.prices[symbol] = price
        for algo in [one for one in self.algos.values() if one.symbol == symbol]:
            if algo.algo_id in self.algos and _reached(algo, price):
                self._trigger(algo)

    def by_hand(self, symbol: str, side: Side, quantity: Decimal, client_id: str) -> None:
        """Somebody else's market order on the account; one that closes is reduce-only."""
        closes = self.quantity(symbol) * side.sign < 0
        self.place(OrderRequest(client_id, symbol, side, quantity, OrderType.MARKET, reduce_only=closes))

    def deposit(self, amount: Decimal) -> None:
        self.wallet += amount
        self.told.append(AccountUpdated(self.now, "DEPOSIT", self.wallet, amount))

    def _trigger(self, algo: AlgoOrder) -> None:
        del self.algos[algo.algo_id]
        held = self.quantity(algo.symbol)
        if not held:
            self._tell_algo(replace(algo, status=AlgoStatus.EXPIRED))
            return
        request = OrderRequest(algo.client_id, algo.symbol, algo.side, abs(held), OrderType.MARKET, reduce_only=True)
        self._tell_algo(replace(algo, status=AlgoStatus.TRIGGERED), order_id=self.number + 1)
        self._execute(request, abs(held), 1)
        self._tell_algo(replace(algo, status=AlgoStatus.FINISHED))

    def _execute(self, request: OrderRequest, executed: Decimal, pieces: int) -> Order:
        order = Order(self._next(), request.client_id, request.symbol, request.side, request.type, OrderStatus.NEW,
                      request.quantity, reduce_only=request.reduce_only)  # fmt: skip
        self.told.append(OrderUpdated(self.now, order, "NEW"))
        for part in _split(executed, pieces, self.rules[request.symbol].market_step):
            order = self._trade(order, part)
        if not order.status.is_final:
            order = replace(order, status=OrderStatus.EXPIRED)
            self.told.append(OrderUpdated(self.now, order, "EXPIRED"))
        self.done[request.client_id] = order
        if not self.quantity(request.symbol):
            for algo in [one for one in self.algos.values() if one.symbol == request.symbol]:
                self.end_algo(algo.algo_id, AlgoStatus.EXPIRED)
        return order

    def _trade(self, order: Order, quantity: Decimal) -> Order:
        price = self.prices[order.symbol]
        executed = order.executed + quantity
        status = OrderStatus.FILLED if executed == order.quantity else OrderStatus.PARTIALLY_FILLED
        order = replace(order, status=status, executed=executed, average_price=price)
        realized, fee = self._shift(order.symbol, quantity * order.side.sign, price), price * quantity * FEE
        self.wallet += realized - fee
        fill = Fill(order.symbol, self._next(), order.order_id, order.client_id, order.side, price, quantity, self.now,
                    realized, fee)  # fmt: skip
        self.fills.append(fill)
        self.told += [OrderUpdated(self.now, order, "TRADE", fill),
                      AccountUpdated(self.now, "ORDER", self.wallet, ZERO)]  # fmt: skip
        return order

    def _shift(self, symbol: str, signed: Decimal, price: Decimal) -> Decimal:
        """Change the position; what its closed part earned."""
        key = (symbol, PositionSide.BOTH)
        before = self.positions.pop(key, Position(symbol, ZERO, price, price))
        after = before.quantity + signed
        grows = before.quantity * signed >= 0
        entry = before.entry_price
        if grows and after:
            entry = (before.quantity * before.entry_price + signed * price) / after
        if after:
            turned = before.quantity * after < 0
            self.positions[key] = Position(symbol, after, price if turned else entry, price)
        return ZERO if grows else (price - before.entry_price) * min(abs(signed), abs(before.quantity)) * -_sign(signed)

    def _tell_algo(self, algo: AlgoOrder, order_id: int = 0) -> None:
        self.told.append(AlgoUpdated(self.now, algo, order_id))

    def _next(self) -> int:
        self.number += 1
        return self.number


def _kind(request: OrderRequest) -> tuple[str, OrderType, Side]:
    return (request.symbol, request.type, request.side)


def _reached(algo: AlgoOrder, price: Decimal) -> bool:
    """A stop that sells waits below, one that buys above; a take-profit the other way round."""
    falls = (algo.type is OrderType.STOP_MARKET) == (algo.side is Side.SELL)
    return price <= algo.trigger_price if falls else price >= algo.trigger_price


def _split(quantity: Decimal, pieces: int, step: Decimal) -> list[Decimal]:
    part = max(quantity / pieces // step * step, step)
    found: list[Decimal] = []
    while quantity > 0:
        found.append(quantity if len(found) == pieces - 1 else min(part, quantity))
        quantity -= found[-1]
    return found


def _sign(value: Decimal) -> int:
    return 1 if value > 0 else -1
