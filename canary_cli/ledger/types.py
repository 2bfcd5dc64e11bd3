"""Column types that keep what they are given, on SQLite and on the MySQL family alike.

SQLAlchemy's own `Numeric` goes through a float on SQLite and its `DateTime` drops an offset without a word; both would
falsify money and time silently.
"""

from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

import orjson
from sqlalchemy import DateTime, Dialect, Numeric, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

PRECISION, SCALE = 38, 18
_LIMIT = Decimal(10) ** (PRECISION - SCALE)
_STEP = Decimal(1).scaleb(-SCALE)
_WIDE = Context(prec=2 * PRECISION)  # the usual 28 digits are fewer than a column holds


class Money(TypeDecorator[Decimal]):
    """An exact decimal: DECIMAL(38,18), or its digits as text on SQLite. Refuses what 38,18 cannot hold exactly."""

    impl = Numeric(PRECISION, SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(PRECISION + 2))
        return dialect.type_descriptor(Numeric(PRECISION, SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        exact = plain(value)
        return format(exact, "f") if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else plain(Decimal(value))


def plain(value: Decimal) -> Decimal:
    """The shortest exact form (`0.010` is `0.01`, `1E+1` is `10`). Raises ValueError where 38,18 cannot hold it."""
    if not value.is_finite() or abs(value) >= _LIMIT or value != rounded(value):
        raise ValueError(f"{value} does not fit {PRECISION - SCALE} digits before the point and {SCALE} behind it")
    shortest = value.normalize(_WIDE)
    return shortest if shortest.as_tuple().exponent <= 0 else shortest.quantize(Decimal(1))  # type: ignore[operator]


def rounded(value: Decimal) -> Decimal:
    """A derived figure at the last place a column holds: a quotient has no last digit of its own."""
    return value.quantize(_STEP, context=_WIDE)


class Utc(TypeDecorator[datetime]):
    """An instant with microseconds, stored as UTC. Refuses a time that does not say its zone."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name in ("mysql", "mariadb") else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=UTC) if value else None


class Lines(TypeDecorator[str]):
    """Text of any length (MySQL's own TEXT ends at 64 KB)."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(mysql.LONGTEXT() if dialect.name in ("mysql", "mariadb") else Text())


class Json(TypeDecorator[Any]):
    """A JSON document as text (money in it is strings already)."""

    impl = Lines
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else orjson.loads(value)
