"""Parity lost for three hours asks a person; `keep` lets the run go on, no answer takes it off."""

from datetime import timedelta

from canary_cli.core.policy.risk import TradingState
from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.effects import Effect, Journal, RaiseAlert, StartRollback
from canary_cli.core.trading.events import Stream, StreamAlive
from canary_cli.core.trading.facts import ParityChecked, TriggerFired
from canary_cli.core.trading.inputs import Compared, EnterPhase, Keep, Tick
from canary_cli.core.trading.record import from_data, to_data
from canary_cli.core.trading.standing import session_readings, trading_state
from tests.core.trading.conftest import Desk


def later(desk: Desk, minutes: float) -> tuple[Effect, ...]:
    """Time in which both streams were heard all along."""
    desk.mark(after=minutes * 60, BTCUSDT="50000", ETHUSDT="3000")
    desk.tell(StreamAlive(desk.now, Stream.USER))
    return desk.tell(Tick(desk.now))


def asked(desk: Desk, differing: int = 2) -> tuple[Effect, ...]:
    """Three hours in which parity was lost; what the session asked for at their end."""
    desk.tell(EnterPhase(desk.now, desk.state.setup.plan.phase(2), ("BTCUSDT", "ETHUSDT"), None))
    desk.tell(Compared(desk.now, 24, differing))
    effects = later(desk, 0)
    for _ in range(3):
        assert not [one for one in effects if isinstance(one, Journal) and isinstance(one.fact, TriggerFired)]
        desk.tell(Compared(desk.now, 24, differing))
        effects = later(desk, 60)
    return effects


def test_a_person_is_paged_with_what_to_type_and_entries_go_on_meanwhile(desk: Desk) -> None:
    (page,) = (one for one in asked(desk) if isinstance(one, RaiseAlert) and one.key == "trigger/parity")
    assert page.severity == "CRITICAL"
    assert "canary rollback, or canary keep --by NAME --reason WHY" in page.message
    assert trading_state(desk.state)[0] is TradingState.ACTIVE


def test_at_three_in_the_afternoon_the_crew_is_gone_and_no_answer_first_holds_the_size(desk: Desk) -> None:
    asked(desk)  # from noon to the end of the crew's window
    later(desk, 2)
    assert trading_state(desk.state)[0] is TradingState.REDUCING
    assert [one.cause for one in later(desk, 8) if isinstance(one, StartRollback)] == ["parity"]


def test_a_person_who_keeps_the_run_is_not_asked_again_while_it_lasts(desk: Desk) -> None:
    asked(desk)
    desk.tell(Keep(desk.now, "parity", "ana", "a candle the exchange mended"))
    for _ in range(5):
        assert not [one for one in later(desk, 60) if isinstance(one, StartRollback)]
    assert trading_state(desk.state)[0] is TradingState.ACTIVE


def test_no_difference_asks_nobody(desk: Desk) -> None:
    assert not [one for one in asked(desk, 0) if isinstance(one, RaiseAlert) and one.key == "trigger/parity"]


def test_what_was_found_is_in_the_journal_and_ends_with_the_phase(desk: Desk) -> None:
    fact = ParityChecked(desk.now + timedelta(hours=1), 24, None)
    assert from_data(fact.event, to_data(fact)) == fact
    told = apply(desk.state, ParityChecked(desk.now, 24, 3))
    assert session_readings(told)["parity_recent"].value == 3
    desk.tell(Compared(desk.now, 24, 3))
    desk.tell(EnterPhase(desk.now, desk.state.setup.plan.phase(3), ("BTCUSDT",), None))
    assert session_readings(desk.state)["parity_recent"].value is None
