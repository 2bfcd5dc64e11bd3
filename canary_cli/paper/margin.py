"""What a position costs to open and to keep, as pure functions over the pair's leverage brackets.

Formulas: Binance USD-M "Leverage and Margin" and "How to calculate liquidation price" pages; maintenance is
`notional * rate - cum` of the bracket that holds the notional.
"""

from collections.abc import Sequence
from decimal import Decimal

from canary_cli.core.model import ZERO
from canary_cli.paper.market.model import Bracket


def bracket_of(notional: Decimal, brackets: Sequence[Bracket]) -> Bracket:
    return next((bracket for bracket in brackets if notional <= bracket.cap), brackets[-1])


def maintenance(notional: Decimal, brackets: Sequence[Bracket]) -> Decimal:
    """Maintenance margin in USDT of a position of |notional|."""
    size = abs(notional)
    bracket = bracket_of(size, brackets)
    return max(ZERO, size * bracket.maintenance - bracket.cum)


def largest_notional(leverage: int, brackets: Sequence[Bracket]) -> Decimal:
    """The largest notional that may be held at `leverage`."""
    return max((bracket.cap for bracket in brackets if bracket.leverage >= leverage), default=brackets[0].cap)


def liquidation_price(
    quantity: Decimal, entry: Decimal, cushion: Decimal, brackets: Sequence[Bracket], mark: Decimal
) -> Decimal:
    """The mark at which the position is liquidated; zero where there is none.

    `cushion` is the wallet that stands behind it (isolated wallet, or the cross wallet plus unrealised less
    maintenance of the other cross positions). The bracket is chosen again at the price found, a few times over.
    """
    if not quantity:
        return ZERO
    side, size = (1 if quantity > 0 else -1), abs(quantity)
    price = mark
    for _ in range(5):
        bracket = bracket_of(size * price, brackets)
        below = size * bracket.maintenance - side * size
        found = (cushion + bracket.cum - side * size * entry) / below
        if found == price:
            break
        price = max(found, ZERO)
    return price


def order_margin(position: Decimal, bids: Decimal, asks: Decimal, leverage: int) -> Decimal:
    """Margin that open orders need beyond the position's: all figures are notionals, `position` is signed.

    Only orders that would enlarge the larger of the two outcomes cost anything.
    """
    worst = max(abs(position + bids), abs(position - asks), abs(position))
    return (worst - abs(position)) / leverage


def open_loss(quantity: Decimal, sign: int, mark: Decimal, price: Decimal) -> Decimal:
    """What an order at `price` loses at once against `mark` (docs: `abs(min(0, direction * (mark - price)))`)."""
    return quantity * abs(min(ZERO, sign * (mark - price)))
