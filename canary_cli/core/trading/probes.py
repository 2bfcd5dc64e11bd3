"""Round trips of the smallest allowed size, so that a phase proves its order path even when no signal comes."""

from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.model import Side, SymbolRules, ceil_to
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.order import OrderLife
from canary_cli.core.trading.sending import send
from canary_cli.core.trading.standing import stale_prices
from canary_cli.core.trading.state import Session
from canary_cli.core.trading.turn import Turn

FUNDING_EVERY = timedelta(hours=8)
FUNDING_MARGIN = timedelta(seconds=60)


def on_tick(turn: Turn) -> None:
    """Send the next probe when it is due: to the flat pair with the least evidence, never near funding."""
    state = turn.state
    if not _due(state) or near_funding(state.now):
        return
    symbol = _neediest(state)
    if symbol is not None:
        send(turn, Purpose.PROBE, symbol, Side.BUY, smallest(state.setup.rules[symbol], state.mids[symbol]))


def _due(state: Session) -> bool:
    if state.phase is None or state.phase.probes is None or state.phase_entered is None or state.equity is None:
        return False
    probes = state.phase.probes
    if len(_sent(state)) >= probes.cap or state.quota_used >= 100 - state.setup.plan.risk.quota_reserve:
        return False
    since = state.now - (state.last_probe or state.phase_entered)
    return since >= probes.every


def _sent(state: Session) -> list[OrderLife]:
    """Probes that went in during this phase."""
    return [
        life
        for life in state.orders.values()
        if life.intent.purpose is Purpose.PROBE and life.intent.decided_at >= (state.phase_entered or state.now)
    ]


def _neediest(state: Session) -> str | None:
    """The flat pair with fresh prices and the fewest orders so far in this phase; ties go in the plan's order.

    One whose entries are held for its slippage too: a probe is what shows that it is well again.
    """
    counts = dict.fromkeys((s for s in state.pairs if s not in state.held and not stale_prices(state, s)), 0)
    for life in state.orders.values():
        if life.intent.symbol in counts and life.intent.decided_at >= (state.phase_entered or state.now):
            if life.is_under_way and not life.intent.type.is_algo:
                counts.pop(life.intent.symbol)
            else:
                counts[life.intent.symbol] += 1
    return min(counts, key=counts.__getitem__, default=None)


def near_funding(now: datetime) -> bool:
    """Within a minute of 00:00, 08:00 or 16:00 UTC: a probe held across would pay or earn funding."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    past = (now - midnight) % FUNDING_EVERY
    return past < FUNDING_MARGIN or FUNDING_EVERY - past < FUNDING_MARGIN


def smallest(rules: SymbolRules, price: Decimal) -> Decimal:
    """The smallest market quantity that meets both the lot size and the minimum notional, with 5 % to spare."""
    by_notional = ceil_to(rules.min_notional * Decimal("1.05") / price, rules.market_step)
    return max(by_notional, rules.market_min_quantity)
