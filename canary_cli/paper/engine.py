"""The exchange itself, without sockets and without a clock: requests and ticks in, orders and events out.

The server drives it over the wire and a simulation drives it in process, through the same calls. Equal seeds, markets
and requests at equal times give equal ids, fills and events. Refusals are raised as `Problem`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from canary_cli.core.model import AlgoStatus, OrderStatus, PositionSide, Side
from canary_cli.paper import amending, placing, problems, triggering
from canary_cli.paper.liquidation import settle_delisted, watch_margin
from canary_cli.paper.market.model import Market, Tick
from canary_cli.paper.matchmaking import reach_resting
from canary_cli.paper.orders import Conditional, Event, Expiry, NewOrder, RestingOrder
from canary_cli.paper.settling import end_conditional, expire, pay_funding
from canary_cli.paper.state import State, initial_state


class Engine:
    """One account on one market."""

    def __init__(self, market: Market, rng: Random, balance: Decimal = Decimal(10_000)) -> None:
        self.state: State = initial_state(market, rng, balance)

    @property
    def now(self) -> datetime:
        return self.state.now

    def at(self, instant: datetime) -> None:
        """Requests that follow happen at `instant` (plan time), which never runs backwards."""
        self.state.now = max(self.state.now, instant)

    def drain(self) -> list[Event]:
        """What has happened since the last call, in order."""
        events, self.state.events = self.state.events, []
        return events

    # time

    def advance(self, until: datetime) -> list[Tick]:
        """Let the market run on to `until`; returns its ticks."""
        return list(self.walk(until))

    def walk(self, until: datetime) -> Iterator[Tick]:
        """The same, tick by tick."""
        state, instant = self.state, None
        for tick in state.market.advance(until):
            if instant is not None and tick.time > instant:
                self._end_instant(instant)
            instant = tick.time
            self.at(tick.time)
            self._take(tick)
            yield tick
        self._end_instant(instant)
        self.at(until)

    def _take(self, tick: Tick) -> None:
        state = self.state
        state.marks[tick.symbol] = tick.mark
        state.lasts[tick.symbol] = tick.last
        if state.orders.has_open(tick.symbol) and state.status(tick.symbol) == "TRADING":
            reach_resting(state, tick)
        if state.conditionals.has_open(tick.symbol):
            for conditional in state.conditionals.open(tick.symbol):
                triggering.watch(state, conditional)

    def _end_instant(self, instant: datetime | None) -> None:
        """`instant`: of the ticks that came; None where none did."""
        state = self.state
        if state.liquidating or state.account.wallet < 0 or any(True for _ in state.account.open_holdings()):
            settle_delisted(state)
            watch_margin(state)
        if instant is not None:
            self._settle_fundings(instant)
        self.run_timers()

    def _settle_fundings(self, instant: datetime) -> None:
        """By the market's time: a request may already have moved ours past it."""
        for symbol, due in self.state.fundings.items():
            if instant >= due.next_time:
                pay_funding(self.state, symbol, due.rate)
                self.state.fundings[symbol] = self.state.market.funding(symbol)

    def run_timers(self) -> None:
        """GTD orders and dead-man countdowns whose time has come."""
        state = self.state
        for symbol in state.orders.symbols_with_open():
            for order in state.orders.open(symbol):
                if order.good_till is not None and order.good_till <= state.now:
                    expire(state, order, OrderStatus.EXPIRED, "EXPIRED", Expiry.GTD)
        for symbol, deadline in list(state.countdowns.items()):
            if deadline <= state.now:
                del state.countdowns[symbol]
                self.cancel_all(symbol)

    # ordinary orders

    def test(self, new: NewOrder) -> RestingOrder:
        """Judge an order without placing it: its id is 0."""
        return placing.accepted(self.state, new)

    def place(self, new: NewOrder) -> RestingOrder:
        return placing.place(self.state, new)

    def new_client_id(self) -> str:
        return placing.new_client_id(self.state)

    def cancel(self, symbol: str, order_id: int | None = None, client_id: str | None = None) -> RestingOrder:
        order = self.state.orders.find_open(symbol, order_id, client_id)
        if order is None:
            raise problems.unknown_order()
        expire(self.state, order, OrderStatus.CANCELED, "CANCELED")
        return order

    def cancel_all(self, symbol: str) -> list[RestingOrder]:
        """Ordinary orders only: conditional ones stay."""
        orders = list(self.state.orders.open(symbol))
        for order in orders:
            expire(self.state, order, OrderStatus.CANCELED, "CANCELED")
        return orders

    def amend(
        self, symbol: str, order_id: int | None, client_id: str | None, side: Side, quantity: Decimal, price: Decimal
    ) -> RestingOrder:
        """Change a LIMIT order's quantity and price; it goes to the end of the queue."""
        order = self.state.orders.find_open(symbol, order_id, client_id)
        if order is None or order.side is not side:
            raise problems.no_such_order()
        amending.amend(self.state, order, quantity, price)
        return order

    def countdown(self, symbol: str, milliseconds: int) -> None:
        """Cancel the symbol's orders unless refreshed in time; 0 stops the countdown."""
        self.state.listing(symbol)
        if milliseconds:
            self.state.countdowns[symbol] = self.state.now + timedelta(milliseconds=milliseconds)
        else:
            self.state.countdowns.pop(symbol, None)

    # conditional orders

    def place_conditional(self, new: NewOrder) -> Conditional:
        return triggering.place_conditional(self.state, new)

    def cancel_conditional(self, algo_id: int | None, client_id: str | None) -> Conditional:
        conditional = self.state.conditionals.find_open(algo_id, client_id)
        if conditional is None:
            raise problems.unknown_order()
        end_conditional(self.state, conditional, AlgoStatus.CANCELED)
        return conditional

    def cancel_all_conditionals(self, symbol: str) -> None:
        for conditional in self.state.conditionals.open(symbol):
            end_conditional(self.state, conditional, AlgoStatus.CANCELED)

    def position(self, symbol: str, side: PositionSide = PositionSide.BOTH) -> Decimal:
        """Signed quantity held."""
        return self.state.account.quantity(symbol, side)
