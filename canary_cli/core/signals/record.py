"""Evaluations as the journal holds them, and the comparison of two records of the same bars."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from canary_cli.core.codec import decode, encode
from canary_cli.core.signals.model import Evaluation


def to_record(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as the journal's `data` holds it."""
    record: dict[str, Any] = encode(evaluation)
    return record


def from_record(record: Mapping[str, Any]) -> Evaluation:
    """Raises KeyError, TypeError or ValueError when the record is not an evaluation."""
    evaluation: Evaluation = decode(Evaluation, record)
    return evaluation


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A bar on which two engines disagree. `field` is its name, `missing` (not recorded) or `extra` (not in batch)."""

    symbol: str
    time: datetime
    field: str
    recorded: str = ""
    batch: str = ""


def parity(recorded: Iterable[Evaluation], batch: Iterable[Evaluation]) -> tuple[Mismatch, ...]:
    """Every difference between what was decided and what the batch engine decides, in the order of time."""
    ours = {(item.time, item.symbol): item for item in recorded}
    theirs = {(item.time, item.symbol): item for item in batch}
    return tuple(mismatch for key in sorted(ours.keys() | theirs.keys()) for mismatch in _compare(key, ours, theirs))


def _compare(
    key: tuple[datetime, str],
    ours: Mapping[tuple[datetime, str], Evaluation],
    theirs: Mapping[tuple[datetime, str], Evaluation],
) -> Iterator[Mismatch]:
    time, symbol = key
    if key not in ours or key not in theirs:
        yield Mismatch(symbol, time, "extra" if key in ours else "missing")
        return
    for field in fields(Evaluation):
        recorded, batch = (getattr(side[key], field.name) for side in (ours, theirs))
        if recorded != batch:
            yield Mismatch(symbol, time, field.name, str(recorded), str(batch))
