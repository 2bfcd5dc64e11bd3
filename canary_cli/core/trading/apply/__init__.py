"""How each fact changes what a session knows: live and in recovery alike. A module for each of the facts'."""

from collections.abc import Callable
from typing import Any

from canary_cli.core.trading import facts as f
from canary_cli.core.trading.apply import account, limits, orders
from canary_cli.core.trading.state import Session

__all__ = ["apply"]


def apply(state: Session, fact: f.Fact) -> Session:
    """The session after `fact`. The same function rebuilds it from the journal."""
    return _APPLY[type(fact)](state, fact)


def _unchanged(state: Session, _fact: Any) -> Session:
    return state


_APPLY: dict[type, Callable[[Session, Any], Session]] = {
    f.PhaseEntered: limits.phase_entered,
    f.RiskRefused: _unchanged,
    f.Intended: orders.intended,
    f.OrderConfirmed: orders.order,
    f.OrderRejected: orders.order,
    f.OrderDenied: orders.order,
    f.OrderUnknown: orders.order,
    f.OrderResolved: orders.order,
    f.OrderMoved: orders.order,
    f.Filled: orders.filled,
    f.AlgoMoved: orders.algo_moved,
    f.WalletMoved: account.wallet_moved,
    f.EquityMarked: account.equity_marked,
    f.DepthMeasured: account.depth_measured,
    f.ConditionSet: limits.condition_set,
    f.ConditionCleared: limits.condition_cleared,
    f.Latched: limits.latched,
    f.Unlatched: limits.unlatched,
    f.BreakerMoved: limits.breaker_moved,
    f.TriggerFired: limits.trigger_fired,
    f.TriggersReleased: limits.released,
    f.ParityChecked: limits.parity_checked,
    f.Liquidated: account.liquidated,
    f.ForeignSeen: _unchanged,
    f.Adopted: account.adopted,
    f.Reconciled: account.reconciled,
}
