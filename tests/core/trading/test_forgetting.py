"""What is long over is forgotten, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from canary_cli.core.model import Side
from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.facts import EquityMarked, Purpose
from canary_cli.core.trading.forgetting import KEPT, forget
from canary_cli.core.trading.inputs import Replied, Tick
from canary_cli.core.trading.replies import Unknown
from tests.core.trading.conftest import NOON, Desk
from tests.core.trading.test_session import entered, placed, signal

LATER = NOON + KEPT + timedelta(minutes=10)


def test_a_round_trip_is_forgotten_after_two_days_and_not_before(desk: Desk) -> None:
    entered(desk)
    (out,) = placed(desk.tell(signal(desk, Side.SELL)))
    desk.fill(out, "50100")
    assert forget(desk.state, LATER - timedelta(hours=1)) == desk.state

    after = forget(desk.state, LATER)

    assert after.trades == {}
    assert {life.intent.purpose for life in after.orders.values()} == {
        Purpose.STOP,
        Purpose.TARGET,
    }  # nobody ended them


def test_what_is_held_keeps_its_orders_however_old(desk: Desk) -> None:
    entered(desk)
    assert forget(desk.state, LATER + timedelta(days=30)).orders == desk.state.orders


def test_an_order_nobody_has_answered_for_is_never_forgotten(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))
    desk.tell(Replied(desk.now, entry.client_id, Unknown("no reply"), 3000.0, 3000.0))
    assert entry.client_id in forget(desk.state, LATER + timedelta(days=30)).orders


def test_a_probe_counts_against_its_phase_however_long_that_is(desk: Desk) -> None:
    every = desk.state.setup.plan.phase(1).probes.every.total_seconds()  # type: ignore[union-attr]
    desk.mark(after=every, BTCUSDT="50000", ETHUSDT="3000")
    desk.state = replace(desk.state, heard=dict.fromkeys(desk.state.heard, desk.now))
    (probe,) = placed(desk.tell(Tick(desk.now)))
    desk.confirm(probe)
    (out,) = placed(desk.fill(probe, "50000"))
    desk.fill(out, "50000")

    assert list(forget(desk.state, LATER).orders) == [probe.client_id]


def test_the_equity_of_a_new_hour_makes_it_forget(desk: Desk) -> None:
    entered(desk)
    (out,) = placed(desk.tell(signal(desk, Side.SELL)))
    desk.fill(out, "50100")
    money = Decimal(10_000)
    noted = EquityMarked(NOON, money, Decimal(0), money, money, Decimal(0), Decimal(0), Decimal(0))

    state = apply(apply(desk.state, noted), replace(noted, time=LATER + timedelta(hours=1)))

    assert out.client_id not in state.orders
