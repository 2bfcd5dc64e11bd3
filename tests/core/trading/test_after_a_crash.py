"""A session that goes on after a crash takes up what the one before it left without an answer."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from canary_cli.core.model import OrderStatus, OrderType, Side
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.effects import Journal, Note, QueryOrder, StartRollback
from canary_cli.core.trading.facts import ConditionSet, Intended, OrderConfirmed, Purpose, TriggerFired
from canary_cli.core.trading.inputs import ArmAgain, ConditionChanged, Keep, QueryAnswered, Replied, Tick
from canary_cli.core.trading.order import RESOLVE_DELAYS, Stage
from canary_cli.core.trading.replies import Rejected, Unknown
from canary_cli.core.trading.standing import session_readings, trading_state
from canary_cli.session.rebuilding import rebuilt
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.journal import MemoryJournal
from tests.core.trading.conftest import Desk, order_of
from tests.core.trading.test_rechecking import probe, reading, wait
from tests.core.trading.test_session import placed, signal


def crash(desk: Desk, away: timedelta = timedelta()) -> None:
    """The process dies; a new one knows what the journal says, whose last line it has written itself."""
    journal = MemoryJournal(lambda: desk.now)
    scribe = Scribe(journal, "run-1", "run")
    for effect in desk.asked:
        if isinstance(effect, Journal):
            scribe.write_fact(effect.fact)
        elif isinstance(effect, Note):
            scribe.note(effect)
    desk.state = replace(desk.state, now=desk.now + away)
    scribe.write("run_resumed", data={})
    desk.state = rebuilt(desk.state.setup, desk.now, journal.entries())


def test_an_order_that_was_sent_before_a_crash_is_asked_about_at_the_first_reading(desk: Desk) -> None:
    intent = probe(desk)
    crash(desk)
    effects = desk.tell(reading(desk))
    assert [effect.client_id for effect in effects if isinstance(effect, QueryOrder)] == [intent.client_id]
    assert not any(isinstance(effect, QueryOrder) for effect in desk.tell(reading(desk))), "asked once"


def test_an_exit_that_was_unknown_at_a_crash_does_not_block_the_next_one_for_ever(desk: Desk) -> None:
    """Two crashes: the exit was lost in the first, and asked about when the second came."""
    entry = probe(desk)
    desk.fill(entry, "50000")
    exit_id = next(life.intent.client_id for life in desk.state.orders.values() if life.is_open)
    desk.tell(Replied(desk.now, exit_id, Unknown("no answer"), 0.0, 0.0))
    crash(desk)
    desk.tell(reading(desk, position=entry.quantity))
    for _ in RESOLVE_DELAYS:
        desk.tell(QueryAnswered(desk.now, exit_id, answered=True))
    desk.tell(reading(desk, position=entry.quantity))
    assert desk.state.orders[exit_id].stage is Stage.REJECTED
    assert desk.state.held[entry.symbol].exits == 2, "a new exit is under way"


def errors(desk: Desk) -> Decimal | None:
    return session_readings(desk.state)["errors"].value


@pytest.mark.parametrize("is_there", [True, False])
def test_an_order_that_was_under_way_at_a_crash_is_an_error_only_if_it_never_was(desk: Desk, is_there: bool) -> None:
    intent = probe(desk)
    crash(desk)
    desk.tell(reading(desk))
    assert (desk.state.orders[intent.client_id].stage, errors(desk)) == (Stage.UNKNOWN, 0), "nobody was asked yet"
    filled = replace(order_of(intent), status=OrderStatus.FILLED, executed=intent.quantity)
    for _ in RESOLVE_DELAYS:
        desk.tell(QueryAnswered(desk.now, intent.client_id, True, filled if is_there else None))
    desk.tell(reading(desk))
    assert errors(desk) == (0 if is_there else 1)
    assert any(isinstance(effect, StartRollback) for effect in wait(desk, 2)) is not is_there


def stop_under_way(desk: Desk) -> Intended:
    """An entry has filled and its stop is sent, when the process dies before it has gone out."""
    desk.tell(reading(desk))
    entry = next(one for one in placed(desk.tell(signal(desk))) if one.purpose is Purpose.ENTRY)
    desk.confirm(entry)
    stop = next(one for one in placed(desk.fill(entry, "50000")) if one.purpose is Purpose.STOP)
    crash(desk)
    return stop


def test_a_stop_that_a_crash_kept_from_the_exchange_is_placed_and_nothing_is_closed(desk: Desk) -> None:
    lost = stop_under_way(desk)
    quantity = desk.state.held["BTCUSDT"].quantity
    (again,) = placed(desk.tell(reading(desk, position=quantity)))
    assert (again.purpose, again.trigger_price) == (Purpose.STOP, lost.trigger_price)
    assert again.client_id != lost.client_id
    assert desk.state.held["BTCUSDT"].stop == again.client_id
    assert not placed(desk.tell(reading(desk, position=quantity))), "the new one is under way"
    (exit_,) = placed(desk.tell(Replied(desk.now, again.client_id, Rejected(-2021, "would trigger"), 0.0, 0.0)))
    assert exit_.purpose is Purpose.EXIT, "what cannot be protected is closed"


def test_trades_are_looked_for_since_the_books_last_agreed_however_long_nobody_ran(desk: Desk) -> None:
    desk.state = replace(desk.state, reconciled=False)
    desk.tell(reading(desk))
    agreed = desk.now
    wait(desk, 70)
    last = desk.now
    crash(desk, timedelta(hours=3))
    assert (desk.state.agreed, desk.state.ticked) == (agreed, last)


def test_a_database_that_was_away_at_a_crash_is_not_taken_to_have_been_away_ever_since(desk: Desk) -> None:
    desk.tell(ConditionChanged(desk.now, "database", True, "away"))
    crash(desk, timedelta(hours=1))
    assert not any(isinstance(effect, StartRollback) for effect in desk.tell(Tick(desk.now)))
    assert trading_state(desk.state)[0] is TradingState.REDUCING, "until somebody says that it is back"
    wait(desk, 301)
    assert any(isinstance(effect, StartRollback) for effect in desk.asked), "and not for ever"


def test_what_a_trigger_held_clears_after_a_crash_unless_the_trigger_fires_again(desk: Desk) -> None:
    """It was well again, and within the minute of health that follows the process died."""
    desk.state = replace(desk.state, reconciled=True)
    desk.asked.append(Journal(ConditionSet(desk.now, "order errors", "4 % of the last 100")))
    desk.asked.append(Journal(TriggerFired(desk.now, "order errors", "normal", "0", "3", 100, "release")))
    crash(desk)
    assert "order errors" in desk.state.conditions
    desk.tell(reading(desk))
    wait(desk, 70)
    assert "order errors" not in desk.state.conditions


def test_what_a_trigger_held_before_another_phase_began_is_not_let_go_by_a_restart(desk: Desk) -> None:
    """Its figure is empty now, so nothing would fire again: only a named person's word ends it."""
    desk.state = replace(desk.state, reconciled=True)
    desk.asked.append(Journal(ConditionSet(desk.now, "order errors", "4 % of the last 100")))
    crash(desk)
    desk.tell(reading(desk))
    wait(desk, 70)
    assert trading_state(desk.state) == (TradingState.REDUCING, "order errors: 4 % of the last 100")
    desk.tell(ArmAgain(desk.now, "ana", "keys mended", ("order errors",)))
    assert trading_state(desk.state)[0] is TradingState.ACTIVE


@pytest.mark.parametrize(("action", "pair"), [("check-market", "BTCUSDT"), ("suspend-signals", "")])
def test_entries_that_a_trigger_held_before_another_phase_began_stay_held_through_a_restart(
    desk: Desk, action: str, pair: str
) -> None:
    name = f"story {pair}".strip()
    desk.asked.append(Journal(TriggerFired(desk.now, name, "critical", "61.5", "50", 1, action, pair)))
    crash(desk)
    assert desk.state.holds[name].pair == pair
    desk.asked.append(Journal(TriggerFired(desk.now, name, "normal", "3", "50", 2, "release", pair)))
    crash(desk)
    assert not desk.state.holds


def slow(desk: Desk, probes: int = 20, latency: float = 1200.0) -> None:
    """So many probes, each acknowledged after `latency` ms."""
    for number in range(len(desk.state.orders), len(desk.state.orders) + probes):
        intent = Intended(f"slow-{number}", "BTCUSDT", Side.BUY, Decimal(1), OrderType.MARKET, Purpose.PROBE, desk.now,
                          Decimal(50_000))  # fmt: skip
        for fact in (intent, OrderConfirmed(intent.client_id, number, latency, latency)):
            desk.state = apply(desk.state, fact)
            desk.asked.append(Journal(fact))


def test_a_persons_decision_to_go_on_holds_through_a_restart(desk: Desk) -> None:
    """Asked again, and nobody there: the run would be rolled back against the word that was given."""
    desk.state = replace(desk.state, reconciled=True)
    slow(desk)
    desk.tell(Tick(desk.now))
    (clock,) = desk.state.triggers.clocks
    desk.tell(Keep(desk.now, clock.trigger, "ana", "known, the provider is on it"))
    crash(desk)
    desk.tell(reading(desk))
    wait(desk, 130)
    assert not desk.state.triggers.clocks and not desk.state.rolling_back


def test_warnings_that_were_counted_before_a_crash_still_count_against_the_gate(desk: Desk) -> None:
    """Three of them fail it. One that lasts through the crash is told again, and counts once."""
    for number, latency in enumerate((800.0, 40.0, 900.0, 40.0, 800.0)):
        intent = Intended(f"order-{number}", "BTCUSDT", Side.BUY, Decimal(1), OrderType.MARKET, Purpose.PROBE, desk.now,
                          Decimal(50_000))  # fmt: skip
        for fact in (intent, OrderConfirmed(intent.client_id, number, latency, latency)):
            desk.state = apply(desk.state, fact)
            desk.asked.append(Journal(fact))
        desk.tell(Tick(desk.now))
    assert session_readings(desk.state)["warnings"].value == 3
    crash(desk)
    assert session_readings(desk.state)["warnings"].value == 3
    desk.tell(Tick(desk.now))
    assert session_readings(desk.state)["warnings"].value == 3


def test_a_warning_counted_after_a_crash_counts_after_the_next_one_too(desk: Desk) -> None:
    """What had got well while nobody ran crossed its threshold anew, and the journal must know of both."""
    slow(desk, 1, latency=800.0)
    desk.tell(Tick(desk.now))
    slow(desk, 1, latency=40.0)
    for latency in (40.0, 800.0):
        crash(desk)
        slow(desk, 1, latency=latency)
        desk.tell(Tick(desk.now))
    assert session_readings(desk.state)["warnings"].value == 2
    crash(desk)
    assert session_readings(desk.state)["warnings"].value == 2


def test_a_peak_of_the_minute_in_which_the_process_died_is_not_forgotten(desk: Desk) -> None:
    """The breaker would measure the fall that follows from where it stood a minute before."""
    desk.tell(reading(desk))
    (entry,) = placed(desk.tell(signal(desk)))
    desk.confirm(entry)
    desk.fill(entry, "50000")
    wait(desk, 61)
    desk.mark(after=20, BTCUSDT="60000", ETHUSDT="3000")
    peak = desk.state.peak
    desk.mark(after=10, BTCUSDT="55000", ETHUSDT="3000")
    crash(desk)
    assert desk.state.peak == peak == 10_200
