"""Reads one table of a TOML file, key by key, and remembers everything that is wrong with it.

A wrong value is noted and replaced by a harmless one of the right kind, so that reading goes on and every problem is
found at once; whoever reads raises in the end when any was noted.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from canary_cli.core.accounting.numbers import finite

_PART = re.compile(r"(\d+)\s*(ms|s|min|h|d)\b")
_UNITS = {"ms": "milliseconds", "s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"-?\s*(\d+\s*(ms|s|min|h|d)\s*)+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: where it stands, what it is, what to do."""

    where: str
    what: str
    remedy: str

    @property
    def section(self) -> str:
        """The part of the file it is in: `phase 2`, `risk`."""
        return self.where.split(".")[0]

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class Fields:
    """One table. Ask for each key once, then `finish`, which notes keys nobody asked for."""

    def __init__(self, table: Any, where: str, problems: list[Problem]) -> None:
        self.where = where
        self.problems = problems
        self._asked: set[str] = set()
        self._table: Mapping[str, Any] = table if isinstance(table, Mapping) else {}
        if not isinstance(table, Mapping):
            self.wrong("", f"is {_shown(table)}", "write a table of keys here")

    def wrong(self, key: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(f"{self.where}.{key}".strip("."), what, remedy))

    def has(self, key: str) -> bool:
        return key in self._table

    def is_text(self, key: str) -> bool:
        return isinstance(self._table.get(key), str)

    def finish(self) -> None:
        for key in self._table:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                self.wrong(key, "is no key of this table", f"remove it, or use one of {known}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value(key, default, '"some text"')
        if isinstance(value, str) and value.strip():
            return value
        return str(self._bad(key, value, 'write "some text"', ""))

    def choice(self, key: str, among: Iterable[str], default: str | None = None) -> str:
        words = tuple(among)
        value = self._value(key, default, f'"{words[0]}"')
        if value in words:
            return str(value)
        return str(self._bad(key, value, f"choose one of {', '.join(words)}", words[0]))

    def number(self, key: str, low: str, high: str, default: str | None = None) -> Decimal:
        """A finite number from `low` to `high`, both allowed."""
        value = self._value(key, Decimal(default) if default is not None else None, low)
        exact = finite(value) if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else None
        if exact is not None and Decimal(low) <= exact <= Decimal(high):
            return exact
        return Decimal(self._bad(key, value, f"write a number from {low} to {high}", low))

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self._value(key, default, str(low))
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        return int(self._bad(key, value, f"write a whole number from {low} to {high}", low))

    def flag(self, key: str, default: bool = False) -> bool:
        value = self._value(key, default, "true")
        return value if isinstance(value, bool) else bool(self._bad(key, value, "write true or false", default))

    def span(self, key: str, default: timedelta | None = None, low: timedelta = timedelta()) -> timedelta:
        """A length of time such as `"30 min"`, `"1 h 30 min"`, `"-1 h"`; not below `low`."""
        value = self._value(key, default, '"30 min"')
        length = value if isinstance(value, timedelta) else parse_span(value)
        if length is not None and length >= low:
            return length
        least = f" of at least {low}" if low > timedelta() else "" if low < timedelta() else ", not negative"
        return _span_of(self._bad(key, value, f'write a length of time{least}, such as "30 min"', low))

    def clock(self, key: str) -> time:
        """`"HH:MM"`, UTC."""
        value = self._value(key, None, '"09:00"')
        try:
            return datetime.strptime(value, "%H:%M").replace(tzinfo=UTC).time()
        except (TypeError, ValueError):
            self._bad(key, value, 'write "HH:MM", UTC', None)
            return time(0)

    def instant(self, key: str) -> datetime | None:
        """`"now"` (None), or an instant with its zone."""
        value = self._value(key, "now", '"now"')
        if value == "now":
            return None
        parsed = parse_instant(value)
        if parsed is None:
            self._bad(key, value, 'write "now" or an instant with its zone, such as "2026-02-22T10:00Z"', None)
        return parsed

    def words(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._value(key, default, '["one", "two"]')
        if isinstance(value, (list, tuple)) and all(isinstance(word, str) and word for word in value):
            return tuple(value)
        self._bad(key, value, "write a list of texts", None)
        return ()

    def wholes(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        value = self._value(key, default, "[1, 2]")
        if isinstance(value, (list, tuple)) and all(isinstance(n, int) and not isinstance(n, bool) for n in value):
            return tuple(value)
        self._bad(key, value, "write a list of whole numbers", None)
        return default

    def table(self, key: str) -> "Fields":
        """A table within; where it is missing that is noted once, not again for each of its keys."""
        value = self._value(key, None, f"a table [{key}]")
        inside = f"{self.where}.{key}".strip(".")
        return Fields(value, inside, self.problems) if isinstance(value, Mapping) else Fields({}, inside, [])

    def tables(self, key: str, named: str) -> list["Fields"]:
        """A list of tables; each is called `named` and its number where something is wrong with it."""
        value = self._value(key, [], f"[[{key}]]")
        if not isinstance(value, list):
            self._bad(key, value, f"write [[{key}]]", None)
            return []
        return [Fields(table, f"{named} {i}", self.problems) for i, table in enumerate(value, 1)]

    def _value(self, key: str, default: Any, example: str) -> Any:
        self._asked.add(key)
        if key not in self._table and default is None:
            self.wrong(
                key, "is missing", f"add {key} = {example}" if not example.startswith("a ") else f"add {example}"
            )
            return _Missing
        return self._table.get(key, default)

    def _bad(self, key: str, value: Any, remedy: str, instead: Any) -> Any:
        if value is not _Missing:
            self.wrong(key, f"is {_shown(value)}", remedy)
        return instead


class _Missing:
    """Noted already; not worth a second line."""


def parse_span(value: Any) -> timedelta | None:
    """`"1 h 30 min"` as a timedelta; None for anything else."""
    if not isinstance(value, str) or not _SPAN.fullmatch(value.strip()):
        return None
    length = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in _PART.findall(value)), timedelta())
    return -length if value.strip().startswith("-") else length


def parse_instant(value: Any) -> datetime | None:
    """An aware UTC instant from ISO 8601 text or a TOML datetime; None for anything else, or without a zone."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _span_of(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta()


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
