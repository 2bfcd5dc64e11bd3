"""Which of several ways to the exchange is taken next. Pure.

A way that failed comes last for a while, so that what must be done does not wait for its time-out each time. What was
answered with a limit or a ban is never asked by another way: the limits are those of the address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from canary_cli.core.trading.replies import Failed, Reply, Unknown

T = TypeVar("T")

HELD, HELD_AT_MOST = 5.0, 60.0
"""Seconds for which a way comes last after its first failure, doubled with each further one, and their end."""

OVERLOADED = -1008
ABOUT_THE_REQUEST = frozenset({-1021, -5028})
"""Failures that are no fault of the way: our time stamp was wrong."""


@dataclass(frozen=True, slots=True)
class Way:
    """`failures` and `overloads` (-1008, the first of which says nothing about the way) are counted in a row."""

    failures: int = 0
    held_until: float = 0.0
    overloads: int = 0


_FRESH = Way()


@dataclass(frozen=True, slots=True)
class Paths:
    """The ways by name, the preferred first. Times are monotonic wall seconds."""

    names: tuple[str, ...]
    ways: Mapping[str, Way] = field(default_factory=dict)

    def in_turn(self, now: float) -> tuple[str, ...]:
        """All of them: those which failed lately come last, and are still tried when nothing else is left."""
        return tuple(sorted(self.names, key=lambda name: self._way(name).held_until > now))

    def after(self, name: str, reply: Reply[T], now: float) -> "Paths":
        """What an answer, or its absence, says about the way it came by."""
        way = self._way(name)
        match reply:
            case Failed(code, _) if code in ABOUT_THE_REQUEST:
                return self
            case Failed(code, _) if code == OVERLOADED:
                way = replace(way, overloads=way.overloads + 1)
                way = _held(way, now) if way.overloads > 1 else way
            case Failed() | Unknown():
                way = _held(way, now)
            case _:
                way = _FRESH
        return self if way == self._way(name) else replace(self, ways={**self.ways, name: way})

    def goes_on(self, name: str, reply: Reply[T], *, repeatable: bool) -> bool:
        """Whether the same request, with the same id, may be sent by another way after this answer.

        After an Unknown only what does the same when done twice: a question, a cancel. An order waits for the resolver.
        A 403 is the web firewall's, which counts by address as well.
        """
        match reply:
            case Failed(code, _) if code == OVERLOADED:
                return self._way(name).overloads > 1
            case Failed(code, message):
                return code not in ABOUT_THE_REQUEST and not message.startswith("403")
            case Unknown():
                return repeatable
            case _:
                return False

    def _way(self, name: str) -> Way:
        return self.ways.get(name, _FRESH)


def _held(way: Way, now: float) -> Way:
    """Requests that fail together count once."""
    if way.held_until > now:
        return way
    seconds = min(HELD * 2.0**way.failures, HELD_AT_MOST)
    return replace(way, failures=way.failures + 1, held_until=now + seconds)


def none_answered(replies: Mapping[str, Reply[T]]) -> Failed | Unknown:
    """One word for a request that went by every way in vain: unknown where it is so by one of them."""
    told = "; ".join(f"{name}: {_words(reply)}" for name, reply in replies.items())
    if any(isinstance(reply, Unknown) for reply in replies.values()):
        return Unknown(told)
    return Failed(next((reply.code for reply in replies.values() if isinstance(reply, Failed)), 0), told)


def _words(reply: Reply[T]) -> str:
    match reply:
        case Failed(0, message) | Unknown(message):
            return message
        case Failed(code, message):
            return f"{code} {message}"
        case _:
            return str(reply)
