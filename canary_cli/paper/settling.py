"""What a fill, a funding payment or a transfer does to the account, and the events that tell of it."""

from copy import copy
from decimal import Decimal

from canary_cli.core.model import ZERO, AlgoStatus, OrderStatus, OrderType, PositionSide, Side
from canary_cli.paper.account import MARGIN_ASSET, Holding, after_fill, money
from canary_cli.paper.orders import (
    AccountChange,
    Conditional,
    ConditionalChange,
    Expiry,
    IncomeRow,
    OrderChange,
    RestingOrder,
    Trade,
)
from canary_cli.paper.state import State

BNB = "BNB"


def fill(state: State, order: RestingOrder, price: Decimal, quantity: Decimal, *, maker: bool) -> Trade:
    """Settle one fill of `order`: position, realised profit, commission, income rows, events."""
    held = state.account.holding(order.symbol, order.position_side)
    forced = order.type is OrderType.LIQUIDATION
    realized = _move_position(state, held, order.side.sign * quantity, price, frees_margin=not forced)
    asset, commission = _commission(state, price * quantity, maker=maker)
    state.account.credit(asset, -commission)
    if asset == MARGIN_ASSET and held.quantity:
        held.fees += commission
        held.isolated_wallet -= commission if forced and state.account.is_isolated(held) else ZERO
    state.next_trade += 1
    trade = Trade(
        state.next_trade, order.order_id, order.symbol, order.side, order.position_side, price, quantity,
        realized, commission, asset, maker, state.now,
    )  # fmt: skip
    state.trades.append(trade)
    _book_income(state, trade)
    order.executed += quantity
    order.spent += price * quantity
    order.updated = state.now
    order.status = OrderStatus.FILLED if order.remaining == 0 else OrderStatus.PARTIALLY_FILLED
    changed = {MARGIN_ASSET, asset}
    tell_account(state, "ORDER", sorted(changed, reverse=True), [held])
    tell_order(state, order, "CALCULATED" if forced else "TRADE", trade)
    if order.status is OrderStatus.FILLED:
        end(state, order)
    return trade


def _move_position(
    state: State, held: Holding, signed: Decimal, price: Decimal, *, frees_margin: bool = True
) -> Decimal:
    """Returns the realised profit, already credited. A forced reduction leaves an isolated position all its margin."""
    before = held.quantity
    after = after_fill(before, held.entry, signed, price)
    opened = abs(signed) - after.closed
    if after.closed:
        if frees_margin:
            held.isolated_wallet -= held.isolated_wallet * after.closed / abs(before)
        elif state.account.is_isolated(held):
            held.isolated_wallet += after.realized
        held.fees -= held.fees * after.closed / abs(before)
    if state.account.is_isolated(held):
        held.isolated_wallet = money(held.isolated_wallet + opened * price / state.account.config(held.symbol).leverage)
    held.quantity, held.entry, held.updated = after.quantity, after.entry, state.now
    held.realized += after.realized
    if not held.quantity:
        held.isolated_wallet = held.fees = ZERO
    state.account.credit(MARGIN_ASSET, after.realized)
    return after.realized


def _commission(state: State, notional: Decimal, *, maker: bool) -> tuple[str, Decimal]:
    """Asset and amount; in BNB at a discount where the account burns BNB and has enough of it."""
    fee = notional * (state.fees.maker if maker else state.fees.taker)
    price = state.marks.get("BNBUSDT")
    if state.account.fee_burn and price:
        in_bnb = money(fee * (1 - state.fees.discount) / price)
        if state.account.wallets.get(BNB, ZERO) >= in_bnb:
            return BNB, in_bnb
    return MARGIN_ASSET, money(fee)


def _book_income(state: State, trade: Trade) -> None:
    if trade.realized:
        add_income(state, "REALIZED_PNL", trade.symbol, MARGIN_ASSET, trade.realized, trade_id=str(trade.trade_id))
    if trade.commission:
        add_income(
            state, "COMMISSION", trade.symbol, trade.commission_asset, -trade.commission, trade_id=str(trade.trade_id)
        )


def add_income(
    state: State, type_: str, symbol: str, asset: str, amount: Decimal, *, info: str = "", trade_id: str = ""
) -> None:
    state.income.append(
        IncomeRow(state.new_transaction(), type_, symbol, asset, amount, state.now, info or trade_id, trade_id)
    )


def end(state: State, order: RestingOrder) -> None:
    """An order has reached its final status: file it, and finish the conditional it came from."""
    state.orders.end(order)
    conditional = state.conditionals.finished_by(order.order_id)
    if conditional is not None:
        conditional.status, conditional.updated = AlgoStatus.FINISHED, state.now
        state.events.append(
            ConditionalChange(state.now, copy(conditional), AlgoStatus.FINISHED, conditional.activated, copy(order))
        )


def expire(state: State, order: RestingOrder, status: OrderStatus, execution: str, why: Expiry = Expiry.NONE) -> None:
    """Take an open order off the book: CANCELED, EXPIRED or EXPIRED_IN_MATCH."""
    order.status, order.updated = status, state.now
    end(state, order)
    tell_order(state, order, execution, expiry=why)


def tell_order(
    state: State, order: RestingOrder, execution: str, trade: Trade | None = None, expiry: Expiry = Expiry.NONE
) -> None:
    bids, asks = state.open_notionals(order.symbol)
    state.events.append(OrderChange(state.now, copy(order), execution, trade, expiry, bids, asks))


def tell_account(
    state: State, reason: str, assets: list[str], holdings: list[Holding], change: Decimal = ZERO, symbol: str = ""
) -> None:
    state.account.updated = state.now
    state.events.append(
        AccountChange(
            state.now,
            reason,
            tuple(state.account.balance_view(asset, change) for asset in assets),
            tuple(state.account.position_view(held, state.marks) for held in holdings),
            symbol,
        )
    )


def transfer(state: State, asset: str, amount: Decimal) -> None:
    """Money in (positive) or out."""
    state.account.credit(asset, amount)
    add_income(state, "TRANSFER", "", asset, amount, info="TRANSFER")
    tell_account(state, "DEPOSIT" if amount > 0 else "WITHDRAW", [asset], [], amount)


def pay_funding(state: State, symbol: str, rate: Decimal) -> None:
    """Positive rates are paid by longs: -quantity * mark * rate. Isolated positions pay from their own wallet."""
    for held in list(state.account.open_holdings(symbol)):
        amount = money(-held.quantity * state.marks[symbol] * rate)
        state.account.credit(MARGIN_ASSET, amount)
        isolated = state.account.is_isolated(held)
        if isolated:
            held.isolated_wallet += amount
        add_income(state, "FUNDING_FEE", symbol, MARGIN_ASSET, amount, info="FUNDING_FEE")
        tell_account(state, "FUNDING_FEE", [MARGIN_ASSET], [held] if isolated else [], amount, symbol)


def knock_reduce_only(state: State, symbol: str, position_side: PositionSide) -> None:
    """Resting reduce-only orders that no longer can reduce expire; so do conditionals that live with the position."""
    held = state.account.quantity(symbol, position_side)
    for order in state.orders.open(symbol):
        if order.reduce_only and order.position_side is position_side and order.side.sign * held >= 0:
            expire(state, order, OrderStatus.EXPIRED, "EXPIRED", Expiry.REDUCE_ONLY_KNOCKED)
    for conditional in state.conditionals.open(symbol):
        if conditional.with_position and conditional.position_side is position_side and not held:
            end_conditional(state, conditional, AlgoStatus.EXPIRED)


def end_conditional(state: State, conditional: Conditional, status: AlgoStatus, reason: str = "") -> None:
    conditional.reason = reason
    state.conditionals.close(conditional, status, state.now)
    tell_conditional(state, conditional)


def tell_conditional(state: State, conditional: Conditional, actual: RestingOrder | None = None) -> None:
    state.events.append(
        ConditionalChange(
            state.now, copy(conditional), conditional.status, conditional.activated, copy(actual) if actual else None
        )
    )


def reducible(state: State, symbol: str, side: Side, position_side: PositionSide) -> Decimal:
    """How much of the position an order of `side` could close."""
    held = state.account.quantity(symbol, position_side)
    return abs(held) if held * side.sign < 0 else ZERO
