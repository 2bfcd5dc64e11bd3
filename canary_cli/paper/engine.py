"""The exchange itself, without sockets and without a clock: requests and ticks in, orders and events out.

The server drives it over the wire and a simulation drives it in process, through the same calls. Equal seeds, markets
and requests at equal times give equal ids, fills and events. Refusals are raised as `Problem`.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from canary_cli.core.model import ZERO, AlgoStatus, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from canary_cli.paper import algo, filters, problems
from canary_cli.paper.judging import judge, judge_conditional
from canary_cli.paper.liquidation import watch_margin
from canary_cli.paper.market.model import Market, Tick
from canary_cli.paper.matchmaking import check_immediacy, enter, match, reach_resting
from canary_cli.paper.orders import Conditional, Event, Expiry, NewOrder, RestingOrder
from canary_cli.paper.settling import (
    end_conditional,
    expire,
    pay_funding,
    reducible,
    tell_conditional,
    tell_order,
)
from canary_cli.paper.state import State, initial_state

MOST_AMENDS = 10_000


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
                self._end_instant()
            instant = tick.time
            self.at(tick.time)
            self._take(tick)
            yield tick
        self._end_instant()
        self.at(until)

    def _take(self, tick: Tick) -> None:
        state = self.state
        state.marks[tick.symbol] = tick.mark
        state.lasts[tick.symbol] = tick.last
        if state.orders.has_open(tick.symbol) and state.status(tick.symbol) == "TRADING":
            reach_resting(state, tick)
        if state.conditionals.has_open(tick.symbol):
            for conditional in state.conditionals.open(tick.symbol):
                self._watch(conditional)

    def _end_instant(self) -> None:
        state = self.state
        if any(True for _ in state.account.open_holdings()):
            watch_margin(state)
        self._settle_fundings()
        self.run_timers()

    def _settle_fundings(self) -> None:
        for symbol, due in self.state.fundings.items():
            if self.state.now >= due.next_time:
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

    def test(self, new: NewOrder) -> None:
        """Judge an order without placing it."""
        order = self._order(judge(self.state, new))
        check_immediacy(self.state, order)

    def place(self, new: NewOrder) -> RestingOrder:
        if new.type.is_algo:
            raise problems.use_algo_endpoint()
        order = self._order(judge(self.state, new))
        check_immediacy(self.state, order)
        self.state.next_order += 1
        order.order_id = self.state.next_order
        enter(self.state, order)
        return order

    def _order(self, new: NewOrder) -> RestingOrder:
        state = self.state
        assert new.quantity is not None
        return RestingOrder(
            0,
            new.client_id or self.new_client_id(),
            new.symbol,
            new.side,
            new.type,
            new.quantity,
            new.price or ZERO,
            new.time_in_force or TimeInForce.GTC,
            state.now,
            state.now,
            new.position_side,
            new.reduce_only,
            original_type=new.type,
            price_match=new.price_match,
            self_trade=new.self_trade,
            good_till=new.good_till,
        )

    def new_client_id(self) -> str:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return "".join(self.state.rng.choices(alphabet, k=22))

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
        state = self.state
        order = state.orders.find_open(symbol, order_id, client_id)
        if order is None or order.side is not side:
            raise problems.no_such_order()
        if (quantity, price) == (order.quantity, order.price):
            raise problems.nothing_to_amend()
        if order.amends >= MOST_AMENDS:
            raise problems.too_many_amends()
        if quantity <= order.executed:
            expire(state, order, OrderStatus.CANCELED, "CANCELED")
            return order
        self._check_amend(order, quantity, price)
        order.quantity, order.price = quantity, price
        order.updated, order.amends = state.now, order.amends + 1
        tell_order(state, order, "AMENDMENT")
        match(state, order)
        return order

    def _check_amend(self, order: RestingOrder, quantity: Decimal, price: Decimal) -> None:
        listing = self.state.listing(order.symbol)
        filters.check_quantity(quantity, listing, is_market=False)
        filters.check_price(price, listing)
        filters.check_band(order.side, price, self.state.marks[order.symbol], listing)
        if not order.reduce_only and quantity * price < listing.rules.min_notional:
            raise problems.notional_too_small(listing.rules.min_notional)
        changed = replace(copy(order), quantity=quantity, price=price)
        if changed.time_in_force is TimeInForce.GTX:
            check_immediacy(self.state, changed)

    def countdown(self, symbol: str, milliseconds: int) -> None:
        """Cancel the symbol's orders unless refreshed in time; 0 stops the countdown."""
        self.state.listing(symbol)
        if milliseconds:
            self.state.countdowns[symbol] = self.state.now + timedelta(milliseconds=milliseconds)
        else:
            self.state.countdowns.pop(symbol, None)

    # conditional orders

    def place_conditional(self, new: NewOrder) -> Conditional:
        state = self.state
        judge_conditional(state, new)
        conditional = self._conditional(new)
        price = algo.watched(conditional, state.lasts[new.symbol], state.marks[new.symbol])
        algo.check_not_yet(conditional, price)
        if conditional.with_position and not state.account.quantity(new.symbol, new.position_side):
            raise problems.gte_needs_position()
        if new.type is OrderType.TRAILING_STOP_MARKET and new.activate_price is None:
            conditional.activated, conditional.extreme = True, price
        state.next_algo += 1
        conditional.algo_id = state.next_algo
        state.conditionals.add(conditional)
        tell_conditional(state, conditional)
        return conditional

    def _conditional(self, new: NewOrder) -> Conditional:
        return Conditional(
            0,
            new.client_id or self.new_client_id(),
            new.symbol,
            new.side,
            new.type,
            new.quantity or ZERO,
            new.trigger_price or ZERO,
            self.state.now,
            self.state.now,
            price=new.price or ZERO,
            time_in_force=new.time_in_force or TimeInForce.GTC,
            position_side=new.position_side,
            reduce_only=new.reduce_only,
            close_position=new.close_position,
            working_type=new.working_type,
            price_protect=new.price_protect,
            price_match=new.price_match,
            self_trade=new.self_trade,
            good_till=new.good_till,
            activate_price=new.activate_price or ZERO,
            callback_rate=new.callback_rate or ZERO,
            with_position=new.with_position,
        )

    def cancel_conditional(self, algo_id: int | None, client_id: str | None) -> Conditional:
        conditional = self.state.conditionals.find_open(algo_id, client_id)
        if conditional is None:
            raise problems.unknown_order()
        end_conditional(self.state, conditional, AlgoStatus.CANCELED)
        return conditional

    def cancel_all_conditionals(self, symbol: str) -> None:
        for conditional in self.state.conditionals.open(symbol):
            end_conditional(self.state, conditional, AlgoStatus.CANCELED)

    def _watch(self, conditional: Conditional) -> None:
        state = self.state
        last, mark = state.lasts[conditional.symbol], state.marks[conditional.symbol]
        if conditional.status.value != "NEW" or state.status(conditional.symbol) != "TRADING":
            return
        if conditional.good_till is not None and conditional.good_till <= state.now:
            end_conditional(state, conditional, AlgoStatus.EXPIRED)
            return
        protect = conditional.price_protect and algo.protected(
            last, mark, state.listing(conditional.symbol).trigger_protect
        )
        if not protect and self._fires(conditional, algo.watched(conditional, last, mark)):
            self._trigger(conditional)

    def _fires(self, conditional: Conditional, price: Decimal) -> bool:
        if conditional.type is not OrderType.TRAILING_STOP_MARKET:
            return algo.fires(conditional.type, conditional.side, conditional.trigger_price, price)
        was = conditional.activated
        fired = algo.trail(conditional, price)
        if conditional.activated and not was:
            tell_conditional(self.state, conditional)
        return fired

    def _trigger(self, conditional: Conditional) -> None:
        """The conditional becomes an ordinary order with the same client id, or is rejected with the reason."""
        state = self.state
        conditional.status, conditional.triggered = AlgoStatus.TRIGGERING, state.now
        tell_conditional(state, conditional)
        quantity = conditional.quantity
        if conditional.close_position:
            quantity = reducible(state, conditional.symbol, conditional.side, conditional.position_side)
        if not quantity:
            end_conditional(state, conditional, AlgoStatus.EXPIRED)
            return
        try:
            order = self._judged(conditional, quantity)
        except problems.Problem as problem:
            end_conditional(state, conditional, AlgoStatus.REJECTED, problem.text)
            return
        state.next_order += 1
        order.order_id = conditional.order_id = state.next_order
        state.conditionals.close(conditional, AlgoStatus.TRIGGERED, state.now)
        tell_conditional(state, conditional, order)
        enter(state, order)

    def _judged(self, conditional: Conditional, quantity: Decimal) -> RestingOrder:
        """What comes out of a trigger is judged as any order; a closing one may exceed MARKET_LOT_SIZE."""
        limit = conditional.type in algo.LIMITS
        new = NewOrder(
            conditional.symbol,
            conditional.side,
            OrderType.LIMIT if limit else OrderType.MARKET,
            quantity,
            conditional.price if limit and conditional.price else None,
            conditional.time_in_force if limit else None,
            conditional.position_side,
            conditional.reduce_only or (conditional.close_position and not self.state.account.hedge),
            conditional.client_id,
            conditional.price_match,
            conditional.self_trade,
            conditional.good_till,
        )
        if not conditional.close_position:
            new = judge(self.state, new)
        order = self._order(new)
        check_immediacy(self.state, order)
        order.original_type = conditional.type
        order.trigger_price = conditional.trigger_price
        order.close_position = conditional.close_position
        order.working_type = conditional.working_type
        order.price_protect = conditional.price_protect
        return order

    def position(self, symbol: str, side: PositionSide = PositionSide.BOTH) -> Decimal:
        """Signed quantity held."""
        return self.state.account.quantity(symbol, side)
