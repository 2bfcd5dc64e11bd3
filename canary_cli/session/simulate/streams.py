"""The user stream of a simulated exchange: messages in order, unless a fault loses, doubles or delays one.

One that is delayed is overtaken by other kinds alone: those of a kind keep their order on a connection (Binance).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from canary_cli.core.trading.events import Stream, StreamAlive, StreamDown, StreamUp, UserEvent
from canary_cli.core.trading.inputs import Input
from canary_cli.session.simulate.faults import BACK, Faults, Kind
from canary_cli.session.simulate.timeline import Timeline

CONNECT, ALIVE_EVERY = 0.2, 5.0
"""Seconds to connect, and between two pongs."""


class UserStream:
    """One connection after another. `post` belongs to whoever listens now; None while nobody does."""

    def __init__(self, timeline: Timeline, faults: Faults) -> None:
        self._timeline = timeline
        self._faults = faults
        self._post: Callable[[Input], None] | None = None
        self._connection = 0
        self._is_up = False
        self._last = timeline.now
        self._last_of: dict[type, datetime] = {}
        self._silent_until = timeline.now
        self._away_until = timeline.now

    def connect(self, post: Callable[[Input], None]) -> None:
        """Connect as soon as the exchange lets us; what happens before is never told."""
        self.disconnect()
        self._post = post
        number = self._connection
        wait = max(CONNECT, (self._away_until - self._timeline.now).total_seconds() + CONNECT)
        self._timeline.after(wait, lambda: self._up(number))

    def disconnect(self) -> None:
        self._connection += 1
        self._post = None
        self._is_up = False

    def _up(self, number: int) -> None:
        if number == self._connection and self._post is not None:
            self._is_up, self._last = True, self._timeline.now
            self._post(StreamUp(self._timeline.now, Stream.USER))
            self._pong(number)

    def _pong(self, number: int) -> None:
        if number == self._connection and self._post is not None:
            if not self._is_silent:
                self._post(StreamAlive(self._timeline.now, Stream.USER))
            self._timeline.after(ALIVE_EVERY, lambda: self._pong(number))

    @property
    def _is_silent(self) -> bool:
        return self._timeline.now < self._silent_until

    def go_down(self, seconds: float) -> None:
        """The connection breaks, and a new one is let in only after a while."""
        self._away_until = self._timeline.now + timedelta(seconds=seconds)
        if self._is_up and self._post is not None:
            post = self._post
            post(StreamDown(self._timeline.now, Stream.USER, "connection lost"))
            self.connect(post)

    def go_silent(self, seconds: float) -> None:
        """The connection stays, and says nothing: what it would have carried is lost."""
        self._silent_until = self._timeline.now + timedelta(seconds=seconds)

    def tell(self, event: UserEvent) -> None:
        if not self._is_up or self._is_silent or self._faults.strikes(Kind.DROP):
            return
        arrives = max(self._last, self._timeline.now + timedelta(seconds=self._faults.latency(BACK)))
        if self._faults.strikes(Kind.REORDER):
            arrives += timedelta(seconds=self._faults.rng.uniform(0.05, 1.0))
        else:
            self._last = arrives
        arrives = self._last_of[type(event)] = max(arrives, self._last_of.get(type(event), arrives))
        self._deliver(arrives, event)
        if self._faults.strikes(Kind.DUPLICATE):
            self._deliver(arrives + timedelta(seconds=self._faults.rng.uniform(0.0, 2.0)), event)

    def _deliver(self, at: datetime, event: UserEvent) -> None:
        number = self._connection

        def arrive() -> None:
            if number == self._connection and self._post is not None:
                self._post(event)

        self._timeline.at(at, arrive)
