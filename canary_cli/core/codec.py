"""Frozen values to what JSON holds and back without loss."""

from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


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
        told = [one.name for one in fields(kind) if one.name in data or _is_required(one)]
        return kind(**{name: decode(_hints(kind)[name], data[name]) for name in told})
    if hasattr(kind, "_fields"):
        return kind(*(decode(hint, item) for hint, item in zip(_hints(kind).values(), data, strict=True)))
    return _SCALARS.get(kind, kind)(data)


def _is_required(field: Field[Any]) -> bool:
    """A field with a default may be younger than the data."""
    return field.default is MISSING and field.default_factory is MISSING


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # no ValueError by birth
        raise ValueError(f"{text!r} is no decimal") from None


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    Decimal: _decimal,
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
