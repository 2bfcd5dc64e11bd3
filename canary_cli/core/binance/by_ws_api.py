"""Closing an account by the WebSocket API alone: what it cannot list is remembered, and what is not known is said."""

import asyncio
from collections.abc import Iterable

from canary_cli.accounts import Account
from canary_cli.core.binance import translate
from canary_cli.core.binance.budget import Meter
from canary_cli.core.binance.client import BinanceExchange
from canary_cli.core.binance.known import KnownOrders
from canary_cli.core.binance.wire import Log, Refused
from canary_cli.core.binance.ws_api import WsWire
from canary_cli.core.clock import Clock
from canary_cli.core.model import AccountMode, AccountSnapshot, Order, PositionSide
from canary_cli.core.trading.replies import Confirmed, Failed, Rejected, Reply


class ExchangeByWsApi(BinanceExchange):
    """Places, cancels and asks after single orders like its parent; whole lists are put together from `KnownOrders`."""

    def __init__(self, account: Account, clock: Clock, log: Log | None, meter: Meter) -> None:
        super().__init__(account, clock, wire=WsWire(account, clock, log, meter))

    async def cancel_each(self, symbol: str, known: KnownOrders) -> Reply[str]:
        """Stands in for the cancel-all. An order that is gone already counts as cancelled, as it does there."""
        orders = known.of(symbol)
        if not orders:
            return Failed(0, f"the WebSocket API cancels no orders of {symbol} that it is not told of")
        replies = await asyncio.gather(*(self.cancel(symbol, order.client_id) for order in orders))
        troubles = [reply for reply in replies if not isinstance(reply, (Confirmed, Rejected))]
        return troubles[0] if troubles else Confirmed(f"{len(orders)} orders cancelled")

    async def reading(self, known: KnownOrders) -> AccountSnapshot:
        """Positions as the exchange has them now; of the orders, those which we know and which are still open.

        Raises Refused: what cannot be said of an account that holds nothing is whether an unknown order still rests.
        """
        time = self._clock.now()
        account, rows, orders = await asyncio.gather(
            self._wire.read_signed("futures_account", {}, 5, urgent=True),
            self._wire.read_signed("futures_position_information", {}, 5, urgent=True),
            self._still_open(known),
        )
        positions = translate.held(rows)
        if not positions:
            _be_sure(known, {row["symbol"] for row in rows}, orders)
        return AccountSnapshot(
            time,
            translate.balance(account),
            _mode(account),
            positions,
            orders,
            tuple(algo for algo, _ in known.algos.values()),
        )

    async def _still_open(self, known: KnownOrders) -> tuple[Order, ...]:
        asked = (self.look_up(order.symbol, order.client_id) for order, _ in known.orders.values())
        found = await asyncio.gather(*asked)
        return tuple(order for order in found if order is not None and not order.status.is_final)


def _be_sure(known: KnownOrders, listed: set[str], orders: Iterable[Order]) -> None:
    """`v2/account.position` lists a symbol that holds nothing only because orders of it are open."""
    explained = {order.symbol for order in orders} | {algo.symbol for algo, _ in known.algos.values()}
    hidden = sorted(listed - explained)
    if hidden:
        raise Refused(Failed(0, f"orders of {', '.join(hidden)} are open that only REST could name"))
    if not known.listed:
        raise Refused(Failed(0, "no position is left, but only REST can tell whether conditional orders still rest"))


def _mode(account: translate.Row) -> AccountMode:
    """`account.status` has one row a symbol in one-way mode, and one a side in hedge mode, also when flat."""
    hedge = any(row["positionSide"] != PositionSide.BOTH for row in account["positions"])
    return AccountMode(hedge, bool(account["multiAssetsMargin"]), bool(account["canTrade"]))
