"""How each fact changes what a session knows: live and in recovery alike."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.core.accounting import pnl
from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.metrics import Metrics
from canary_cli.core.model import ZERO, OrderStatus
from canary_cli.core.policy import breaker, triggers
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.lows import with_one_more
from canary_cli.core.policy.plan import Action
from canary_cli.core.trading import facts as f
from canary_cli.core.trading import valuing
from canary_cli.core.trading.forgetting import forget
from canary_cli.core.trading.order import OrderLife, Stage, advance
from canary_cli.core.trading.state import Algo, Condition, Held, Hold, Session, drop, put

FOREIGN, KILL = "foreign", "kill"
"""Purposes of fills whose orders this session did not make: a stranger's, and those of a closing."""


def apply(state: Session, fact: f.Fact) -> Session:
    """The session after `fact`. The same function rebuilds it from the journal."""
    return _APPLY[type(fact)](state, fact)


def _phase_entered(state: Session, fact: f.PhaseEntered) -> Session:
    phase = state.setup.plan.phase(fact.number)
    return replace(
        state,
        phase=phase,
        pairs=fact.pairs,
        phase_entered=fact.time,
        phase_ends=fact.ends_at,
        metrics=Metrics(asked_seconds=_seconds(fact.time, fact.ends_at)),
        triggers=replace(state.triggers, beyond={}),
        last_probe=None,
    )


def _seconds(began: datetime, ends: datetime | None) -> Decimal | None:
    return None if ends is None else Decimal(str((ends - began).total_seconds()))


def _intended(state: Session, fact: f.Intended) -> Session:
    moved = replace(state, orders=put(state.orders, fact.client_id, OrderLife(fact)), sequence=state.sequence + 1)
    if fact.purpose is f.Purpose.ENTRY:
        moved = replace(moved, last_entry=put(state.last_entry, fact.symbol, fact.decided_at))
    elif fact.purpose is f.Purpose.PROBE:
        moved = replace(moved, last_probe=fact.decided_at)
    elif fact.symbol in state.held:
        moved = replace(moved, held=put(state.held, fact.symbol, _told_off(state.held[fact.symbol], fact)))
    return moved


def _told_off(held: Held, fact: f.Intended) -> Held:
    """The position with the order that is to protect or close it."""
    match fact.purpose:
        case f.Purpose.STOP:
            return replace(held, stop=fact.client_id, stop_price=fact.trigger_price)
        case f.Purpose.TARGET:
            return replace(held, target=fact.client_id)
    return replace(held, exits=held.exits + 1)


def _order(state: Session, fact: Any) -> Session:
    life = state.orders.get(fact.client_id)
    if life is None:
        return state
    after = advance(life, fact)
    return replace(
        state,
        orders=put(state.orders, fact.client_id, after),
        metrics=_measured(state.metrics, life, fact),
    )


def _measured(metrics: Metrics, life: OrderLife, fact: Any) -> Metrics:
    intent = life.intent
    who = (intent.client_id, intent.symbol, intent.purpose.value)
    match fact:
        case f.OrderConfirmed():
            return metrics.ordered(*who, fact.latency_ms, intent.quantity, fact.send_ms)
        case f.OrderRejected():
            return metrics.rejected(*who)
        case f.OrderUnknown(inherited=True):
            return metrics.unanswered(*who, intent.quantity)
        case f.OrderUnknown() if life.stage is Stage.SENT:
            return metrics.unknown(*who, intent.quantity, fact.latency_ms)
        case f.OrderUnknown():  # its reply was lost, and it was known by then
            return metrics.ordered(*who, None, intent.quantity)
        case f.OrderResolved():
            return metrics.resolved(intent.client_id, found=fact.outcome == "found")
        case f.OrderMoved() if life.stage is Stage.SENT:  # the stream told first; the answer is on its way
            return _moved(metrics.unanswered(*who, intent.quantity), life, fact)
        case f.OrderMoved():
            return _moved(metrics, life, fact)
    return metrics


def _moved(metrics: Metrics, life: OrderLife, fact: f.OrderMoved) -> Metrics:
    """Whoever tells of an order that nobody had answered for has found it."""
    if life.stage is Stage.UNKNOWN:
        metrics = metrics.resolved(fact.client_id, found=True)
    is_short = fact.status.is_final and fact.status is not OrderStatus.FILLED
    return metrics.ended(fact.client_id) if is_short else metrics


def _filled(state: Session, fact: f.Filled) -> Session:
    before = state.held.get(fact.symbol)
    after = _after_fill(before, fact)
    moved = replace(
        state,
        trades=put(state.trades, (fact.symbol, fact.trade_id), fact.time),
        metrics=_executed(state.metrics, fact),
        orders=_filling(state.orders, fact),
    )
    if after is not None:
        return replace(moved, held=put(state.held, fact.symbol, after))
    return _flat(moved, fact, before)


def _filling(orders: Mapping[str, OrderLife], fact: f.Filled) -> Mapping[str, OrderLife]:
    life = orders.get(fact.client_id)
    return orders if life is None else put(orders, fact.client_id, replace(life, filled=life.filled + fact.quantity))


def _executed(metrics: Metrics, fact: f.Filled) -> Metrics:
    if fact.purpose in (FOREIGN, KILL):
        return metrics
    return metrics.filled(fact.client_id, fact.symbol, fact.purpose, fact.quantity, fact.slippage_bps, fact.latency_ms)


def _flat(state: Session, fact: f.Filled, closed: Held | None) -> Session:
    """The position is gone; the cooldown of its side begins, unless it was but a probe."""
    state = replace(state, held=drop(state.held, fact.symbol))
    if closed is None or closed.probe:
        return state
    return replace(state, last_flat=put(state.last_flat, fact.symbol, (closed.side, fact.time)))


def _after_fill(held: Held | None, fact: f.Filled) -> Held | None:
    """The position after one trade: averaged when it grows, kept when it shrinks, turned when it crosses zero."""
    signed, is_foreign = fact.quantity * fact.side.sign, fact.purpose == FOREIGN
    if held is None:
        is_probe = fact.purpose == f.Purpose.PROBE.value
        return Held(fact.symbol, signed, fact.price, fact.time, probe=is_probe, foreign=is_foreign)
    quantity = held.quantity + signed
    if quantity == 0:
        return None
    if (held.quantity > 0) == (signed > 0):
        entry = (held.entry_price * held.quantity + fact.price * signed) / quantity
        return replace(held, quantity=quantity, entry_price=entry, foreign=held.foreign and is_foreign)
    if (held.quantity > 0) == (quantity > 0):
        return replace(held, quantity=quantity)
    return Held(fact.symbol, quantity, fact.price, fact.time, foreign=is_foreign)


def _algo_moved(state: Session, fact: f.AlgoMoved) -> Session:
    algo = Algo(fact.client_id, fact.algo_id, fact.symbol, fact.status, fact.trigger_price)
    moved = replace(state, algos=put(state.algos, fact.client_id, algo))
    life = state.orders.get(fact.client_id)
    if life is None or not fact.order_id:
        return moved
    return replace(moved, orders=put(state.orders, fact.client_id, replace(life, became=fact.order_id)))


def _wallet_moved(state: Session, fact: f.WalletMoved) -> Session:
    """What is moved in or out is neither profit nor loss: equity and its peak move together.

    A move that is told late is in the wallet that was told since, and in equity; so is one that the wallet has already.
    """
    is_transfer, is_read = fact.reason in TRANSFERS, fact.reason == READ
    is_late = not is_read and state.wallet_at is not None and fact.time < state.wallet_at
    is_in = is_late or fact.wallet == state.wallet
    return replace(
        state,
        wallet=state.wallet if is_late else fact.wallet,
        wallet_at=state.wallet_at if is_read or is_late else fact.time,
        moves=state.moves if is_read else state.moves | {fact},
        curve=_curve_moved(state, fact.change, is_in=is_in) if is_transfer else state.curve,
        transferred=fact.time if is_transfer or state.wallet is None else state.transferred,
    )


def _curve_moved(state: Session, change: Decimal, *, is_in: bool) -> Curve:
    """Where equity is unknown the wallet stands for it.

    A deposit that was marked before it was told has raised the peak by itself: nobody trades so far below one.
    """
    worth = valuing.worth(state) or state.wallet
    if worth is None:
        return state.curve
    if not is_in:
        return state.curve.transferred(worth, worth + change)
    moved = state.curve.transferred(worth - change, worth)
    is_raised = change > 0 and (moved.drawdown_pct or ZERO) <= state.breaker.limits.trip
    return state.curve if is_raised else moved


READ = "READ"
"""The reason of a change that a reading showed, and nobody told."""

TRANSFERS = pnl.TRANSFERS | {
    "DEPOSIT", "WITHDRAW", "WITHDRAW_REJECT", "MARGIN_TRANSFER", "ASSET_TRANSFER", "ADMIN_DEPOSIT", "ADMIN_WITHDRAW",
}  # fmt: skip
"""As the income ledger and as the user stream name them."""


def _depth_measured(state: Session, fact: f.DepthMeasured) -> Session:
    lows = with_one_more(state.lows.get(fact.symbol), fact.time, fact.book, fact.minute)
    return replace(state, lows=put(state.lows, fact.symbol, lows))


def _equity_marked(state: Session, fact: f.EquityMarked) -> Session:
    """Once an hour of these, what is long over is forgotten."""
    if state.equity_noted is not None and state.equity_noted.hour != fact.time.hour:
        state = forget(state, fact.time)
    return replace(
        state,
        wallet=fact.wallet,
        curve=replace(state.curve, peak=fact.peak).marked(fact.equity, fact.time),
        metrics=replace(state.metrics, fresh_seconds=fact.fresh_seconds, stale_seconds=fact.stale_seconds),
        equity_noted=fact.time,
        peak_noted=fact.peak,
    )


def _condition_set(state: Session, fact: f.ConditionSet) -> Session:
    return replace(state, conditions=put(state.conditions, fact.name, Condition(fact.detail, fact.time)))


def _condition_cleared(state: Session, fact: f.ConditionCleared) -> Session:
    return replace(state, conditions=drop(state.conditions, fact.name))


def _latched(state: Session, fact: f.Latched) -> Session:
    return replace(state, latches=put(state.latches, fact.source, fact.reason))


def _unlatched(state: Session, fact: f.Unlatched) -> Session:
    return replace(state, latches=drop(state.latches, fact.source), rolling_back="")


def _breaker_moved(state: Session, fact: f.BreakerMoved) -> Session:
    if fact.by:
        return replace(state, breaker=breaker.reset(state.breaker, fact.by, fact.reason, fact.time))
    return replace(state, breaker=replace(state.breaker, zone=Zone(fact.zone), since=fact.time))


def _trigger_fired(state: Session, fact: f.TriggerFired) -> Session:
    """What is well again holds nothing any more; a condition clears after a time of health."""
    if triggers.is_crossing(state.triggers, state.setup.plan, fact.name, fact.level):
        state = replace(state, metrics=state.metrics.warned())
    state = replace(state, triggers=triggers.told(state.triggers, fact.name, fact.level))
    if fact.action in (Action.CHECK_MARKET, Action.SUSPEND_SIGNALS):
        detail = f"{fact.name} {Decimal(fact.value):.4g} beyond {fact.limit} (n={fact.n})"
        return replace(state, holds=put(state.holds, fact.name, Hold(detail, fact.pair)))
    if fact.action != Action.RELEASE:
        return state
    state, condition = replace(state, holds=drop(state.holds, fact.name)), state.conditions.get(fact.name)
    if condition is None:
        return state
    return replace(state, conditions=put(state.conditions, fact.name, replace(condition, since=fact.time, holds=False)))


def _released(state: Session, fact: f.TriggersReleased) -> Session:
    """A trigger that the plan no longer has holds nothing any more, and has nothing to begin afresh."""
    metrics, names = state.metrics, frozenset(fact.triggers)
    for name in fact.triggers:
        watched = state.setup.plan.watched_by(name)
        if watched is not None:
            metrics = metrics.afresh(watched[0].metric, watched[1])
    return replace(
        state,
        metrics=metrics,
        triggers=triggers.let_go(state.triggers, names),
        holds={name: hold for name, hold in state.holds.items() if name not in names},
    )


def _parity_checked(state: Session, fact: f.ParityChecked) -> Session:
    return replace(state, metrics=state.metrics.repeated(fact.compared, fact.differing))


def _liquidated(state: Session, _fact: f.Liquidated) -> Session:
    return replace(state, metrics=state.metrics.liquidated())


def _adopted(state: Session, fact: f.Adopted) -> Session:
    """From here on the pair is what the exchange said; trades from before are in that already."""
    state = replace(
        state, adopted=put(state.adopted, fact.symbol, fact.time), orders=_all_told(state.orders, fact.symbol)
    )
    if not fact.quantity:
        return replace(state, held=drop(state.held, fact.symbol))
    return replace(
        state, held=put(state.held, fact.symbol, Held(fact.symbol, fact.quantity, fact.entry_price, fact.time))
    )


def _reconciled(state: Session, fact: f.Reconciled) -> Session:
    return state if fact.differences else replace(state, agreed=fact.time)


def _all_told(orders: Mapping[str, OrderLife], symbol: str) -> Mapping[str, OrderLife]:
    """Nobody waits for trades that are part of what was taken over."""
    return {
        client_id: replace(life, filled=life.executed) if life.intent.symbol == symbol else life
        for client_id, life in orders.items()
    }


def _unchanged(state: Session, _fact: Any) -> Session:
    return state


_APPLY: dict[type, Callable[[Session, Any], Session]] = {
    f.PhaseEntered: _phase_entered,
    f.RiskRefused: _unchanged,
    f.Intended: _intended,
    f.OrderConfirmed: _order,
    f.OrderRejected: _order,
    f.OrderDenied: _order,
    f.OrderUnknown: _order,
    f.OrderResolved: _order,
    f.OrderMoved: _order,
    f.Filled: _filled,
    f.AlgoMoved: _algo_moved,
    f.WalletMoved: _wallet_moved,
    f.EquityMarked: _equity_marked,
    f.DepthMeasured: _depth_measured,
    f.ConditionSet: _condition_set,
    f.ConditionCleared: _condition_cleared,
    f.Latched: _latched,
    f.Unlatched: _unlatched,
    f.BreakerMoved: _breaker_moved,
    f.TriggerFired: _trigger_fired,
    f.TriggersReleased: _released,
    f.ParityChecked: _parity_checked,
    f.Liquidated: _liquidated,
    f.ForeignSeen: _unchanged,
    f.Adopted: _adopted,
    f.Reconciled: _reconciled,
}
