"""Where a session stands: what it may do, what it has at stake, and the figures it is judged by."""

from collections.abc import Iterable
from decimal import Decimal

from canary_cli.core.accounting.metrics import readings
from canary_cli.core.accounting.reading import Reading
from canary_cli.core.model import ZERO
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.risk import Context, TradingState
from canary_cli.core.signals import Holding
from canary_cli.core.trading.margin import entering, free_margin, gross_exposure, leverage_of, mark_of
from canary_cli.core.trading.order import OrderLife, Stage
from canary_cli.core.trading.protection import unprotected
from canary_cli.core.trading.state import Session


def trading_state(state: Session) -> tuple[TradingState, str]:
    """ACTIVE, REDUCING or HALTED, and the first reason for it."""
    limited = _limited(state)
    if limited[0] is TradingState.ACTIVE and state.breaker.zone is not Zone.ARMED:
        return TradingState.REDUCING, f"the breaker is {state.breaker.zone} until a named person enables trading"
    return limited


def may_open(state: Session) -> bool:
    return trading_state(state)[0] is TradingState.ACTIVE


def may_still_open(state: Session) -> bool:
    """Whether an entry that was cleared a moment ago may go out: a condition that came since is for the next one."""
    is_halted = state.rolling_back or state.latches or state.ending
    return not is_halted and state.breaker.zone is Zone.ARMED


def _limited(state: Session) -> tuple[TradingState, str]:
    """By everything but the breaker, which the risk gate names with a code of its own."""
    if state.rolling_back:
        return TradingState.HALTED, f"rolling back: {state.rolling_back}"
    if state.latches:
        source, reason = next(iter(state.latches.items()))
        return TradingState.HALTED, f"latched by {source}: {reason}"
    if state.ending:
        return TradingState.REDUCING, state.ending
    if state.conditions:
        name, condition = next(iter(state.conditions.items()))
        return TradingState.REDUCING, f"{name}: {condition.detail}"
    if not state.reconciled:
        return TradingState.REDUCING, "not reconciled with the exchange yet"
    return TradingState.ACTIVE, ""


def is_quiet(state: Session) -> bool:
    """Whether nothing is under way: no order without an answer or its fills, no probe in, no entry without its stop."""
    answered = all(life.is_settled or life.stage is Stage.REJECTED or _rests(life) for life in state.orders.values())
    return answered and not any(held.probe for held in state.held.values()) and not unprotected(state)


def is_pressing(state: Session) -> bool:
    """Whether a reading is needed to close or guard something, or to know anything at all.

    Without any for two rechecks a quiet user stream is not believed, and the run takes itself off.
    """
    if state.read_answered is None or not is_quiet(state):
        return True
    return (state.now - state.read_answered).total_seconds() > 1.5 * state.setup.recheck


def _rests(life: OrderLife) -> bool:
    return life.stage is Stage.CONFIRMED and life.intent.type.is_algo


def risk_context(state: Session, symbol: str) -> Context:
    """Everything the risk gate looks at for one entry."""
    (trading, why), lows = _limited(state), state.lows.get(symbol)
    return Context(
        now=state.now,
        limits=state.setup.plan.risk,
        phase=state.phase,
        pairs=state.pairs,
        rules=state.setup.rules.get(symbol),
        mark=state.marks.get(symbol),
        equity=state.equity,
        free_margin=free_margin(state),
        gross=gross_exposure(state),
        open_risk=open_risk(state),
        zone=state.breaker.zone,
        state=trading,
        latched=why if state.latches else "",
        why=why,
        signals_suspended=any(not hold.pair for hold in state.holds.values()),
        open_pairs=frozenset(state.held) | frozenset(life.intent.symbol for life in entering(state)),
        held_pairs=frozenset(hold.pair for hold in state.holds.values()),
        last_entry=state.last_entry.get(symbol),
        depth=None if lows is None else lows.over_a_day(state.now),
        leverage=leverage_of(state, symbol),
        quota_used=state.quota_used,
        stale=stale_prices(state, symbol),
    )


def open_risk(state: Session) -> Decimal | None:
    """What is lost from here if every resting stop fills at its price, USDT; None while a position has no stop yet.

    Probes are left out: they live for a moment and have none.
    """
    total = ZERO
    for held in state.held.values():
        if held.probe:
            continue
        if held.stop_price is None:
            return None
        total += max(ZERO, held.quantity * (mark_of(state, held.symbol, held.entry_price) - held.stop_price))
    return total + sum((life.outstanding * life.intent.stop_distance for life in entering(state)), ZERO)


def stale_prices(state: Session, symbol: str) -> str:
    """Why the prices of a pair are too old to trade on; empty when they are fresh."""
    marked = state.mark_times.get(symbol)
    if marked is None or symbol not in state.mids:
        return f"no price of {symbol} yet"
    age = (state.now - marked).total_seconds()
    return f"the mark price of {symbol} is {age:.0f} s old" if age > state.setup.stale else ""


def operational(state: Session, symbols: Iterable[str]) -> int:
    """How many of the pairs have prices that are fresh enough to trade on now; a quote of long ago is none."""
    return sum(not stale_prices(state, symbol) for symbol in symbols)


def holding_of(state: Session, symbol: str) -> Holding:
    """What the signal engine must know of a pair: its side, or when and from which side it went flat. No probes."""
    held = state.held.get(symbol)
    last, since = state.last_flat.get(symbol, (None, None))
    side = held.side if held is not None and not held.probe else None
    return Holding(side=side, last=last, flat_since=since)


def session_readings(state: Session) -> dict[str, Reading]:
    return readings(state.metrics, curve=state.curve, now=state.now)
