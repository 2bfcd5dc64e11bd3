"""What happens when the margin no longer covers the maintenance: margin call, liquidation, auto-deleveraging.

Marks decide, never last prices. Orders are cancelled first; the position is closed by an `autoclose-` order against
the book, what the book cannot take at the bankruptcy bound by the insurance fund at the mark; the fee and any debt
appear as INSURANCE_CLEAR.
"""

from decimal import Decimal

from canary_cli.core.model import ZERO, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from canary_cli.paper.account import MARGIN_ASSET, Holding, money
from canary_cli.paper.matchmaking import plan
from canary_cli.paper.orders import Expiry, MarginCall, RestingOrder, SelfTrade
from canary_cli.paper.settling import add_income, expire, fill, knock_reduce_only, tell_account, tell_order
from canary_cli.paper.state import State

CALL_AT = Decimal("0.8")  # maintenance over margin balance from which MARGIN_CALL is sent


def watch_margin(state: State) -> None:
    """Once an instant: liquidate what must be, warn once of what may come."""
    account, marks = state.account, state.marks
    for held in [one for one in account.open_holdings() if account.is_isolated(one)]:
        equity = held.isolated_wallet + held.unrealized(marks[held.symbol])
        if equity <= account.maintenance_of(held, marks):
            _liquidate(state, [held], held.isolated_wallet)
    crossed = list(account.cross_holdings())
    if not crossed:
        state.warned = False
        return
    balance, needed = account.cross_wallet + account.cross_unrealized(marks), account.cross_maintenance(marks)
    if balance <= needed:
        _liquidate(state, crossed, account.cross_wallet)
    elif needed >= balance * CALL_AT and not state.warned:
        state.warned = True
        _call(state, crossed)
    elif needed < balance * CALL_AT:
        state.warned = False


def _call(state: State, holdings: list[Holding]) -> None:
    account, marks = state.account, state.marks
    rows = tuple(
        (account.position_view(held, marks), marks[held.symbol], account.maintenance_of(held, marks))
        for held in holdings
    )
    state.events.append(MarginCall(state.now, account.cross_wallet, rows))


def _liquidate(state: State, holdings: list[Holding], stake: Decimal) -> None:
    """Close `holdings`; no more than `stake` can be lost, the insurance fund bears the rest."""
    state.liquidating = True
    try:
        for symbol in {held.symbol for held in holdings}:
            for order in state.orders.open(symbol):
                expire(state, order, OrderStatus.EXPIRED, "EXPIRED", Expiry.LIQUIDATION)
        before = state.account.wallet
        fees = sum((_close(state, held) for held in holdings), ZERO)
        lost = before - state.account.wallet
        _clear(state, fees, stake - lost)
    finally:
        state.liquidating = False


def _close(state: State, held: Holding) -> Decimal:
    """Close one position; returns the liquidation fee it owes."""
    fee = abs(held.quantity) * state.marks[held.symbol] * state.listing(held.symbol).liquidation_fee
    close_forced(state, held, f"autoclose-{int(state.now.timestamp() * 1000)}{state.next_order % 1000}")
    return money(fee)


def close_forced(state: State, held: Holding, client_id: str) -> RestingOrder:
    """A closing order nobody of ours sent: against the book as far as it goes, the rest at the mark."""
    order = forced_order(state, held, client_id)
    state.orders.add(order)
    state.forced.append(order)
    tell_order(state, order, "NEW")
    for offer in plan(state, order, order.quantity).fills:
        fill(state, order, offer.price, offer.quantity, maker=False)
    if not order.status.is_final:
        fill(state, order, state.marks[order.symbol], order.remaining, maker=False)
    knock_reduce_only(state, order.symbol, order.position_side)
    return order


def forced_order(state: State, held: Holding, client_id: str) -> RestingOrder:
    state.next_order += 1
    return RestingOrder(
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


def deleverage(state: State, symbol: str, side: PositionSide) -> RestingOrder | None:
    """Auto-deleveraging: the position is taken over at the mark, whole."""
    held = state.account.holding(symbol, side)
    if not held.quantity:
        return None
    order = forced_order(state, held, "adl_autoclose")
    state.orders.add(order)
    tell_order(state, order, "NEW")
    fill(state, order, state.marks[symbol], order.quantity, maker=False)
    knock_reduce_only(state, symbol, side)
    return order


def _clear(state: State, fees: Decimal, left: Decimal) -> None:
    """Take the fee out of what is left; where nothing is, the fund pays the debt."""
    amount = -min(fees, left) if left > 0 else -left
    if amount:
        state.account.credit(MARGIN_ASSET, amount)
        add_income(state, "INSURANCE_CLEAR", "", MARGIN_ASSET, amount, info="INSURANCE_CLEAR")
        tell_account(state, "INSURANCE_CLEAR", [MARGIN_ASSET], [], amount)
