"""Watching: equity on marks, the breaker, the triggers, silent streams, and conditions that limit trading."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from canary_cli.core.accounting.equity import equity_of
from canary_cli.core.policy import breaker, triggers
from canary_cli.core.policy.plan import Action, Level
from canary_cli.core.policy.triggers import Fired
from canary_cli.core.trading import protection
from canary_cli.core.trading.effects import Note, RaiseAlert
from canary_cli.core.trading.events import MarksUpdated, Quoted, Stream, StreamAlive, StreamDown, StreamUp
from canary_cli.core.trading.facts import (
    BreakerMoved,
    ConditionCleared,
    ConditionSet,
    EquityMarked,
    Latched,
    TriggerFired,
    Unlatched,
)
from canary_cli.core.trading.halting import latch, roll_back
from canary_cli.core.trading.inputs import ArmAgain, ConditionChanged, Keep, LatchChanged, Tick
from canary_cli.core.trading.standing import session_readings
from canary_cli.core.trading.state import Condition, Session, put
from canary_cli.core.trading.turn import Turn

EQUITY_EVERY = timedelta(minutes=1)
STALE, USER_DOWN, DATABASE = "market-stale", "user-stream", "database"


def on_marks(turn: Turn, event: MarksUpdated) -> None:
    """Mark the account; the breaker sees every mark, the journal one a minute."""
    state = turn.state
    turn.put(
        marks={**state.marks, **event.marks},
        mark_times={**state.mark_times, **dict.fromkeys(event.marks, event.time)},
        heard=put(state.heard, Stream.MARKET, event.time),
    )
    _mark_equity(turn, event.time)


def _mark_equity(turn: Turn, time: datetime) -> None:
    state = turn.state
    curve = state.curve.marked(equity_of(state.wallet, state.held.values(), state.marks), time)
    moved, change = breaker.step(state.breaker, curve.equity, curve.peak, time)
    turn.put(curve=curve, breaker=moved)
    if change is not None:
        _breaker_moved(turn, change, time)
    if state.equity_noted is None or time - state.equity_noted >= EQUITY_EVERY:
        note_equity(turn, time)


def note_equity(turn: Turn, time: datetime) -> None:
    state = turn.state
    if state.equity is None or state.peak is None or state.wallet is None or state.drawdown_pct is None:
        return
    unrealized = state.equity - state.wallet
    turn.learn(
        EquityMarked(
            time,
            state.wallet,
            unrealized,
            state.equity,
            state.peak,
            state.drawdown_pct,
            state.metrics.fresh_seconds,
            state.metrics.stale_seconds,
        )
    )


def _breaker_moved(turn: Turn, change: breaker.ZoneChange, time: datetime) -> None:
    """PRE_TRIP stops entries and pages; TRIGGERED starts the rollback in the same breath."""
    state = turn.state
    detail = f"drawdown {change.drawdown_pct:.2f} % of equity (peak {state.peak:.2f} USDT)"
    if change.zone is breaker.Zone.TRIGGERED:
        roll_back(turn, "breaker", detail)
    turn.learn(
        BreakerMoved(time, change.zone.value, change.drawdown_pct, state.equity or Decimal(0), state.peak or Decimal(0))
    )
    note_equity(turn, time)
    severity = "WARNING" if change.zone is breaker.Zone.ARMED else "CRITICAL"
    turn.ask(RaiseAlert(severity, f"breaker {change.zone.value}: {detail}", "breaker"))


def on_arm(turn: Turn, event: ArmAgain) -> None:
    """Where equity is still beyond a limit the next mark trips it again, and pages again."""
    state = turn.state
    if state.breaker.zone is breaker.Zone.ARMED:
        return
    drawdown, equity, peak = (value or Decimal(0) for value in (state.drawdown_pct, state.equity, state.peak))
    turn.learn(BreakerMoved(event.time, breaker.Zone.ARMED.value, drawdown, equity, peak, event.by, event.reason))
    turn.ask(RaiseAlert("WARNING", f"breaker armed again by {event.by}: {event.reason}", "breaker"))


def on_quote(turn: Turn, event: Quoted) -> None:
    turn.put(mids=put(turn.state.mids, event.book.symbol, event.book.mid))


def on_tick(turn: Turn, event: Tick) -> None:
    """Everything that happens because time passed: silence, health, coverage, triggers, naked positions."""
    _count_covered(turn, event.time)
    _judge_silence(turn, event.time)
    _judge_database(turn, event.time)
    _clear_healthy(turn, event.time)
    _judge_triggers(turn, event.time)
    if turn.state.read_answered is None:
        return  # after a start only the exchange can tell what still is open, and what guards it
    for held in protection.unprotected(turn.state):
        if event.time - held.opened_at > timedelta(seconds=turn.state.setup.silence):
            protection.close_now(turn, held.symbol, "its stop was never confirmed")


def _count_covered(turn: Turn, time: datetime) -> None:
    """Phase time counts only while readings are fresh: downtime earns nothing."""
    state = turn.state
    if state.phase is None or state.ticked is None:
        turn.put(ticked=time)
        return
    seconds = Decimal(str((time - state.ticked).total_seconds()))
    is_fresh = state.equity is not None and not {STALE, USER_DOWN} & state.conditions.keys()
    turn.put(ticked=time, metrics=state.metrics.fresh(seconds) if is_fresh else state.metrics.stale(seconds))


def _judge_silence(turn: Turn, time: datetime) -> None:
    """Silence of all marks or of the user stream first stops entries, and at the limit rolls back.

    What was never heard counts as silent since the session began to tick.
    """
    limit = turn.state.setup.silence
    for stream, condition in ((Stream.MARKET, STALE), (Stream.USER, USER_DOWN)):
        _begin_listening(turn, stream, time)
        silent = (time - turn.state.heard[stream]).total_seconds()
        if silent > limit:
            roll_back(turn, f"{stream}-stream", f"nothing heard for {silent:.0f} s (limit {limit:.0f} s)")
        if silent > turn.state.setup.stale:
            hold(turn, condition, f"silent for {silent:.0f} s")
        else:
            release(turn, condition)


def _judge_database(turn: Turn, time: datetime) -> None:
    """A ledger that is away stops entries at once; away for too long, nobody can be sure of anything any more."""
    condition = turn.state.conditions.get(DATABASE)
    if condition is not None and condition.holds and time - condition.since >= turn.state.setup.plan.silence.database:
        latch(turn, DATABASE, f"{condition.detail} since {condition.since:%H:%M:%S} UTC")
        roll_back(turn, DATABASE, condition.detail)


def hold(turn: Turn, name: str, detail: str) -> None:
    """Set a condition, once; while it lasts its clock of health stands still."""
    present = turn.state.conditions.get(name)
    if present is None:
        turn.learn(ConditionSet(turn.state.now, name, detail))
        turn.ask(RaiseAlert("WARNING", f"no entries: {name} ({detail})", f"condition/{name}"))
    elif not present.holds:
        turn.put(conditions=put(turn.state.conditions, name, Condition(detail, turn.state.now)))


def release(turn: Turn, name: str) -> None:
    """The cause is gone; the condition itself clears after a time of health (see `_clear_healthy`)."""
    present = turn.state.conditions.get(name)
    if present is not None and present.holds:
        turn.put(conditions=put(turn.state.conditions, name, replace(present, since=turn.state.now, holds=False)))


def _clear_healthy(turn: Turn, time: datetime) -> None:
    """A condition ends after a reconcile and a minute of health."""
    if not turn.state.reconciled:
        return
    for name, condition in turn.state.conditions.items():
        if not condition.holds and (time - condition.since).total_seconds() >= turn.state.setup.health:
            turn.learn(ConditionCleared(time, name))


def _judge_triggers(turn: Turn, time: datetime) -> None:
    state = turn.state
    if state.phase is None:
        return
    moved, fired = triggers.step(state.triggers, session_readings(state), time, state.phase, state.setup.plan)
    turn.put(triggers=moved)
    for one in fired:
        _on_fired(turn, one, time)


def _on_fired(turn: Turn, fired: Fired, time: datetime) -> None:
    turn.learn(
        TriggerFired(
            time, fired.name, fired.level.value, str(fired.value), str(fired.limit), fired.n, fired.action.value
        )
    )
    detail = f"{fired.name} {fired.value:.4g} beyond {fired.limit} (n={fired.n}, {fired.detail})"
    _ACTIONS[fired.action](turn, fired, detail)
    if fired.counts:
        turn.put(metrics=turn.state.metrics.warned())


def _roll_back(turn: Turn, fired: Fired, detail: str) -> None:
    roll_back(turn, fired.name, detail)


def _stop(turn: Turn, fired: Fired, detail: str) -> None:
    """REDUCING until the metric is well again."""
    hold(turn, fired.name, detail)


def _suspend_signals(turn: Turn, fired: Fired, detail: str) -> None:
    turn.put(suspended=turn.state.suspended | {fired.name})
    _alert(turn, fired, detail)


def _check_market(turn: Turn, fired: Fired, detail: str) -> None:
    """Entries on the pair wait; its book goes into the journal with the alert."""
    turn.put(held_pairs=put(turn.state.held_pairs, fired.detail, fired.name))
    _alert(turn, fired, detail)


def _alert(turn: Turn, fired: Fired, detail: str) -> None:
    severity = "CRITICAL" if fired.level is Level.CRITICAL else "WARNING"
    turn.ask(RaiseAlert(severity, detail, f"trigger/{fired.name}"))


def _release(turn: Turn, fired: Fired, _detail: str) -> None:
    """What the trigger held may go on."""
    state = turn.state
    release(turn, fired.name)
    turn.put(
        suspended=state.suspended - {fired.name},
        held_pairs={pair: name for pair, name in state.held_pairs.items() if name != fired.name},
    )


_ACTIONS: dict[Action, Callable[[Turn, Fired, str], None]] = {
    Action.ALERT: _alert,
    Action.INVESTIGATE: _alert,
    Action.CHECK_MARKET: _check_market,
    Action.SUSPEND_SIGNALS: _suspend_signals,
    Action.STOP: _stop,
    Action.ROLLBACK: _roll_back,
    Action.RELEASE: _release,
}


def on_keep(turn: Turn, event: Keep) -> None:
    """The run goes on: the clock of that trigger ends, and so does what was held for want of an answer."""
    turn.put(triggers=triggers.keep(turn.state.triggers, event.trigger))
    release(turn, event.trigger)
    data = {"trigger": event.trigger, "by": event.by, "reason": event.reason}
    turn.ask(Note("decision_kept", data=data))


def on_condition(turn: Turn, event: ConditionChanged) -> None:
    if event.holds:
        hold(turn, event.name, event.detail)
    else:
        release(turn, event.name)


def on_latches(turn: Turn, event: LatchChanged) -> None:
    """The latch file is the truth about the latch: take over what others set, and what a named human cleared."""
    for source, reason, by in event.latches:
        if source not in turn.state.latches:
            turn.learn(Latched(event.time, source, reason, by))
    for source in event.cleared:
        turn.learn(Unlatched(event.time, source))


def heard_user(turn: Turn, event: Any) -> None:
    turn.put(heard=put(turn.state.heard, Stream.USER, event.time))


def on_stream_up(turn: Turn, event: StreamUp) -> None:
    """An open line is no word: a stream that connects again and again and says nothing stays silent."""
    _begin_listening(turn, event.stream, max(event.time, turn.state.now))


def _begin_listening(turn: Turn, stream: Stream, time: datetime) -> None:
    if stream not in turn.state.heard:
        turn.put(heard=put(turn.state.heard, stream, time))


def on_stream_alive(turn: Turn, event: StreamAlive) -> None:
    """A pong proves the line, not the data: it counts for the user stream, never for marks."""
    if event.stream is Stream.USER and _is_cross_checked(turn.state):
        turn.put(heard=put(turn.state.heard, event.stream, max(event.time, turn.state.now)))


def _is_cross_checked(state: Session) -> bool:
    """Whether readings still show that the quiet line has lost nothing; none for two intervals: silence is silence."""
    answered = state.read_answered
    return answered is None or (state.now - answered).total_seconds() <= 2 * state.setup.recheck


def on_stream_down(turn: Turn, event: StreamDown) -> None:
    hold(turn, STALE if event.stream is Stream.MARKET else USER_DOWN, event.reason)
