"""A session that goes on after a crash takes up what the one before it left without an answer."""

from dataclasses import replace
from datetime import timedelta

from canary_cli.core.trading.effects import Journal, QueryOrder
from canary_cli.core.trading.inputs import QueryAnswered, Replied
from canary_cli.core.trading.order import RESOLVE_DELAYS, Stage
from canary_cli.core.trading.replies import Unknown
from canary_cli.session.rebuilding import rebuilt
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.journal import MemoryJournal
from tests.core.trading.conftest import Desk
from tests.core.trading.test_rechecking import probe, reading, wait


def crash(desk: Desk, away: timedelta = timedelta()) -> None:
    """The process dies; a new one knows what the journal says, whose last line it has written itself."""
    journal = MemoryJournal(lambda: desk.now)
    scribe = Scribe(journal, "run-1", "run")
    for effect in desk.asked:
        if isinstance(effect, Journal):
            scribe.write_fact(effect.fact)
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


def test_trades_are_looked_for_since_the_books_last_agreed_however_long_nobody_ran(desk: Desk) -> None:
    desk.state = replace(desk.state, reconciled=False)
    desk.tell(reading(desk))
    agreed = desk.now
    wait(desk, 70)
    last = desk.now
    crash(desk, timedelta(hours=3))
    assert (desk.state.agreed, desk.state.ticked) == (agreed, last)
