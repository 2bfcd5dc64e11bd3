"""What a session has learned or decided, as values. Each is journalled, and state is nothing but the sum of them.

`apply` (in `core.trading.apply`) is the only way a fact changes state, live and in recovery alike, so replaying the
journal rebuilds the session of any moment. Field names are the keys of the journal line's `data`.
"""

from canary_cli.core.trading.facts.account import (
    Adopted,
    DepthMeasured,
    EquityMarked,
    ForeignSeen,
    Liquidated,
    Reconciled,
    WalletMoved,
)
from canary_cli.core.trading.facts.limits import (
    BreakerMoved,
    ConditionCleared,
    ConditionSet,
    Latched,
    ParityChecked,
    PhaseEntered,
    TriggerFired,
    TriggersReleased,
    Unlatched,
)
from canary_cli.core.trading.facts.orders import (
    AlgoMoved,
    Filled,
    Intended,
    OrderConfirmed,
    OrderDenied,
    OrderMoved,
    OrderRejected,
    OrderResolved,
    OrderUnknown,
    Purpose,
    RiskRefused,
)

__all__ = [
    "Adopted",
    "AlgoMoved",
    "BreakerMoved",
    "ConditionCleared",
    "ConditionSet",
    "DepthMeasured",
    "EquityMarked",
    "Fact",
    "Filled",
    "ForeignSeen",
    "Intended",
    "Latched",
    "Liquidated",
    "OrderConfirmed",
    "OrderDenied",
    "OrderMoved",
    "OrderRejected",
    "OrderResolved",
    "OrderUnknown",
    "ParityChecked",
    "PhaseEntered",
    "Purpose",
    "Reconciled",
    "RiskRefused",
    "TriggerFired",
    "TriggersReleased",
    "Unlatched",
    "WalletMoved",
]

Fact = (
    PhaseEntered
    | RiskRefused
    | Intended
    | OrderConfirmed
    | OrderRejected
    | OrderDenied
    | OrderUnknown
    | OrderResolved
    | OrderMoved
    | Filled
    | AlgoMoved
    | WalletMoved
    | EquityMarked
    | DepthMeasured
    | ConditionSet
    | ConditionCleared
    | Latched
    | Unlatched
    | BreakerMoved
    | TriggerFired
    | TriggersReleased
    | ParityChecked
    | Liquidated
    | ForeignSeen
    | Adopted
    | Reconciled
)
