"""What closing a position takes: how much of it can be closed, in which pieces, by which order."""

from decimal import Decimal

from canary_cli.core.model import (
    ZERO,
    AlgoOrder,
    OrderRequest,
    OrderType,
    Position,
    PositionSide,
    Side,
    SymbolRules,
    TimeInForce,
    floor_to,
)
from canary_cli.core.trading.flatten.state import Flatten, Leg, Style

FAN_OUT = 5
"""Pieces of one position under way at once."""

INSIDE = Decimal("0.002")
"""How far inside the price band a limit is put, for the mark moves on while the order travels."""

_SIDES = tuple(PositionSide)


def closable(leg: Leg, rules: SymbolRules | None) -> Decimal:
    """What can be sold or bought back, unsigned: whole steps, nothing where that is under the minimum (dust)."""
    quantity = abs(leg.position.quantity)
    if leg.dust:
        return ZERO
    if rules is None:
        return quantity
    whole = floor_to(quantity, rules.market_step)
    return whole if whole >= rules.market_min_quantity else ZERO


def pieces(quantity: Decimal, rules: SymbolRules | None, largest: Decimal | None = None) -> tuple[Decimal, ...]:
    """`quantity` split so that no piece is over the market maximum or under the minimum; the sum is exact."""
    most = _most(rules, largest)
    if most is None or quantity <= most:
        return (quantity,) if quantity else ()
    count, rest = int(quantity // most), quantity % most
    if not rest:
        return (most,) * count
    least = rules.market_min_quantity if rules else ZERO
    if rest >= least:
        return (*(most,) * count, rest)
    return (*(most,) * (count - 1), most - least, rest + least)


def _most(rules: SymbolRules | None, largest: Decimal | None) -> Decimal | None:
    limit = floor_to(rules.market_max_quantity, rules.market_step) if rules else None
    if largest is None:
        return limit
    halved = max(floor_to(largest, rules.market_step), rules.market_min_quantity) if rules else largest
    return halved if limit is None else min(limit, halved)


def side_that_closes(position: Position) -> Side:
    return Side.SELL if position.quantity > 0 else Side.BUY


def close_order(state: Flatten, leg: Leg, quantity: Decimal, client_id: str) -> OrderRequest:
    """One-way: reduce-only. Hedge: the position's side says it, and `reduceOnly` would be refused (-1106)."""
    position = leg.position
    one_way = position.position_side is PositionSide.BOTH
    rules = state.rules.get(position.symbol)
    by_limit = rules is not None and (leg.at_band_edge or state.style is Style.LIMIT_IOC)
    return OrderRequest(
        client_id=client_id,
        symbol=position.symbol,
        side=side_that_closes(position),
        quantity=quantity,
        type=OrderType.LIMIT if by_limit else OrderType.MARKET,
        price=_band_edge(position, rules) if by_limit and rules else None,
        time_in_force=TimeInForce.IOC if by_limit else None,
        reduce_only=one_way,
        position_side=position.position_side,
    )


def _band_edge(position: Position, rules: SymbolRules) -> Decimal:
    """Nearly the worst price PERCENT_PRICE lets pass: it is one-sided, below the mark for SELL and above it for BUY."""
    if side_that_closes(position) is Side.SELL:
        return rules.round_price(position.mark_price * (rules.price_down + INSIDE), up=True)
    return rules.round_price(position.mark_price * (rules.price_up - INSIDE), up=False)


def in_the_way(state: Flatten, symbol: str) -> tuple[AlgoOrder, ...]:
    """Conditional orders to cancel before closing.

    `closePosition` orders can only close, and guard the position until it is gone; they go last, unless the exchange
    has twice said (-4118) that something still obstructs the close.
    """
    algos = state.algos.get(symbol, ())
    return tuple(algo for algo in algos if not algo.close_position or _is_obstructed(state, symbol))


def _is_obstructed(state: Flatten, symbol: str) -> bool:
    legs = (state.legs.get((symbol, side)) for side in _SIDES)
    return any(leg.obstructed > 1 for leg in legs if leg is not None)


def symbols(state: Flatten) -> tuple[str, ...]:
    return tuple(sorted({symbol for symbol, _ in state.legs} | set(state.orders) | set(state.algos)))


def is_busy(state: Flatten, symbol: str) -> bool:
    """Whether a deed on the symbol is without answer."""
    return any(sent.key[0] == symbol for sent in state.closes.values()) or any(
        cancel.symbol == symbol for cancel in state.cancels
    )


def is_open(state: Flatten, leg: Leg) -> bool:
    return leg.stale or closable(leg, state.rules.get(leg.position.symbol)) > 0


def is_clear(state: Flatten) -> bool:
    """Whether nothing is believed that is exposure or could become it; the protective stops may still rest."""
    return not any(is_open(state, leg) for leg in state.legs.values()) and not any(
        state.orders.get(symbol) or in_the_way(state, symbol) for symbol in symbols(state)
    )
