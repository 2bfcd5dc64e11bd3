"""A session as its journal tells it: every fact applied again, in order."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from canary_cli.core.accounting.metrics import Seen
from canary_cli.core.accounting.reading import Reading
from canary_cli.core.policy.breaker import Breaker
from canary_cli.core.policy.triggers import keep
from canary_cli.core.signals import from_record
from canary_cli.core.trading.alarms import KEPT
from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.entries import seen
from canary_cli.core.trading.record import from_data
from canary_cli.core.trading.standing import session_readings
from canary_cli.core.trading.state import Condition, Hold, Session, Setup
from canary_cli.journal.record import Entry

DECISIONS = frozenset({"signal", "signal_refused"})


def rebuilt(setup: Setup, now: datetime, entries: Iterable[Entry]) -> Session:
    """Empty where there are no entries.

    The time since the last line of a session counts as unwatched (a run writes lines before its session lives again),
    and nothing is fresh before the first mark is seen. How long a condition lasts is counted anew, for nobody watched.
    """
    state = Session(setup=setup, now=now, breaker=Breaker(limits=setup.plan.breaker))
    for entry in entries:
        fact = from_data(entry.event, entry.data)
        if fact is not None:
            state = replace(apply(state, fact), ticked=entry.timestamp)
        elif entry.event in DECISIONS and state.phase is not None:
            evaluated = state.metrics.evaluated(_seen_in(entry))
            state = replace(state, metrics=evaluated, ticked=entry.timestamp)
        elif entry.event == KEPT:
            state = replace(state, triggers=keep(state.triggers, entry.data["trigger"]))
    unanswered = frozenset(client_id for client_id, life in state.orders.items() if life.is_unanswered)
    return replace(
        state,
        curve=replace(state.curve, equity=None),
        conditions=_begun_anew(state, now),
        holds=_still_held(state),
        inherited=unanswered,
    )


def _begun_anew(state: Session, now: datetime) -> dict[str, Condition]:
    """A trigger that can be judged fires again at once where it still has its cause, and holds again.

    One that cannot (a phase began since) holds what it held: until a named person lets it go.
    """
    known = session_readings(state).values()
    return {
        name: replace(condition, since=now, holds=condition.holds and not _is_judged(state, known, name))
        for name, condition in state.conditions.items()
    }


def _still_held(state: Session) -> dict[str, Hold]:
    """What can be judged fires again at once where it still has its cause."""
    known = session_readings(state).values()
    return {name: hold for name, hold in state.holds.items() if not _is_judged(state, known, name)}


def _is_judged(state: Session, known: Iterable[Reading], name: str) -> bool:
    watched = state.setup.plan.watched_by(name)
    if watched is None:
        return False
    trigger, pair = watched
    return any(
        reading.metric == trigger.metric
        and reading.pair == pair
        and reading.value is not None
        and reading.n >= trigger.min_samples
        for reading in known
    )


def _seen_in(entry: Entry) -> Seen | None:
    evaluation = from_record(entry.data)
    return seen(evaluation) if entry.event == "signal" else None
