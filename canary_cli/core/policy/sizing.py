"""How much to buy: what the risk per trade allows, cut to what every cap leaves.

Full-size risk is a share of equity lost at the stop, scaled by the phase. Each cap is named, so that a cut or a refusal
can say which one did it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.model import ZERO, Book, Candle, SymbolRules
from canary_cli.core.policy.plan import Caps, RiskLimits


class Cap(StrEnum):
    RISK = "risk per trade"
    OPEN_RISK = "open risk"
    GROSS = "gross exposure"
    LIQUIDITY = "liquidity"
    MARGIN = "free margin"
    MAX_QUANTITY = "largest order"


@dataclass(frozen=True, slots=True)
class Depth:
    """What a pair's market can take, in USDT: the worst book near the mid of the time watched (at most 24 h, none where
    but one book is known), and a thin minute's volume."""

    book: Decimal
    minute: Decimal
    watched: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Account:
    """What is at stake already. USDT; `leverage` is the pair's, `open_risk` is lost if every resting stop fills."""

    equity: Decimal
    free_margin: Decimal
    gross: Decimal
    open_risk: Decimal
    leverage: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Size:
    """`wanted` is what the risk per trade alone allows; `cap` what bound `quantity` (RISK: nothing cut it)."""

    quantity: Decimal
    wanted: Decimal
    cap: Cap


def risk_usdt(equity: Decimal, limits: RiskLimits, fraction: Decimal) -> Decimal:
    """What one trade may lose at its stop: 1 % of 10,000 at a tenth of the volume is 10."""
    return equity * limits.per_trade / 100 * fraction


def measure(book: Book, minutes: Sequence[Candle], bps: Decimal) -> Depth:
    """One book's thinner side within `bps` of the mid, and the 5th percentile of the minutes' volumes, USDT."""
    volumes = sorted(candle.volume * candle.close for candle in minutes)
    thin = Decimal(str(round(volumes[len(volumes) // 20], 2))) if volumes else ZERO
    return Depth(_near_mid(book, bps), thin)


def _near_mid(book: Book, bps: Decimal) -> Decimal:
    """Zero where a side is empty: there is no mid, and nobody to trade with."""
    if not book.bids or not book.asks:
        return ZERO
    reach = book.mid * bps / 10_000
    return min(sum((p * q for p, q in side if abs(p - book.mid) <= reach), ZERO) for side in (book.bids, book.asks))


def liquidity_usdt(depth: Depth, limits: RiskLimits) -> Decimal:
    """The largest position of which a market exit is honest."""
    liquidity = limits.liquidity
    return min(depth.book * liquidity.depth_share, depth.minute * liquidity.minutes)


def by_risk(
    price: Decimal,
    stop_distance: Decimal,
    fraction: Decimal,
    account: Account,
    caps: Caps,
    limits: RiskLimits,
    depth: Depth | None,
) -> Size:
    """Unrounded quantity by risk per trade and the caps on exposure. Never negative."""
    wanted = risk_usdt(account.equity, limits, fraction) / stop_distance
    room = {
        Cap.RISK: wanted,
        Cap.OPEN_RISK: (account.equity * caps.open_risk / 100 - account.open_risk) / stop_distance,
        Cap.GROSS: (account.equity * caps.gross - account.gross) / price,
    }
    if depth is not None:
        room[Cap.LIQUIDITY] = liquidity_usdt(depth, limits) / price
    return _smallest(room, wanted)


def by_margin(size: Size, price: Decimal, account: Account, limits: RiskLimits) -> Size:
    """Cut to the margin that is free beyond the reserve, at the pair's leverage."""
    spare = account.free_margin - account.equity * limits.margin_reserve / 100
    return _smallest({size.cap: size.quantity, Cap.MARGIN: spare * account.leverage / price}, size.wanted)


def by_filters(size: Size, rules: SymbolRules) -> Size:
    """Cut to one order's largest size and floored to the step the exchange trades in."""
    cut = _smallest({size.cap: size.quantity, Cap.MAX_QUANTITY: rules.market_max_quantity}, size.wanted)
    return Size(rules.floor_quantity(cut.quantity), cut.wanted, cut.cap)


def below_minimum(quantity: Decimal, price: Decimal, rules: SymbolRules) -> str:
    """Which minimum of the exchange an order misses, in words; empty when it misses none."""
    if quantity < rules.market_min_quantity or quantity <= 0:
        return f"the smallest quantity is {rules.market_min_quantity}"
    if quantity * price < rules.min_notional:
        return f"the smallest order is {rules.min_notional} USDT"
    return ""


def _smallest(room: dict[Cap, Decimal], wanted: Decimal) -> Size:
    cap = min(room, key=room.__getitem__)
    return Size(max(ZERO, room[cap]), wanted, cap)
