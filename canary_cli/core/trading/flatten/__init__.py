"""Flat in seconds, from any state: a pure decider for closing an account.

`decide(state, event) -> (state, effects)`. Belief first (close what is known), reading beside it, and nothing is called
flat until two readings, at least 200 ms apart and asked after the last deed was answered, show no exposure.
Order of doing: cancel what is in the way, close, verify, and only then cancel the protective stops.
"""

from functools import reduce

from canary_cli.core.trading.flatten.act import act
from canary_cli.core.trading.flatten.learn import learn
from canary_cli.core.trading.flatten.state import (
    AccountSeen,
    Begin,
    Cancel,
    CancelAlgo,
    CancelAll,
    Cancelled,
    CancelOrder,
    Close,
    Closed,
    DeadlinePassed,
    Effect,
    Event,
    Flatten,
    Leg,
    Outcome,
    Queried,
    Query,
    Read,
    ReadFailed,
    Style,
    Wake,
    Woken,
)

__all__ = [
    "AccountSeen",
    "Begin",
    "Cancel",
    "CancelAlgo",
    "CancelAll",
    "CancelOrder",
    "Cancelled",
    "Close",
    "Closed",
    "DeadlinePassed",
    "Effect",
    "Event",
    "Flatten",
    "Leg",
    "Outcome",
    "Queried",
    "Query",
    "Read",
    "ReadFailed",
    "Style",
    "Wake",
    "Woken",
    "decide",
]


def decide(state: Flatten, *events: Event) -> tuple[Flatten, tuple[Effect, ...]]:
    """What is believed after `events`, and what is to be done. Times are seconds of one monotonic clock.

    Events that arrived together may be given together: acting once on all of them is quicker than twenty times.
    """
    return act(reduce(learn, events, state))
