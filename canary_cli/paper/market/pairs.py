"""The twenty pairs: their filters as Binance lists them, and how they move and trade, as measured.

Ticks and steps, one-minute volatility, turnover and depth are calibrated to recorded USD-M data of May 2025 and to tick
data of BTC and ETH of August 2024; pairs without such data take the figures of their nearest relative.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from canary_cli.core.model import SymbolRules
from canary_cli.paper.market.model import Bracket, Listing


@dataclass(frozen=True, slots=True)
class Character:
    """`price` USDT at the start of a synthetic market; `sigma` basis points: standard deviation of a minute's return.

    `load` is the correlation with what all pairs have in common, `turnover` the USDT traded in a mean minute,
    `depth` the USDT bid within 10 basis points, `trade` the USDT of a mean trade.
    """

    price: float
    sigma: float
    load: float
    turnover: float
    depth: float
    trade: float


class _Pair(NamedTuple):
    base: str
    tick: str
    price_precision: int
    step: str
    max_quantity: int
    market_max_quantity: int
    leverage: int
    character: Character


_PAIRS = (
    _Pair("BTC", "0.10", 2, "0.001", 1_000, 120, 150, Character(104_000, 5.1, 0.90, 12.9e6, 8.2e6, 3_000)),
    _Pair("ETH", "0.01", 2, "0.001", 10_000, 2_000, 150, Character(2_520, 10.0, 0.93, 11.7e6, 3.5e6, 2_800)),
    _Pair("BNB", "0.010", 3, "0.01", 2_000, 500, 75, Character(650, 5.2, 0.79, 0.27e6, 0.8e6, 700)),
    _Pair("SOL", "0.0100", 4, "0.01", 1_000_000, 50_000, 100, Character(172, 10.3, 0.93, 2.5e6, 2.0e6, 900)),
    _Pair("ADA", "0.00010", 5, "1", 2_000_000, 300_000, 75, Character(0.78, 11.2, 0.93, 0.30e6, 0.6e6, 500)),
    _Pair("XRP", "0.0001", 4, "0.1", 10_000_000, 2_000_000, 100, Character(2.42, 9.1, 0.90, 1.0e6, 1.5e6, 700)),
    _Pair("DOGE", "0.000010", 6, "1", 50_000_000, 30_000_000, 75, Character(0.222, 10.9, 0.93, 0.71e6, 0.9e6, 600)),
    _Pair("TRX", "0.00001", 5, "1", 20_000_000, 5_000_000, 75, Character(0.272, 4.4, 0.77, 0.08e6, 0.4e6, 450)),
    _Pair("TON", "0.0001", 4, "0.1", 500_000, 100_000, 50, Character(3.12, 9.0, 0.79, 0.04e6, 0.2e6, 300)),
    _Pair("LTC", "0.01", 2, "0.001", 50_000, 5_000, 75, Character(96.5, 9.9, 0.90, 0.16e6, 0.5e6, 500)),
    _Pair("DOT", "0.001", 3, "0.1", 1_000_000, 50_000, 75, Character(4.65, 10.1, 0.92, 0.10e6, 0.3e6, 400)),
    _Pair("AVAX", "0.0010", 4, "1", 200_000, 20_000, 75, Character(23.2, 12.4, 0.93, 0.20e6, 0.4e6, 450)),
    _Pair("LINK", "0.001", 3, "0.01", 200_000, 20_000, 75, Character(15.9, 11.8, 0.93, 0.22e6, 0.4e6, 450)),
    _Pair("ETC", "0.001", 3, "0.01", 500_000, 50_000, 75, Character(18.8, 10.2, 0.91, 0.05e6, 0.2e6, 350)),
    _Pair("XLM", "0.00001", 5, "1", 10_000_000, 1_000_000, 50, Character(0.291, 10.4, 0.91, 0.06e6, 0.2e6, 350)),
    _Pair("XMR", "0.01", 2, "0.001", 10_000, 1_000, 50, Character(345, 9.4, 0.65, 0.03e6, 0.15e6, 350)),
    _Pair("ZEC", "0.01", 2, "0.001", 20_000, 2_000, 50, Character(43.5, 12.6, 0.69, 0.02e6, 0.1e6, 300)),
    _Pair("DASH", "0.01", 2, "0.001", 20_000, 2_000, 50, Character(23.1, 11.6, 0.73, 0.01e6, 0.1e6, 250)),
    _Pair("POL", "0.0001", 4, "1", 10_000_000, 1_000_000, 50, Character(0.232, 11.9, 0.92, 0.04e6, 0.15e6, 300)),
    _Pair("EOS", "0.001", 3, "0.1", 5_000_000, 500_000, 50, Character(0.74, 11.4, 0.87, 0.03e6, 0.15e6, 300)),
)

# (leverage, cap in USDT, maintenance ratio) from the top; a pair starts at the row of its own highest leverage
_BTC_BRACKETS = (
    (150, 300_000, "0.004"),
    (100, 800_000, "0.005"),
    (75, 3_000_000, "0.0065"),
    (50, 12_000_000, "0.01"),
    (25, 70_000_000, "0.02"),
    (20, 100_000_000, "0.025"),
    (10, 230_000_000, "0.05"),
    (5, 480_000_000, "0.1"),
    (4, 600_000_000, "0.125"),
    (3, 800_000_000, "0.15"),
    (2, 1_200_000_000, "0.25"),
    (1, 1_800_000_000, "0.5"),
)
_OTHER_BRACKETS = (
    (100, 10_000, "0.005"),
    (75, 50_000, "0.0065"),
    (50, 150_000, "0.01"),
    (25, 1_000_000, "0.02"),
    (20, 2_000_000, "0.025"),
    (10, 10_000_000, "0.05"),
    (5, 20_000_000, "0.1"),
    (4, 25_000_000, "0.125"),
    (2, 50_000_000, "0.25"),
    (1, 100_000_000, "0.5"),
)
_MIN_NOTIONAL = {"BTC": "100", "ETH": "20"}

SYMBOLS = tuple(pair.base + "USDT" for pair in _PAIRS)
CHARACTERS = {pair.base + "USDT": pair.character for pair in _PAIRS}


def _brackets(highest: int) -> tuple[Bracket, ...]:
    """Brackets with their `cum`: cum(n) = cum(n-1) + floor(n) * (rate(n) - rate(n-1))."""
    table = _BTC_BRACKETS if highest == 150 else [row for row in _OTHER_BRACKETS if row[0] <= highest]
    first = Bracket(1, table[0][0], Decimal(0), Decimal(table[0][1]), Decimal(table[0][2]), Decimal(0))
    brackets = [first]
    for (_, floor, lower), (leverage, cap, ratio) in pairwise(table):
        cum = brackets[-1].cum + floor * (Decimal(ratio) - Decimal(lower))
        number = len(brackets) + 1
        brackets.append(Bracket(number, leverage, Decimal(floor), Decimal(cap), Decimal(ratio), cum.normalize() + 0))
    return tuple(brackets)


def _listing(pair: _Pair) -> Listing:
    major = pair.base in _MIN_NOTIONAL
    step = Decimal(pair.step)
    rules = SymbolRules(
        symbol=pair.base + "USDT",
        tick=Decimal(pair.tick),
        step=step,
        min_quantity=step,
        max_quantity=Decimal(pair.max_quantity),
        market_step=step,
        market_min_quantity=step,
        market_max_quantity=Decimal(pair.market_max_quantity),
        min_notional=Decimal(_MIN_NOTIONAL.get(pair.base, "5")),
        price_up=Decimal("1.05" if major else "1.15"),
        price_down=Decimal("0.95" if major else "0.85"),
    )
    return Listing(
        rules=rules,
        base_asset=pair.base,
        price_precision=pair.price_precision,
        quantity_precision=-int(step.as_tuple().exponent),
        min_price=Decimal(pair.tick),
        max_price=Decimal(int(pair.character.price * 100) + 1),
        brackets=_brackets(pair.leverage),
        liquidation_fee=Decimal("0.0125" if major else "0.015"),
        market_take_bound=Decimal("0.05" if major else "0.10"),
        trigger_protect=Decimal("0.05" if major else "0.10"),
        onboard=datetime(2019, 11, 27, tzinfo=UTC),
    )


LISTINGS = {pair.base + "USDT": _listing(pair) for pair in _PAIRS}


def with_units(listing: Listing, tick: Decimal, step: Decimal) -> Listing:
    """The listing in other units: ticks and steps of a pair change over the years, and old prices lie on old ones."""
    rules = replace(listing.rules, tick=tick, step=step, min_quantity=step, market_step=step, market_min_quantity=step)
    return replace(
        listing,
        rules=rules,
        min_price=tick,
        price_precision=max(listing.price_precision, -int(tick.as_tuple().exponent)),
        quantity_precision=-int(step.as_tuple().exponent),
    )
