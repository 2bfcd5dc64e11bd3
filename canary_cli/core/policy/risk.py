"""The risk gate: every entry passes it, first refusal wins, and each refusal has a code that is journalled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from canary_cli.core.accounting.numbers import finite
from canary_cli.core.model import Side, SymbolRules
from canary_cli.core.policy import sizing
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.plan import Phase, RiskLimits
from canary_cli.core.policy.sizing import Account, Depth, Size


class TradingState(StrEnum):
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Code(StrEnum):
    LATCHED = "latched"
    HALTED = "halted"
    REDUCING = "reducing"
    SIGNALS_SUSPENDED = "signals-suspended"
    BREAKER_RISKY = "breaker-risky"
    BREAKER_BLOCKED = "breaker-blocked"
    NO_PHASE = "no-phase"
    PAIR_NOT_IN_PHASE = "pair-not-in-phase"
    PAIR_HELD = "pair-held"
    BAD_FIGURES = "bad-figures"
    NO_EQUITY = "no-equity"
    POSITION_OPEN = "position-open"
    MAX_PAIRS = "max-pairs"
    LIQUIDITY_UNKNOWN = "liquidity-unknown"
    OPEN_RISK = "open-risk"
    GROSS = "gross"
    LIQUIDITY = "liquidity"
    DUPLICATE = "duplicate"
    COLLAR = "collar"
    LEVERAGE_UNKNOWN = "leverage-unknown"
    MARGIN = "margin"
    MINIMUM = "minimum"
    ORDER_QUOTA = "order-quota"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An entry somebody wants: `price` is the mid it was decided on, `stop_distance` in price units."""

    symbol: str
    side: Side
    price: Decimal
    stop_distance: Decimal
    time: datetime


@dataclass(frozen=True, slots=True)
class Context:
    """All the gate looks at. Empty texts mean nothing is wrong; None means unknown, which never helps an entry.

    `equity`, `free_margin`, `gross`, `open_risk` in USDT. `pairs` are the phase's; `open_pairs` have a position or an
    entry under way; `held_pairs` those where entries are held. `quota_used` is the share of the order rate, in %.
    """

    now: datetime
    limits: RiskLimits
    phase: Phase | None
    pairs: tuple[str, ...]
    rules: SymbolRules | None
    mark: Decimal | None
    equity: Decimal | None
    free_margin: Decimal | None
    gross: Decimal | None
    open_risk: Decimal | None
    zone: Zone = Zone.ARMED
    state: TradingState = TradingState.ACTIVE
    latched: str = ""
    why: str = ""
    signals_suspended: bool = False
    open_pairs: frozenset[str] = frozenset()
    held_pairs: frozenset[str] = frozenset()
    last_entry: datetime | None = None
    depth: Depth | None = None
    leverage: Decimal | None = None
    quota_used: Decimal = Decimal(0)
    stale: str = ""


@dataclass(frozen=True, slots=True)
class Cleared:
    quantity: Decimal
    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    code: Code
    detail: str


@dataclass(frozen=True, slots=True)
class _Case:
    """A proposal on its way through the gate; `size` is there from the sizing on."""

    ask: Proposal
    context: Context
    size: Size | None = None


_Station = Callable[[_Case], "_Case | Refused"]


def judge(proposal: Proposal, context: Context) -> Cleared | Refused:
    """Clear an entry at the size the caps leave, or refuse it. The stations stand in the order of the design."""
    case = _Case(proposal, context)
    for station in _STATIONS:
        outcome = station(case)
        if isinstance(outcome, Refused):
            return outcome
        case = outcome
    assert case.size is not None
    return Cleared(case.size.quantity, _detail(case, case.size))


def _trading_state(case: _Case) -> "_Case | Refused":
    context = case.context
    if context.latched:
        return Refused(Code.LATCHED, context.latched)
    if context.state is TradingState.HALTED:
        return Refused(Code.HALTED, context.why or "trading is halted")
    if context.state is TradingState.REDUCING:
        return Refused(Code.REDUCING, context.why or "only exits may trade")
    if context.signals_suspended:
        return Refused(Code.SIGNALS_SUSPENDED, context.why or "signals are suspended")
    return case


def _breaker(case: _Case) -> "_Case | Refused":
    zone = case.context.zone
    if zone is Zone.ARMED:
        return case
    code = Code.BREAKER_BLOCKED if zone is Zone.TRIGGERED else Code.BREAKER_RISKY
    return Refused(code, f"the breaker is {zone}")


def _phase(case: _Case) -> "_Case | Refused":
    context, symbol = case.context, case.ask.symbol
    if context.phase is None or context.phase.fraction <= 0:
        return Refused(Code.NO_PHASE, "no phase is running")
    if symbol not in context.pairs:
        return Refused(Code.PAIR_NOT_IN_PHASE, f"{symbol} is not among the pairs of phase {context.phase.number}")
    if symbol in context.held_pairs:
        return Refused(Code.PAIR_HELD, f"entries on {symbol} are held")
    return case


def _figures(case: _Case) -> "_Case | Refused":
    """Nothing can be sized from a figure that is missing or no number."""
    ask, context = case.ask, case.context
    for name, value in (("price", ask.price), ("stop distance", ask.stop_distance), ("mark", context.mark)):
        exact = finite(value)
        if exact is None or exact <= 0:
            return Refused(Code.BAD_FIGURES, f"{name} is {value}")
    if context.rules is None:
        return Refused(Code.BAD_FIGURES, f"the exchange's rules of {ask.symbol} are unknown")
    equity = finite(context.equity)
    if equity is None or equity <= 0:
        return Refused(Code.NO_EQUITY, f"equity is {context.equity}")
    for name, value in (("gross exposure", context.gross), ("open risk", context.open_risk)):
        if finite(value) is None:
            return Refused(Code.BAD_FIGURES, f"{name} is {value}")
    return case


def _caps(case: _Case) -> "_Case | Refused":
    ask, context = case.ask, case.context
    if ask.symbol in context.open_pairs:
        return Refused(Code.POSITION_OPEN, f"{ask.symbol} is open already")
    if len(context.open_pairs) >= context.limits.max_pairs:
        return Refused(Code.MAX_PAIRS, f"{len(context.open_pairs)} positions are open")
    if context.depth is None and context.limits.liquidity.required:
        return Refused(Code.LIQUIDITY_UNKNOWN, f"nobody has measured what {ask.symbol} can take")
    assert context.phase is not None
    size = sizing.by_risk(
        ask.price,
        ask.stop_distance,
        context.phase.fraction,
        _account(context),
        context.phase.caps,
        context.limits,
        context.depth,
    )
    if size.quantity <= 0:
        return Refused(_CAP_CODES[size.cap], f"{_cap_words(case, size)} leaves nothing")
    return replace(case, size=size)


def _duplicate(case: _Case) -> "_Case | Refused":
    last, window = case.context.last_entry, case.context.limits.duplicate_window
    if last is not None and case.context.now - last < window:
        return Refused(Code.DUPLICATE, f"an entry was sent {(case.context.now - last).total_seconds():.0f} s ago")
    return case


def _collar(case: _Case) -> "_Case | Refused":
    mark = case.context.mark
    assert mark is not None
    away = abs(case.ask.price - mark) / mark * 10_000
    if away > case.context.limits.collar_bps:
        return Refused(Code.COLLAR, f"{away:.0f} bps from the mark price (limit {case.context.limits.collar_bps})")
    return case


def _margin(case: _Case) -> "_Case | Refused":
    assert case.size is not None
    if case.context.leverage is None:
        return Refused(Code.LEVERAGE_UNKNOWN, f"the exchange has not told the leverage of {case.ask.symbol}")
    if finite(case.context.free_margin) is None:
        return Refused(Code.MARGIN, f"free margin is {case.context.free_margin or 'unknown'}")
    size = sizing.by_margin(case.size, case.ask.price, _account(case.context), case.context.limits)
    if size.quantity <= 0:
        return Refused(Code.MARGIN, "no margin is free beyond the reserve")
    return replace(case, size=size)


def _filters(case: _Case) -> "_Case | Refused":
    assert case.size is not None and case.context.rules is not None
    size = sizing.by_filters(case.size, case.context.rules)
    missed = sizing.below_minimum(size.quantity, case.ask.price, case.context.rules)
    if missed:
        return Refused(Code.MINIMUM, f"{size.cap} leaves {size.quantity:f}; {missed}")
    return replace(case, size=size)


def _quota(case: _Case) -> "_Case | Refused":
    spare = 100 - case.context.limits.quota_reserve
    if case.context.quota_used >= spare:
        return Refused(Code.ORDER_QUOTA, f"{case.context.quota_used:.0f} % of the order rate is used, the rest is kept")
    return case


def _fresh(case: _Case) -> "_Case | Refused":
    return Refused(Code.STALE, case.context.stale) if case.context.stale else case


_STATIONS: tuple[_Station, ...] = (
    _trading_state,
    _breaker,
    _phase,
    _figures,
    _caps,
    _duplicate,
    _collar,
    _margin,
    _filters,
    _quota,
    _fresh,
)

_CAP_CODES = {
    sizing.Cap.RISK: Code.NO_EQUITY,
    sizing.Cap.OPEN_RISK: Code.OPEN_RISK,
    sizing.Cap.GROSS: Code.GROSS,
    sizing.Cap.LIQUIDITY: Code.LIQUIDITY,
}


def _account(context: Context) -> Account:
    """The figures, all of which `_figures` has found to be numbers."""
    zero = Decimal(0)
    return Account(
        context.equity or zero,
        context.free_margin or zero,
        context.gross or zero,
        context.open_risk or zero,
        context.leverage or Decimal(1),
    )


def _detail(case: _Case, size: Size) -> str:
    equity = case.context.equity or Decimal(1)
    at_stop = size.quantity * case.ask.stop_distance / equity * 100
    cut = "" if size.cap is sizing.Cap.RISK else f", cut by {_cap_words(case, size)} from {size.wanted:.6f}"
    return f"{size.quantity:f} {case.ask.symbol}, {at_stop:.3f} % of equity at the stop{cut}"


def _cap_words(case: _Case, size: Size) -> str:
    """A cap on liquidity says how much of a day its worst book was taken from."""
    depth = case.context.depth
    if size.cap is not sizing.Cap.LIQUIDITY or depth is None:
        return str(size.cap)
    hours = depth.watched.total_seconds() / 3600
    return f"{size.cap} ({f'the worst of {hours:.1f} h' if hours >= 0.05 else 'one book'})"
