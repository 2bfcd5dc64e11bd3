"""What the exchange answered to a request, in the ways that matter for what to do next.

Binance's codes are mapped onto these by `core.binance.translate` (error table: docs/faults.md).
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Confirmed(Generic[T]):
    """The exchange has it; `value` is what it said."""

    value: T


@dataclass(frozen=True, slots=True)
class Rejected:
    """Definitely not done, and asking again unchanged would fail again."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Definitely not done, but asking again may succeed (503 Service Unavailable, -1008)."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Never sent: we would not, for `reason`. That says nothing of the exchange and is no error of an order."""

    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Refused for asking too much; `banned` means every call until `retry_after` seconds makes it longer (418)."""

    retry_after: float
    banned: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether it was done (-1006, -1007, 408, 503 "Unknown error", a lost reply)."""

    reason: str


Reply = Confirmed[T] | Rejected | Failed | Denied | Throttled | Unknown
