"""The filters of a symbol, each with the code and wording it refuses with. Pure: raises `Problem`, returns nothing.

PERCENT_PRICE is one-sided: a buy may not be far above the mark, a sell not far below it.
"""

from decimal import Decimal

from canary_cli.core.model import Side
from canary_cli.paper import problems
from canary_cli.paper.market.model import Listing

OPENING_FORBIDDEN = ("TRADING_CANCEL_ONLY", "PRE_SETTLE", "PRE_DELIVERING")
CLOSED = ("CLOSE", "SETTLING", "DELIVERING", "DELIVERED")


def check_status(status: str, *, reduces: bool) -> None:
    """A halted symbol takes nothing; one about to close takes what reduces."""
    if status == "TRADING" or (status in OPENING_FORBIDDEN and reduces):
        return
    if status in OPENING_FORBIDDEN:
        raise problems.bad_symbol_status_for_opening()
    raise problems.symbol_closed() if status in CLOSED else problems.bad_symbol_status()


def check_quantity(quantity: Decimal, listing: Listing, *, is_market: bool) -> None:
    """LOT_SIZE, or MARKET_LOT_SIZE for orders that end as MARKET."""
    rules = listing.rules
    least, most, step = (
        (rules.market_min_quantity, rules.market_max_quantity, rules.market_step)
        if is_market
        else (rules.min_quantity, rules.max_quantity, rules.step)
    )
    if decimals(quantity) > listing.quantity_precision:
        raise problems.precision()
    if quantity <= 0:
        raise problems.quantity_not_positive()
    if quantity < least:
        raise problems.quantity_too_small()
    if quantity > most:
        raise problems.quantity_too_large()
    if quantity % step:
        raise problems.off_step()


def check_price(price: Decimal, listing: Listing) -> None:
    """PRICE_FILTER."""
    if decimals(price) > listing.price_precision:
        raise problems.precision()
    if price <= 0:
        raise problems.price_not_positive()
    if price < listing.min_price:
        raise problems.price_too_low()
    if price > listing.max_price:
        raise problems.price_too_high()
    if price % listing.rules.tick:
        raise problems.off_tick()


def check_band(side: Side, price: Decimal, reference: Decimal, listing: Listing, *, of_stop: bool = False) -> None:
    """PERCENT_PRICE against the mark, or against a stop's own trigger price."""
    high, low = band(reference, listing)
    if side is Side.BUY and price > high:
        raise problems.stop_limit_above_band(high) if of_stop else problems.above_band(high)
    if side is Side.SELL and price < low:
        raise problems.stop_limit_below_band(low) if of_stop else problems.below_band(low)


def band(reference: Decimal, listing: Listing) -> tuple[Decimal, Decimal]:
    """The highest price of a buy and the lowest of a sell, on the tick."""
    rules = listing.rules
    return (
        rules.round_price(reference * rules.price_up, up=False),
        rules.round_price(reference * rules.price_down, up=True),
    )


def check_counterparty(side: Side, best: Decimal | None, mark: Decimal, listing: Listing) -> None:
    """A MARKET order needs somebody on the other side within the band."""
    high, low = band(mark, listing)
    if best is None or (side is Side.BUY and best > high) or (side is Side.SELL and best < low):
        raise problems.thin_counterparty()


def check_notional(quantity: Decimal, price: Decimal, listing: Listing) -> None:
    """MIN_NOTIONAL; `price` is the order's, or the mark for a MARKET order. What reduces is exempt."""
    if quantity * price < listing.rules.min_notional:
        raise problems.notional_too_small(listing.rules.min_notional)


def decimals(value: Decimal) -> int:
    """Digits after the point, trailing zeros not counted."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
