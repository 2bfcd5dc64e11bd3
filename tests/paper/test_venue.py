"""The exchange keeps its market at the clock's plan time without ever keeping its clients waiting for it."""

from datetime import timedelta

from canary_cli.core.clock import ScaledClock
from tests.paper.conftest import START, new_engine, new_venue


def test_a_long_way_is_gone_in_stretches_between_which_requests_have_their_turn() -> None:
    venue, end = new_venue(new_engine()), START + timedelta(hours=1)
    venue.clock = ScaledClock(end, venue.clock.wall(), 0.0)
    steps = venue.steps()
    next(steps)
    assert START < venue.engine.now < end
    assert len(list(steps)) >= 2
    assert venue.engine.now == end
    venue.run()
    assert venue.engine.now == end
