"""What a run's journal tells."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.steps.story import entries_of, tell
from canary_cli.steps.trips import trips_of
from tests.steps.runs import BROKEN, GOOD, broken_run, good_run, line, write_run


def test_a_good_run_tells_its_phases_gates_and_trips(tmp_path: Path) -> None:
    story = tell(write_run(tmp_path, good_run(), GOOD))
    assert [(phase.number, phase.fraction) for phase in story.phases] == [
        (1, Decimal("0.1")),
        (2, Decimal("0.5")),
        (3, Decimal(1)),
    ]
    assert [gate.verdict for gate in story.gates] == ["GO", "PASS", "WARNING", "PASS"]
    assert story.net == Decimal("14.78")
    assert story.rollback is None
    assert [one.purpose for one in story.latencies].count("probe") == 2


def test_a_rollback_names_its_cause_clocks_and_what_was_open(tmp_path: Path) -> None:
    back = tell(write_run(tmp_path, broken_run(), BROKEN)).rollback
    assert back is not None
    assert (back.cause, back.detail) == ("breaker", "drawdown -3.10 % of equity")
    assert back.positions == ("BTCUSDT", "ETHUSDT")
    assert dict(back.clocks) == {
        "first byte on the wire": timedelta(milliseconds=4),
        "all acknowledged": timedelta(milliseconds=61),
        "verified flat": timedelta(milliseconds=420),
    }


def test_a_position_that_was_taken_over_is_a_part_of_the_story(tmp_path: Path) -> None:
    """Its closing is a loss of 100, and no short position of 900."""
    fill = {"symbol": "BTCUSDT", "trade_id": 1, "client_id": "KILL-1", "side": "SELL", "price": "900", "quantity": "1"}
    taken = line(1, "adopted", symbol="BTCUSDT", time="2026-02-22T10:01:00+00:00", quantity="1", entry_price="1000")
    story = tell(write_run(tmp_path, iter([taken, line(9, "fill", purpose="kill", **fill)]), GOOD))
    assert (story.net, len(story.trips.open)) == (-100, 0)


def test_a_flatten_that_never_became_flat_is_not_told_as_flat(tmp_path: Path) -> None:
    lines = [entry for entry in broken_run() if entry[1].event != "flat"]
    lines.append(line(48, "flatten_incomplete", BROKEN, left=[{"symbol": "BTCUSDT", "quantity": "1"}]))
    back = tell(write_run(tmp_path, iter(lines), BROKEN)).rollback
    assert back is not None
    assert back.flat is None
    assert "BTCUSDT" in back.left


def test_closing_one_pair_by_hand_is_no_rollback(tmp_path: Path) -> None:
    lines = [*good_run(), line(242, "flatten_started", pair="BTCUSDT", cause="close BTCUSDT")]
    assert tell(write_run(tmp_path, iter(lines), GOOD)).rollback is None


def test_each_run_tells_only_of_itself_and_the_newest_is_the_default(tmp_path: Path) -> None:
    write_run(tmp_path, good_run(), GOOD)
    entries = write_run(tmp_path, broken_run(), BROKEN)
    assert tell(entries_of(entries)).run_id == BROKEN
    assert tell(entries_of(entries, GOOD)).outcome == "DONE"
    with pytest.raises(ValueError, match="no such run"):
        tell(entries_of(entries, "20200101-0000-none"))


def test_fees_in_another_asset_are_kept_apart(tmp_path: Path) -> None:
    fills = [
        line(minutes, "fill", symbol="BTCUSDT", side=side, quantity="1", price=price, trade_id=minutes,
             commission="0.01", commission_asset="BNB")
        for minutes, side, price in ((1, "BUY", "100"), (2, "SELL", "104"))
    ]  # fmt: skip
    trips = trips_of(write_run(tmp_path, iter(fills), GOOD))
    assert [trip.net for trip in trips.closed] == [Decimal(4)]
    assert trips.unconverted == {"BNB": Decimal("0.02")}
