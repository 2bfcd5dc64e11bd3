"""How a run was rolled back, as its journal tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from canary_cli.journal.record import Entry
from canary_cli.steps.trips import trips_of


@dataclass(frozen=True, slots=True)
class Rollback:
    """`clocks` are wall time from the trip: first byte on the wire, all acknowledged, verified flat.

    `positions` are the pairs known to be open at the trip, `affected` how many the closing found.
    """

    cause: str
    detail: str
    tripped: datetime
    flat: datetime | None
    clocks: tuple[tuple[str, timedelta], ...]
    positions: tuple[str, ...]
    affected: int
    left: str

    @property
    def said(self) -> str:
        """Cause and detail, the cause once."""
        return self.detail if self.detail.startswith(self.cause) else f"{self.cause}: {self.detail}".rstrip(": ")


def rollback_of(entries: Sequence[Entry]) -> Rollback | None:
    """From the trip on: the latch of a rollback, or the first flatten of the whole account."""
    begun = next((entry for entry in entries if _is_trip(entry)), None)
    if begun is None:
        return None
    after = [entry for entry in entries if entry.seq >= begun.seq]
    flat = next((entry for entry in after if entry.event == "flat" and not entry.pair), None)
    left = next((entry for entry in reversed(after) if entry.event == "flatten_incomplete"), None)
    ending = flat or left
    open_then = trips_of(entry for entry in entries if entry.seq < begun.seq).open
    held = tuple(sorted(trip.symbol for trip in open_then))
    told = ending.data.get("positions") if ending else None
    cause, _, detail = str(begun.data.get("reason") or begun.data.get("cause") or begun.reason).partition(": ")
    return Rollback(
        cause=cause,
        detail=detail,
        tripped=begun.timestamp,
        flat=flat.timestamp if flat else None,
        clocks=_clocks(flat.data) if flat else (),
        positions=held,
        affected=told if isinstance(told, int) else len(held),
        left=str(left.data.get("left", "")) if left and not flat else "",
    )


def _is_trip(entry: Entry) -> bool:
    """Closing one pair by hand is no rollback."""
    is_latch = entry.event == "latch_set" and entry.data.get("source") in ("rollback", "close-all")
    return is_latch or (entry.event == "flatten_started" and not entry.pair)


_CLOCKS = {"first_byte": "first byte on the wire", "acknowledged": "all acknowledged", "verified": "verified flat"}


def _clocks(data: Mapping[str, Any]) -> tuple[tuple[str, timedelta], ...]:
    """Wall seconds from the trip, or from the closing's start where a person typed it; one not reached is left out."""
    told = ((label, data.get(key)) for key, label in _CLOCKS.items())
    return tuple((label, timedelta(seconds=float(seconds))) for label, seconds in told if seconds is not None)
