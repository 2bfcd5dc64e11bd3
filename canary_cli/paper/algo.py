"""Conditional orders: when each type fires, and the store that keeps them apart from ordinary orders."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from canary_cli.core.model import AlgoStatus, OrderType, Side, WorkingType
from canary_cli.paper import problems
from canary_cli.paper.orders import Conditional

LIMIT_OPEN = 200  # conditional orders across all symbols
KEPT = 10_000  # finished ones that stay queryable
STOPS = (OrderType.STOP, OrderType.STOP_MARKET)
LIMITS = (OrderType.STOP, OrderType.TAKE_PROFIT)  # those that become LIMIT orders
HUNDRED = Decimal(100)


def watched(conditional: Conditional, last: Decimal, mark: Decimal) -> Decimal:
    """The price a conditional looks at."""
    return mark if conditional.working_type is WorkingType.MARK_PRICE else last


def fires(type_: OrderType, side: Side, trigger: Decimal, price: Decimal) -> bool:
    """STOP* fire when the price runs against the position, TAKE_PROFIT* when it runs for it."""
    upwards = (type_ in STOPS) == (side is Side.BUY)
    return price >= trigger if upwards else price <= trigger


def protected(last: Decimal, mark: Decimal, threshold: Decimal) -> bool:
    """With priceProtect nothing fires while last and mark are further apart than `triggerProtect`."""
    return abs(last - mark) > mark * threshold


def trail(conditional: Conditional, price: Decimal) -> bool:
    """Move a trailing stop on; True when it fires. BUY follows the low up by the callback, SELL mirrors it."""
    buys = conditional.side is Side.BUY
    if not conditional.activated:
        reached = price <= conditional.activate_price if buys else price >= conditional.activate_price
        if not reached:
            return False
        conditional.activated, conditional.extreme = True, price
    conditional.extreme = min(conditional.extreme, price) if buys else max(conditional.extreme, price)
    rate = conditional.callback_rate / HUNDRED
    if buys:
        return price >= conditional.extreme * (1 + rate)
    return price <= conditional.extreme * (1 - rate)


def check_not_yet(conditional: Conditional, price: Decimal) -> None:
    """Refuse what would fire at once."""
    if conditional.type is OrderType.TRAILING_STOP_MARKET:
        activate = conditional.activate_price
        wrong = activate >= price if conditional.side is Side.BUY else activate <= price
        if activate and wrong:
            raise problems.would_trigger()
    elif fires(conditional.type, conditional.side, conditional.trigger_price, price):
        raise problems.would_trigger()


class Conditionals:
    """The algo store. Open ones by symbol; finished ones for queries, oldest forgotten first."""

    def __init__(self) -> None:
        self._open: dict[str, dict[int, Conditional]] = {}
        self._finished: deque[Conditional] = deque(maxlen=KEPT)
        self._triggered: dict[int, Conditional] = {}

    def add(self, conditional: Conditional) -> None:
        self._open.setdefault(conditional.symbol, {})[conditional.algo_id] = conditional

    def open(self, symbol: str | None = None) -> Iterator[Conditional]:
        stores = [self._open.get(symbol, {})] if symbol else list(self._open.values())
        return (conditional for store in stores for conditional in list(store.values()))

    def has_open(self, symbol: str) -> bool:
        return bool(self._open.get(symbol))

    def count(self) -> int:
        return sum(len(store) for store in self._open.values())

    def find_open(self, algo_id: int | None, client_id: str | None) -> Conditional | None:
        return _find(self.open(), algo_id, client_id)

    def find(self, algo_id: int | None, client_id: str | None) -> Conditional | None:
        return self.find_open(algo_id, client_id) or _find(reversed(self._finished), algo_id, client_id)

    def history(self, symbol: str) -> list[Conditional]:
        """Open and finished of one symbol, oldest first."""
        every = [*(one for one in self._finished if one.symbol == symbol), *self.open(symbol)]
        return sorted(every, key=lambda one: one.algo_id)

    def close(self, conditional: Conditional, status: AlgoStatus, now: datetime) -> None:
        """Take an open one out of the store of open ones."""
        conditional.status, conditional.updated = status, now
        self._open.get(conditional.symbol, {}).pop(conditional.algo_id, None)
        self._finished.append(conditional)
        if status is AlgoStatus.TRIGGERED:
            self._triggered[conditional.order_id] = conditional

    def finished_by(self, order_id: int) -> Conditional | None:
        """The conditional whose order has just ended, once."""
        return self._triggered.pop(order_id, None)


def _find(among: Iterator[Conditional], algo_id: int | None, client_id: str | None) -> Conditional | None:
    return next(
        (one for one in among if (one.algo_id == algo_id if algo_id is not None else one.client_id == client_id)), None
    )
