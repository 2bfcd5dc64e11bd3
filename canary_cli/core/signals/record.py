"""Frozen values to what JSON holds and back without loss, and the comparison of two records of the same bars."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from canary_cli.core.signals.model import Evaluation


def encode(value: Any) -> Any:
    """Dataclasses become objects, tuples lists, times ISO 8601, durations seconds, Decimals strings."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, Decimal) else value


def decode(kind: Any, data: Any) -> Any:
    """The value of type `kind` that `encode` made `data` from. KeyError, TypeError or ValueError on other data."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return None if data is None else decode(next(arm for arm in get_args(kind) if arm is not NoneType), data)
    if origin is tuple:
        return _decode_tuple(get_args(kind), data)
    if hasattr(kind, "__dataclass_fields__"):
        return kind(**{one.name: decode(_hints(kind)[one.name], data[one.name]) for one in fields(kind)})
    if hasattr(kind, "_fields"):
        return kind(*(decode(hint, item) for hint, item in zip(_hints(kind).values(), data, strict=True)))
    return _SCALARS.get(kind, kind)(data)


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    timedelta: lambda seconds: timedelta(seconds=seconds),
}


def _decode_tuple(kinds: tuple[Any, ...], data: Iterable[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is ...:
        return tuple(decode(kinds[0], item) for item in data)
    return tuple(decode(kind, item) for kind, item in zip(kinds, data, strict=True))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


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
