"""What the watchdog takes for death, and what it does then: over sockets, knowing the disk and the exchange only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import SystemClock
from canary_cli.journal.beat import Beat, end_beat, read_beat, write_beat
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.steps import watchdog
from canary_cli.steps.incidents import State, of_account
from canary_cli.steps.watchdog import Health, Pulse, Watchdog
from tests.core.binance.venue_server import VenueServer, a_venue
from tests.core.trading.venue import Venue, position, resting, stop
from tests.docs.commands import ROOT

NOW = datetime(2026, 2, 22, 10, tzinfo=UTC)
BEAT = Beat("run-7", 4242, NOW)


@given(beats=st.lists(st.booleans(), max_size=50), set_clock=st.lists(st.floats(-1e6, 1e6), min_size=50, max_size=50))
def test_a_session_that_beats_is_never_dead_whatever_the_wall_clock_is_set_to(beats: list[bool], set_clock) -> None:
    pulse = Pulse().felt(BEAT, 0.0, 0.0)
    beat, last = BEAT, 0
    for second, (beaten, wall_age) in enumerate(zip(beats, set_clock, strict=False), 1):
        if beaten:
            beat, last = replace(beat, at=beat.at + timedelta(seconds=1)), second
        pulse = pulse.felt(beat, wall_age, float(second))
        assert pulse.age(second) == second - last
        assert (pulse.health(second, 30) is Health.DEAD) == (second - last >= 30)


def test_a_watchdog_that_was_started_again_does_not_count_from_the_beginning() -> None:
    pulse = Pulse().felt(BEAT, 29.0, 1000.0)
    assert pulse.health(1000.5, 30) is Health.SILENT
    assert pulse.health(1001.5, 30) is Health.DEAD


def test_a_beat_that_was_deleted_is_no_planned_stop() -> None:
    pulse = Pulse().felt(BEAT, 0.0, 0.0).felt(None, 0.0, 20.0)
    assert pulse.health(30.0, 30) is Health.DEAD


def test_a_planned_stop_is_no_death() -> None:
    ended = replace(BEAT, ended="run run-7 ended: INTERRUPTED")
    assert Pulse().felt(ended, 500.0, 0.0).health(1000.0, 30) is Health.ABSENT


class Desk:
    """A home whose session beat some seconds ago, on an exchange that holds what the test says."""

    def __init__(self, home: Path, server: VenueServer) -> None:
        self.world = World(paper_account(home, server.stage.port, "desk"))
        self.folder = self.world.account.state_dir
        self.folder.mkdir(parents=True)
        self.said: list[str] = []
        self.dog = Watchdog(self.world, 30.0, self.said.append)

    def beat(self, seconds_ago: float) -> None:
        write_beat(self.folder, Beat("run-7", 4242, SystemClock().wall() - timedelta(seconds=seconds_ago)))

    @property
    def sources(self) -> list[str]:
        return [one.source for one in read_latches(self.folder)]

    @property
    def events(self) -> list[str]:
        return [entry.event for entry in read(self.world.account.log_dir)]


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
async def desk(tmp_path: Path, venue: Venue, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    for name in ("API_TOKEN", "SLACK_BOT_TOKEN", "CANARY_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(watchdog, "LOOK_AGAIN", 0.01)
    (tmp_path / "runbooks").symlink_to(ROOT / "runbooks")
    async with a_venue(venue) as server:
        made = Desk(tmp_path, server)
        async with made.world:
            yield made
            made.dog.stop()


async def test_a_dead_session_is_latched_closed_and_made_an_incident(desk: Desk, venue: Venue) -> None:
    venue.hold(position("BTCUSDT", "1"), position("ETHUSDT", "-2")).rest(stop("BTCUSDT"), resting("BTCUSDT", "entry"))
    desk.beat(31)
    assert await desk.dog.step() is Health.ABSENT
    assert not venue.positions and not venue.orders and not venue.algos
    assert desk.sources == ["watchdog"]
    assert any("(process 4242) has not beaten for 31 s" in words for words in desk.said)
    assert any(words.startswith("watchdog (process ") and words.endswith(" is closing") for words in desk.said)
    events = desk.events
    assert events.index("latch_set") < events.index("flat") < events.index("incident_opened")
    (incident,) = of_account(desk.world.account)
    assert (incident.state, incident.rolled_back, incident.run_id) == (State.STABLE, True, "run-7")


@pytest.mark.parametrize("seconds_ago", [0, 29])
async def test_a_session_that_may_still_come_back_is_left_alone(desk: Desk, venue: Venue, seconds_ago: int) -> None:
    venue.hold(position("BTCUSDT", "1"))
    desk.beat(seconds_ago)
    assert await desk.dog.step() in (Health.ALIVE, Health.SILENT)
    assert venue.positions and desk.sources == []


async def test_a_routine_restart_is_not_flattened(desk: Desk, venue: Venue) -> None:
    venue.hold(position("BTCUSDT", "1"))
    desk.beat(500)
    end_beat(desk.folder, "run run-7 ended: TERMINATED")
    assert await desk.dog.step() is Health.ABSENT
    assert venue.positions and desk.sources == []
    assert desk.said[0] == "run run-7 ended: TERMINATED; watching"


async def test_a_session_that_died_flat_is_not_latched_and_later_hands_are_left_alone(desk: Desk, venue: Venue) -> None:
    desk.beat(31)
    assert await desk.dog.step() is Health.ABSENT
    assert desk.sources == []
    venue.hold(position("BTCUSDT", "1"))
    assert await desk.dog.step() is Health.ABSENT
    assert venue.positions


async def test_an_entry_that_fills_after_the_death_is_closed(desk: Desk, venue: Venue) -> None:
    venue.rest(resting("BTCUSDT", "entry"))
    desk.beat(31)
    await desk.dog.step()
    assert not venue.orders
    assert desk.sources == ["watchdog"]


async def test_stops_that_a_closing_cut_short_has_left_are_cancelled(desk: Desk, venue: Venue) -> None:
    venue.rest(stop("BTCUSDT"))
    desk.beat(31)
    await desk.dog.step()
    assert not venue.algos


async def test_a_watchdog_started_anew_finds_the_work_done(desk: Desk, venue: Venue) -> None:
    venue.hold(position("BTCUSDT", "1"))
    desk.beat(31)
    await desk.dog.step()
    again = Watchdog(desk.world, 30.0, desk.said.append)
    assert await again.step() is Health.ABSENT
    again.stop()
    assert desk.events.count("flat") == 1


async def test_the_re_check_leaves_a_session_alone_that_was_started_again(desk: Desk, venue: Venue) -> None:
    venue.hold(position("BTCUSDT", "1"))
    desk.beat(31)
    await desk.dog.step()
    write_beat(desk.folder, Beat("run-8", 4243, SystemClock().wall()))
    venue.hold(position("BTCUSDT", "1"))
    assert desk.dog._rechecking is not None
    await asyncio.wait_for(desk.dog._rechecking, 10)
    assert venue.positions
    assert "FLAT CONFIRMED" not in desk.said


async def test_a_beat_that_says_nothing_is_no_beat_and_no_crash(desk: Desk) -> None:
    (desk.folder / "beat.json").write_bytes(b"{half")
    assert read_beat(desk.folder) is None
    assert await desk.dog.step() is Health.ABSENT
