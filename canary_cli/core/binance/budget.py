"""What may still be asked of the exchange this minute, from the counts its own replies carry. Pure.

Limits: 2400 weight a minute for an IP address; 300 orders in 10 s and 1200 a minute for an account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

WEIGHT_LIMIT = 2400
ORDERS_10S_LIMIT = 300
ORDERS_1M_LIMIT = 1200
KEPT_FOR_EXITS = 0.2
"""Share of each limit that only exits, and the account readings which verify them, may use."""

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """The newest counts and when (wall time) they were told; the exchange counts by clock minute and 10 s."""

    weight: int = 0
    orders_10s: int = 0
    orders_1m: int = 0
    weighed_at: datetime = _EPOCH
    counted_at: datetime = _EPOCH
    held_until: datetime = _EPOCH
    banned_until: datetime = _EPOCH

    @property
    def is_known(self) -> bool:
        """Whether any reply has told the weight."""
        return self.weighed_at > _EPOCH

    def told(self, headers: Mapping[str, str], now: datetime) -> "Budget":
        """The budget after a reply with these headers. Only replies to orders count orders."""
        weight, in_10s, in_1m = (headers.get(f"X-MBX-{name}") for name in _NAMES)
        after = self if weight is None else replace(self, weight=int(weight), weighed_at=now)
        if in_10s is None and in_1m is None:
            return after
        return replace(after, orders_10s=int(in_10s or 0), orders_1m=int(in_1m or 0), counted_at=now)

    def throttled(self, seconds: float, now: datetime, *, banned: bool) -> "Budget":
        until = now + timedelta(seconds=seconds)
        if banned:
            return replace(self, banned_until=until, held_until=until)
        return replace(self, held_until=max(self.held_until, until))

    def ban(self, now: datetime) -> float:
        """Seconds for which nothing at all may be asked."""
        return max(0.0, (self.banned_until - now).total_seconds())

    def wait_to_read(self, weight: int, now: datetime, *, urgent: bool) -> float:
        """Seconds until a read of `weight` may be asked; `urgent` reads may use what is kept for exits."""
        held = self._held(now)
        limit = WEIGHT_LIMIT if urgent else WEIGHT_LIMIT * (1 - KEPT_FOR_EXITS)
        return max(held, _left_of(now, 60)) if self._used(now) + weight > limit else held

    def asked(self, weight: int, now: datetime) -> "Budget":
        """The budget while a read of `weight` is on its way: others that are asked beside it must find it counted."""
        return replace(self, weight=self._used(now) + weight, weighed_at=now) if self.is_known else self

    def _used(self, now: datetime) -> int:
        return self.weight if _bucket(self.weighed_at, 60) == _bucket(now, 60) else 0

    def wait_to_enter(self, now: datetime) -> float:
        """Seconds until an order that may open exposure may be sent: where the exchange asked for quiet not before that
        is over, and never out of what is kept for exits.
        """
        spent = (seconds for seconds, share in self._order_shares(now) if share >= 1 - KEPT_FOR_EXITS)
        return max((self._held(now), *(_left_of(now, seconds) for seconds in spent)))

    def _held(self, now: datetime) -> float:
        return max(0.0, (self.held_until - now).total_seconds())

    def order_share(self, now: datetime) -> float:
        """How much of the order rate is used, 0 to 1, by whichever of its two limits is nearer."""
        return max(share for _, share in self._order_shares(now))

    def _order_shares(self, now: datetime) -> tuple[tuple[int, float], ...]:
        """The length of each limit's window in seconds, and how much of it is used."""
        counts = ((60, self.orders_1m / ORDERS_1M_LIMIT), (10, self.orders_10s / ORDERS_10S_LIMIT))
        return tuple((s, share if _bucket(self.counted_at, s) == _bucket(now, s) else 0.0) for s, share in counts)


@dataclass(slots=True)
class Meter:
    """The newest budget, shared by all ways to one exchange: no other way may be used to ask more than is allowed."""

    budget: Budget = field(default_factory=Budget)


_NAMES = ("USED-WEIGHT-1M", "ORDER-COUNT-10S", "ORDER-COUNT-1M")


def _bucket(moment: datetime, seconds: int) -> int:
    return int(moment.timestamp()) // seconds


def _left_of(now: datetime, seconds: int) -> float:
    return seconds - now.timestamp() % seconds
