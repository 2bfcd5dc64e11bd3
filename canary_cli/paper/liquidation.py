"""When margin no longer covers maintenance: margin call, liquidation, and what else the exchange closes by itself.

Marks decide, never last prices. Orders are cancelled first. Then positions are reduced by `autoclose-` orders, limited
by the bankruptcy price, immediate or cancelled: down to the leverage bracket below, whole in the lowest. What the book
does not take waits for the next instant. Where nothing of the margin is left, the insurance fund takes the position
over at the mark and pays the debt; debt and liquidation fee appear as INSURANCE_CLEAR.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from canary_cli.core.model import ZERO, OrderStatus, OrderType, PositionSide, Side, TimeInForce, ceil_to
from canary_cli.paper.account import MARGIN_ASSET, Holding, money
from canary_cli.paper.margin import bracket_of
from canary_cli.paper.matchmaking import enter
from canary_cli.paper.orders import Expiry, MarginCall, RestingOrder, SelfTrade
from canary_cli.paper.settling import add_income, expire, fill, knock_reduce_only, tell_account, tell_order
from canary_cli.paper.state import State

CALL_AT = Decimal("0.8")  # maintenance over margin balance from which MARGIN_CALL is sent
DELISTED = ("SETTLING", "DELIVERED")
LIQUIDATED, DELEVERAGED, SETTLED = "autoclose-", "adl_autoclose", "settlement_autoclose-"


@dataclass(frozen=True, slots=True)
class Pool:
    """Positions that stand and fall together: all cross ones, or one isolated one."""

    name: str
    holdings: tuple[Holding, ...]
    isolated: bool

    def wallet(self, state: State) -> Decimal:
        return self.holdings[0].isolated_wallet if self.isolated else state.account.cross_wallet

    def balance(self, state: State) -> Decimal:
        return self.wallet(state) + sum((one.unrealized(state.marks[one.symbol]) for one in self.holdings), ZERO)

    def maintenance(self, state: State) -> Decimal:
        return sum((state.account.maintenance_of(one, state.marks) for one in self.holdings), ZERO)

    def open(self) -> list[Holding]:
        return [held for held in self.holdings if held.quantity]

    def is_short(self, state: State) -> bool:
        return bool(self.open()) and self.balance(state) <= self.maintenance(state)


def pools(state: State) -> Iterator[Pool]:
    account = state.account
    for held in list(account.open_holdings()):
        if account.is_isolated(held):
            yield Pool(f"{held.symbol} {held.side.value}", (held,), isolated=True)
    crossed = tuple(account.cross_holdings())
    if crossed:
        yield Pool("cross", crossed, isolated=False)


def watch_margin(state: State) -> None:
    """Once an instant: liquidate what must be, warn once of what may come, clear what is owed."""
    state.liquidating, called = False, set()
    for pool in pools(state):
        balance, needed = pool.balance(state), pool.maintenance(state)
        if balance <= needed:
            _liquidate(state, pool)
        elif needed >= balance * CALL_AT:
            called.add(pool.name)
            if pool.name not in state.called:
                _call(state, pool)
    state.called = called
    debt = -state.account.cross_wallet
    if debt > 0 and not any(True for _ in state.account.cross_holdings()):
        _clear(state, debt)


def _call(state: State, pool: Pool) -> None:
    account, marks = state.account, state.marks
    rows = tuple(
        (account.position_view(held, marks), marks[held.symbol], account.maintenance_of(held, marks))
        for held in pool.holdings
    )
    state.events.append(MarginCall(state.now, account.cross_wallet, rows))


# liquidation


def _liquidate(state: State, pool: Pool) -> None:
    """No more than the pool's own margin can be lost: the insurance fund bears the rest."""
    stake, before = pool.wallet(state), state.account.wallet
    for symbol in {held.symbol for held in pool.holdings}:
        for order in state.orders.open(symbol):
            expire(state, order, OrderStatus.EXPIRED, "EXPIRED", Expiry.LIQUIDATION)
    fees = _reduce(state, pool) if pool.balance(state) > 0 else ZERO
    if pool.balance(state) <= 0:
        fees += sum((_fee(state, taken_over(state, held, LIQUIDATED + _stamp(state))) for held in pool.open()), ZERO)
    lost = before - state.account.wallet
    unrealized = sum((held.unrealized(state.marks[held.symbol]) for held in pool.open()), ZERO)
    _settle(state, pool, fees, stake - lost + unrealized)
    state.liquidating = state.liquidating or pool.is_short(state)


def _reduce(state: State, pool: Pool) -> Decimal:
    """Sell down, the position that needs most margin first, until the rest is covered; returns the fees owed."""
    fees = ZERO
    for held in sorted(pool.open(), key=lambda one: -state.account.maintenance_of(one, state.marks)):
        while held.quantity and pool.is_short(state) and pool.balance(state) > 0:
            order = forced_order(state, held, LIQUIDATED + _stamp(state))
            order.quantity, order.price = _excess(state, held), _bankruptcy_price(state, pool, held)
            enter(state, order)
            fees += _fee(state, order)
            if order.executed < order.quantity:
                break
    return fees


def _excess(state: State, held: Holding) -> Decimal:
    """The quantity that lies above the bracket below; all of it in the lowest bracket."""
    mark, size, listing = state.marks[held.symbol], abs(held.quantity), state.listing(held.symbol)
    floor = bracket_of(size * mark, listing.brackets).floor
    return min(size, ceil_to(size - floor / mark, listing.rules.step))


def _bankruptcy_price(state: State, pool: Pool, held: Holding) -> Decimal:
    """Where closing `held` would cost all that is left of the margin, on the tick that costs no more."""
    listing, sells = state.listing(held.symbol), held.quantity > 0
    price = state.marks[held.symbol] - pool.balance(state) / held.quantity
    return max(listing.min_price, listing.rules.round_price(price, up=sells))


def _fee(state: State, order: RestingOrder) -> Decimal:
    return money(order.spent * state.listing(order.symbol).liquidation_fee)


def _settle(state: State, pool: Pool, fees: Decimal, left: Decimal) -> None:
    """Take the fee, but leave what stays open its margin up to the call; where nothing is left, the fund pays."""
    spare = max(ZERO, left - pool.maintenance(state) / CALL_AT)
    amount = money(-min(fees, spare) if left > 0 else -left)
    if pool.isolated and pool.open():
        pool.holdings[0].isolated_wallet += amount
    if amount:
        _clear(state, amount)


def _clear(state: State, amount: Decimal) -> None:
    """Paid by the insurance fund (positive), or to it."""
    state.account.credit(MARGIN_ASSET, amount)
    add_income(state, "INSURANCE_CLEAR", "", MARGIN_ASSET, amount, info="INSURANCE_CLEAR")
    tell_account(state, "INSURANCE_CLEAR", [MARGIN_ASSET], [], amount)


# closing at the mark


def taken_over(state: State, held: Holding, client_id: str) -> RestingOrder:
    """The position leaves whole, at the mark, without meeting the book."""
    order = forced_order(state, held, client_id)
    state.orders.add(order)
    tell_order(state, order, "NEW")
    fill(state, order, order.price, order.quantity, maker=False)
    knock_reduce_only(state, order.symbol, order.position_side)
    return order


def deleverage(state: State, symbol: str, side: PositionSide) -> RestingOrder | None:
    """Auto-deleveraging: somebody else's bankruptcy is met from this position."""
    held = state.account.holding(symbol, side)
    return taken_over(state, held, DELEVERAGED) if held.quantity else None


def settle_delisted(state: State) -> None:
    """What is left in a pair that is being settled is closed at the mark."""
    gone = [symbol for symbol in state.statuses if state.status(symbol) in DELISTED]
    for symbol in gone:
        for order in state.orders.open(symbol):
            expire(state, order, OrderStatus.EXPIRED, "EXPIRED")
        for held in list(state.account.open_holdings(symbol)):
            taken_over(state, held, SETTLED + _stamp(state))


def forced_order(state: State, held: Holding, client_id: str) -> RestingOrder:
    """A closing order nobody of ours sent: whole, at the mark."""
    state.next_order += 1
    order = RestingOrder(
        state.next_order,
        client_id,
        held.symbol,
        Side.SELL if held.quantity > 0 else Side.BUY,
        OrderType.LIQUIDATION,
        abs(held.quantity),
        state.marks[held.symbol],
        TimeInForce.IOC,
        state.now,
        state.now,
        held.side,
        original_type=OrderType.LIQUIDATION,
        self_trade=SelfTrade.NONE,
    )
    state.forced.append(order)
    return order


def _stamp(state: State) -> str:
    """Milliseconds and a running number: no two forced orders share a client id."""
    return f"{int(state.now.timestamp() * 1000)}{state.next_order % 1000:03d}"
