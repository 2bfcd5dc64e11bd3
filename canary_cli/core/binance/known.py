"""The open orders of an account as far as REST's lists and our own deeds tell. Pure.

The WebSocket API lists no orders; these are what it can be asked about one by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from canary_cli.core.model import AccountSnapshot, AlgoOrder, Order


@dataclass(frozen=True, slots=True)
class KnownOrders:
    """`orders` by client id, `algos` by number, each with when (monotonic wall seconds) we learned of it.

    `listed`: REST has listed both kinds at least once, so that no order of others is overlooked.
    """

    orders: Mapping[str, tuple[Order, float]] = field(default_factory=dict)
    algos: Mapping[int, tuple[AlgoOrder, float]] = field(default_factory=dict)
    listed: bool = False

    def told(self, snapshot: AccountSnapshot, asked: float) -> "KnownOrders":
        """A reading that was asked for at `asked` knows nothing of what was placed after that."""
        orders = {client_id: one for client_id, one in self.orders.items() if one[1] > asked}
        algos = {number: one for number, one in self.algos.items() if one[1] > asked}
        return KnownOrders(
            {order.client_id: (order, asked) for order in snapshot.orders} | orders,
            {algo.algo_id: (algo, asked) for algo in snapshot.algo_orders} | algos,
            listed=True,
        )

    def with_order(self, order: Order, now: float) -> "KnownOrders":
        others = {client_id: one for client_id, one in self.orders.items() if client_id != order.client_id}
        return replace(self, orders=others if order.status.is_final else others | {order.client_id: (order, now)})

    def with_algo(self, algo: AlgoOrder, now: float) -> "KnownOrders":
        return replace(self, algos={**self.algos, algo.algo_id: (algo, now)})

    def without_algo(self, algo_id: int) -> "KnownOrders":
        return replace(self, algos={number: one for number, one in self.algos.items() if number != algo_id})

    def of(self, symbol: str) -> tuple[Order, ...]:
        return tuple(order for order, _ in self.orders.values() if order.symbol == symbol)
