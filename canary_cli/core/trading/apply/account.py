"""What facts of the account change in a session: its money, and what was found or taken over."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from canary_cli.core.accounting import pnl
from canary_cli.core.accounting.equity import Curve
from canary_cli.core.model import ZERO
from canary_cli.core.policy.lows import with_one_more
from canary_cli.core.trading import facts as f
from canary_cli.core.trading import valuing
from canary_cli.core.trading.forgetting import forget
from canary_cli.core.trading.order import OrderLife
from canary_cli.core.trading.state import Held, Session, drop, put

READ = "READ"
"""The reason of a change that a reading showed, and nobody told."""

TRANSFERS = pnl.TRANSFERS | {
    "DEPOSIT", "WITHDRAW", "WITHDRAW_REJECT", "MARGIN_TRANSFER", "ASSET_TRANSFER", "ADMIN_DEPOSIT", "ADMIN_WITHDRAW",
}  # fmt: skip
"""As the income ledger and as the user stream name them."""


def wallet_moved(state: Session, fact: f.WalletMoved) -> Session:
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


def equity_marked(state: Session, fact: f.EquityMarked) -> Session:
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


def depth_measured(state: Session, fact: f.DepthMeasured) -> Session:
    lows = with_one_more(state.lows.get(fact.symbol), fact.time, fact.book, fact.minute)
    return replace(state, lows=put(state.lows, fact.symbol, lows))


def adopted(state: Session, fact: f.Adopted) -> Session:
    """From here on the pair is what the exchange said; trades from before are in that already."""
    state = replace(
        state, adopted=put(state.adopted, fact.symbol, fact.time), orders=_all_told(state.orders, fact.symbol)
    )
    if not fact.quantity:
        return replace(state, held=drop(state.held, fact.symbol))
    return replace(
        state, held=put(state.held, fact.symbol, Held(fact.symbol, fact.quantity, fact.entry_price, fact.time))
    )


def _all_told(orders: Mapping[str, OrderLife], symbol: str) -> Mapping[str, OrderLife]:
    """Nobody waits for trades that are part of what was taken over."""
    return {
        client_id: replace(life, filled=life.executed) if life.intent.symbol == symbol else life
        for client_id, life in orders.items()
    }


def liquidated(state: Session, _fact: f.Liquidated) -> Session:
    return replace(state, metrics=state.metrics.liquidated())


def reconciled(state: Session, fact: f.Reconciled) -> Session:
    return state if fact.differences else replace(state, agreed=fact.time)
