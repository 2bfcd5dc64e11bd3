"""The store of ordinary orders: open ones by symbol, ended ones for queries, and who is who by id."""

from collections import deque
from collections.abc import Iterator

from canary_cli.core.model import Side
from canary_cli.paper.orders import RestingOrder

LIMIT_OPEN = 200  # per symbol, MAX_NUM_ORDERS
KEPT = 10_000  # ended orders that stay queryable; the real exchange keeps 90 days


class Orders:
    """Ids are unique; client ids are unique among open orders only."""

    def __init__(self) -> None:
        self._open: dict[str, dict[int, RestingOrder]] = {}
        self._by_id: dict[int, RestingOrder] = {}
        self._by_client: dict[tuple[str, str], RestingOrder] = {}
        self._ended: deque[RestingOrder] = deque()

    def add(self, order: RestingOrder) -> None:
        self._open.setdefault(order.symbol, {})[order.order_id] = order
        self._by_id[order.order_id] = order
        self._by_client[order.symbol, order.client_id] = order

    def end(self, order: RestingOrder) -> None:
        """The order has reached a final status."""
        self._open.get(order.symbol, {}).pop(order.order_id, None)
        self._ended.append(order)
        while len(self._ended) > KEPT:
            self._forget(self._ended.popleft())

    def _forget(self, order: RestingOrder) -> None:
        self._by_id.pop(order.order_id, None)
        key = (order.symbol, order.client_id)
        if self._by_client.get(key) is order:
            del self._by_client[key]

    def open(self, symbol: str | None = None, side: Side | None = None) -> Iterator[RestingOrder]:
        stores = [self._open.get(symbol, {})] if symbol else list(self._open.values())
        return (order for store in stores for order in list(store.values()) if side is None or order.side is side)

    def has_open(self, symbol: str) -> bool:
        return bool(self._open.get(symbol))

    def symbols_with_open(self) -> list[str]:
        return [symbol for symbol, store in self._open.items() if store]

    def count(self, symbol: str) -> int:
        return len(self._open.get(symbol, ()))

    def find(self, symbol: str, order_id: int | None, client_id: str | None) -> RestingOrder | None:
        """By id where given, else the latest with that client id."""
        if order_id is not None:
            order = self._by_id.get(order_id)
            return order if order and order.symbol == symbol else None
        return self._by_client.get((symbol, client_id or ""))

    def find_open(self, symbol: str, order_id: int | None, client_id: str | None) -> RestingOrder | None:
        order = self.find(symbol, order_id, client_id)
        return order if order and not order.status.is_final else None

    def is_open_client_id(self, client_id: str) -> bool:
        return any(
            (order := self._by_client.get((symbol, client_id))) is not None and not order.status.is_final
            for symbol in self._open
        )

    def history(self, symbol: str | None = None) -> list[RestingOrder]:
        """Every order kept, oldest first."""
        return [order for order in self._by_id.values() if symbol is None or order.symbol == symbol]
