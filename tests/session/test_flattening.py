"""The shell around the flatten decider, on a real event loop against an exchange in memory."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from canary_cli.core.clock import ManualClock, ScaledClock, SystemClock
from canary_cli.core.trading.flatten import Outcome
from canary_cli.session.aftermath import confirm_flat, execution_cost
from canary_cli.session.exchange import Exchange
from canary_cli.session.flattening import FlattenReport, Progress, flatten
from tests.core.trading.venue import PAIRS_20, Venue, position, resting, stop
from tests.session.twin import Twin

CLOCK = SystemClock()


def ignore(_progress: Progress) -> None:
    pass


async def run(twin: Twin, known: bool = True, deadline: float | None = 20.0, **more: Any) -> FlattenReport:
    seen = twin.venue.snapshot() if known else None
    return await flatten(cast(Exchange, twin), CLOCK, seen, twin.venue.rules, "test", ignore, deadline, **more)


async def test_the_first_close_of_twenty_leaves_at_once() -> None:
    twin = Twin(Venue().hold(*(position(pair, "1") for pair in PAIRS_20)), CLOCK, latency=0.05)
    called = CLOCK.monotonic()
    report = await run(twin)
    assert report.outcome is Outcome.FLAT
    assert len(report.closed) == 20
    assert twin.sent[0] - called < 0.05
    assert report.first_byte is not None and report.acknowledged is not None and report.verified is not None
    assert report.first_byte < report.acknowledged < report.verified <= report.seconds


async def test_an_empty_account_is_no_success_of_a_close() -> None:
    report = await run(Twin(Venue(), CLOCK))
    assert (report.outcome, report.positions, report.first_byte) == (Outcome.NOTHING_OPEN, (), None)


async def test_clocks_and_deadline_count_from_the_trip_not_from_when_the_closing_could_begin() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    report = await run(Twin(venue, CLOCK), tripped=CLOCK.monotonic() - 5.0)
    assert report.first_byte is not None and report.first_byte >= 5.0 and report.seconds >= 5.0
    silent = Twin(venue, CLOCK, unreachable=True)
    called = CLOCK.monotonic()
    late = await run(silent, known=False, deadline=30.0, tripped=called - 29.9)
    assert late.outcome is Outcome.INCOMPLETE and CLOCK.monotonic() - called < 5.0


async def test_what_is_left_at_the_deadline_is_what_the_exchange_holds() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "2"))
    twin = Twin(venue, CLOCK, break_on=lambda request: request.symbol == "BTCUSDT")
    report = await run(twin, deadline=1.0)
    assert report.outcome is Outcome.INCOMPLETE
    assert {(one.symbol, one.quantity) for one in report.left} == {("BTCUSDT", Decimal(1))}
    assert {one.symbol for one in report.closed} == {"ETHUSDT"}


async def test_an_exchange_that_never_answers_is_never_called_flat() -> None:
    report = await run(Twin(Venue(), CLOCK, unreachable=True), known=False, deadline=0.5)
    assert report.outcome is Outcome.INCOMPLETE
    assert report.trouble == {"account": "away"}


async def test_an_account_that_was_not_read_in_time_is_said_to_be_unread_not_empty() -> None:
    report = await run(Twin(Venue().hold(position("BTCUSDT", "1")), CLOCK, latency=5.0), known=False, deadline=0.1)
    assert (report.outcome, report.left) == (Outcome.INCOMPLETE, ())
    assert report.trouble == {"account": "the account has not been read"}


async def test_a_screen_that_breaks_does_not_stop_the_closing() -> None:
    def broken(_progress: Progress) -> None:
        raise BrokenPipeError

    thin = Venue(depth={"BTCUSDT": Decimal("0.5")}).hold(position("BTCUSDT", "4"))
    twin = Twin(thin, CLOCK, latency=0.2)
    report = await flatten(cast(Exchange, twin), CLOCK, None, {}, "test", broken, 30.0)
    assert report.outcome is Outcome.FLAT


async def test_only_one_pair_is_closed_when_asked() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1")).rest(stop("BTCUSDT"))
    report = await run(Twin(venue, CLOCK), only="ETHUSDT")
    assert report.outcome is Outcome.FLAT
    assert [symbol for symbol, _ in venue.positions] == ["BTCUSDT"] and venue.algos


async def test_orders_alone_are_cancelled_and_counted() -> None:
    venue = Venue().rest(resting("BTCUSDT", "a"), resting("BTCUSDT", "b"), stop("ETHUSDT"))
    report = await run(Twin(venue, CLOCK))
    assert (report.outcome, report.orders_cancelled) == (Outcome.FLAT, 3)


async def test_the_cost_counts_the_closes_and_nothing_else() -> None:
    twin = Twin(Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1")), CLOCK)
    report = await run(twin)
    cost = await execution_cost(cast(Exchange, twin), report)
    assert cost == Decimal("-50.10")
    twin.unreachable = True
    assert await execution_cost(cast(Exchange, twin), report) is None


async def test_re_checks_close_what_a_late_fill_brought_back_and_start_over() -> None:
    clock = ScaledClock(datetime(2026, 2, 22, tzinfo=UTC), CLOCK.wall(), 100.0)
    venue = Venue()
    reports: list[FlattenReport] = []

    def tell(report: FlattenReport) -> None:
        reports.append(report)
        if len(reports) == 1:
            venue.hold(position("BTCUSDT", "1"))

    twin = Twin(venue, clock)
    assert await confirm_flat(cast(Exchange, twin), clock, venue.rules, tell)
    outcomes = [report.outcome for report in reports]
    assert outcomes == [Outcome.NOTHING_OPEN, Outcome.FLAT, *[Outcome.NOTHING_OPEN] * 3]


async def test_re_checks_end_when_somebody_allows_trading_again() -> None:
    clock = ManualClock(datetime(2026, 2, 22, tzinfo=UTC))
    venue = Venue().hold(position("BTCUSDT", "1"))
    checking = asyncio.create_task(
        confirm_flat(cast(Exchange, Twin(venue, clock)), clock, {}, lambda _report: None, wanted=lambda: False)
    )
    await clock.advance(0)
    await clock.advance(3)
    assert await checking is False
    assert venue.positions
