"""What is kept for exits is kept, whatever reads and entries ask for."""

from datetime import UTC, datetime, timedelta

from canary_cli.core.binance.budget import Budget

NOW = datetime(2026, 2, 22, 10, 0, 30, tzinfo=UTC)


def told(weight: int, orders: int = 0) -> Budget:
    headers = {"X-MBX-USED-WEIGHT-1M": str(weight), "X-MBX-ORDER-COUNT-10S": str(orders)}
    return Budget().told(headers, NOW)


def test_reads_stop_at_four_fifths_and_account_readings_at_all() -> None:
    budget = told(1915)
    assert budget.wait_to_read(5, NOW, urgent=False) == 0
    assert budget.wait_to_read(6, NOW, urgent=False) == 30
    assert budget.wait_to_read(95, NOW, urgent=True) == 0
    assert told(2400).wait_to_read(1, NOW, urgent=True) == 30


def test_the_count_begins_anew_with_the_clock_minute() -> None:
    assert told(2400).wait_to_read(95, NOW + timedelta(seconds=31), urgent=False) == 0


def test_entries_leave_a_fifth_of_the_order_count() -> None:
    assert told(0, 239).wait_to_enter(NOW) == 0
    assert told(0, 240).wait_to_enter(NOW) == 10
    assert told(0, 240).wait_to_enter(NOW + timedelta(seconds=10)) == 0


def test_the_order_rate_is_told_by_the_nearer_of_its_two_limits() -> None:
    counted = Budget().told({"X-MBX-ORDER-COUNT-10S": "150", "X-MBX-ORDER-COUNT-1M": "900"}, NOW)
    assert counted.order_share(NOW) == 0.75
    assert counted.order_share(NOW + timedelta(seconds=10)) == 0.75
    assert counted.order_share(NOW + timedelta(seconds=30)) == 0
    assert told(0, 150).order_share(NOW) == 0.5


def test_after_429_reads_and_entries_wait_and_after_418_everything_does() -> None:
    """Whoever goes on after a 429 is banned, and then no exit passes either."""
    quiet = Budget().throttled(7, NOW, banned=False)
    assert (quiet.wait_to_enter(NOW), quiet.wait_to_enter(NOW + timedelta(seconds=7))) == (7, 0)
    assert (quiet.wait_to_read(1, NOW, urgent=True), quiet.ban(NOW)) == (7, 0)
    banned = quiet.throttled(120, NOW, banned=True)
    assert (banned.ban(NOW), banned.wait_to_read(1, NOW, urgent=True)) == (120, 120)
    assert banned.ban(NOW + timedelta(seconds=120)) == 0


def test_a_reply_to_a_read_says_nothing_about_orders() -> None:
    budget = told(10, 200).told({"X-MBX-USED-WEIGHT-1M": "11"}, NOW)
    assert (budget.weight, budget.orders_10s) == (11, 200)
