"""What can go wrong in a simulated run, drawn from a seed.

Each seed draws its own mix (swarm testing, Groce et al. 2012): some kinds are off, the rest strike with a probability
of their own, from some moment of the plan on. So one run meets mostly lost replies, another crashes and reordering.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from random import Random

from canary_cli.core.trading.replies import Failed, Rejected, Throttled, Unknown

Refusal = Failed | Rejected | Throttled | Unknown


class Kind(StrEnum):
    """Of requests, of messages on the user stream, and of the world."""

    LOST_REQUEST = "lost request"
    LOST_REPLY = "lost reply"
    LATE_REQUEST = "late request"
    LATE_REPLY = "late reply"
    REJECT = "reject"
    UNKNOWN = "-1007"
    UNAVAILABLE = "503"
    THROTTLE = "429"
    QUERY_LAG = "query lag"
    DROP = "dropped message"
    DUPLICATE = "duplicated message"
    REORDER = "reordered message"
    STREAM_DOWN = "stream down"
    STREAM_SILENT = "stream silent"
    CRASH = "crash"
    POWER_CUT = "power cut"
    JUMP = "price jump"
    DATABASE = "database away"
    TRANSFER = "transfer"
    STOP_GONE = "stop gone"


HAPPENINGS = (
    Kind.STREAM_DOWN, Kind.STREAM_SILENT, Kind.CRASH, Kind.POWER_CUT, Kind.JUMP, Kind.DATABASE, Kind.TRANSFER,
    Kind.STOP_GONE,
)  # fmt: skip
"""Kinds that happen at a moment; all others strike single requests or messages with a probability."""

UNANSWERED = (
    Kind.LOST_REQUEST, Kind.LOST_REPLY, Kind.LATE_REQUEST, Kind.LATE_REPLY,
    Kind.REJECT, Kind.UNKNOWN, Kind.UNAVAILABLE, Kind.THROTTLE,
)  # fmt: skip
"""Kinds that make an order an error: with these most runs end soon."""

OUT, BACK, SPREAD = 0.020, 0.015, 0.4
"""Median seconds to the exchange and back, and the sigma of their logarithm."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request. `refusal` None: the exchange decides. `executes`: a refusal that still did it."""

    out: float
    back: float
    arrives: bool = True
    replies: bool = True
    refusal: Refusal | None = None
    executes: bool = True


@dataclass(slots=True)
class Faults:
    """`chances` per request or message, `moments` in seconds of the plan, `begin` before which all is well."""

    rng: Random
    chances: dict[Kind, float] = field(default_factory=dict)
    moments: dict[Kind, tuple[float, ...]] = field(default_factory=dict)
    begin: float = 0.0
    now: float = 0.0

    @classmethod
    def random(cls, seed: int, lasts: timedelta) -> "Faults":
        rng, whole = Random(f"faults {seed}"), lasts.total_seconds()  # noqa: S311  (luck, not a secret)
        begin = rng.uniform(0, 0.8 * whole)
        off = UNANSWERED if rng.random() < 0.5 else ()
        on = [kind for kind in Kind if rng.random() < 0.35 and kind not in off]
        chances = {kind: 10 ** rng.uniform(-2.5, -0.7) for kind in on if kind not in HAPPENINGS}
        moments = {
            kind: tuple(sorted(rng.uniform(begin, whole) for _ in range(rng.randint(1, 3))))
            for kind in on
            if kind in HAPPENINGS
        }
        return cls(rng, chances, moments, begin)

    @classmethod
    def none(cls, seed: int) -> "Faults":
        return cls(Random(f"calm {seed}"))  # noqa: S311

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind.value for kind in Kind if kind in self.chances or kind in self.moments)

    def strikes(self, kind: Kind) -> bool:
        return self.now >= self.begin and kind in self.chances and self.rng.random() < self.chances[kind]

    def latency(self, median: float) -> float:
        return median * self.rng.lognormvariate(0.0, SPREAD)

    def fate(self) -> Fate:
        """Of the next request. At most one thing goes wrong with it."""
        out, back = self.latency(OUT), self.latency(BACK)
        if self.strikes(Kind.LOST_REQUEST):
            return Fate(out, back, arrives=False)
        if self.strikes(Kind.LOST_REPLY):
            return Fate(out, back, replies=False)
        if self.strikes(Kind.LATE_REQUEST):
            return Fate(self.rng.uniform(0.5, 4.0), back)
        if self.strikes(Kind.LATE_REPLY):
            return Fate(out, self.rng.uniform(0.5, 4.0))
        return Fate(out, back, refusal=self._refusal(), executes=self.rng.random() < 0.5)

    def _refusal(self) -> Refusal | None:
        if self.strikes(Kind.REJECT):
            return Rejected(-2010, "Order was rejected.")
        if self.strikes(Kind.UNKNOWN):
            return Unknown("-1007 Timeout waiting for response from backend server.")
        if self.strikes(Kind.UNAVAILABLE):
            return Failed(-1001, "Service Unavailable.")
        if self.strikes(Kind.THROTTLE):
            return Throttled(self.rng.uniform(0.5, 3.0))
        return None
