"""The parameters of one request: query and form body together, read one by one with Binance's own complaints."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from canary_cli.paper import problems

Word = TypeVar("Word", bound=StrEnum)

NUMBER = re.compile(r"^-?([0-9]{1,20})(\.[0-9]{1,20})?$")
INTEGER = re.compile(r"^[0-9]{1,20}$")
CLIENT_ID = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
MOST = 200  # parameters; more than any endpoint has


class Params(Mapping[str, str]):
    """Values as text. Empty ones count as not sent."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in values.items() if value != ""}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def need(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise problems.missing(name) from None

    def need_either(self, one: str, other: str) -> None:
        """Raises -1102 naming the first where neither was sent."""
        if one not in self and other not in self:
            raise problems.missing(one)

    def refuse(self, *names: str) -> None:
        """Raises -1106 for the first that was sent though it has no place here."""
        for name in names:
            if name in self:
                raise problems.not_required(name)

    def integer(self, name: str, default: int | None = None) -> int | None:
        text = self.get(name)
        if text is None:
            return default
        if not INTEGER.match(text):
            raise problems.illegal_characters(name, "^[0-9]{1,20}$")
        return int(text)

    def need_integer(self, name: str) -> int:
        self.need(name)
        value = self.integer(name)
        assert value is not None
        return value

    def limit(self, default: int, most: int) -> int:
        value = self.integer("limit", default)
        assert value is not None
        if not 1 <= value <= most:
            raise problems.bad_data("limit")
        return value

    def number(self, name: str) -> Decimal | None:
        text = self.get(name)
        if text is None:
            return None
        if not NUMBER.match(text):
            raise problems.illegal_characters(name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$")
        return Decimal(text)

    def need_number(self, name: str) -> Decimal:
        self.need(name)
        value = self.number(name)
        assert value is not None
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        text = self.get(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false"):
            raise problems.bad_data(name)
        return text.lower() == "true"

    def need_flag(self, name: str) -> bool:
        self.need(name)
        return self.flag(name)

    def word(self, name: str, words: type[Word], default: Word | None = None) -> Word | None:
        text = self.get(name)
        if text is None:
            return default
        try:
            return words(text.upper())
        except ValueError:
            raise problems.bad_enum(name) from None

    def need_word(self, name: str, words: type[Word]) -> Word:
        self.need(name)
        value = self.word(name, words)
        assert value is not None
        return value

    def client_id(self, name: str) -> str:
        text = self.get(name, "")
        if len(text) > 36:
            raise problems.client_id_too_long()
        if text and not CLIENT_ID.match(text):
            raise problems.illegal_characters(name, CLIENT_ID.pattern)
        return text

    def time(self, name: str) -> datetime | None:
        milliseconds = self.integer(name)
        if milliseconds is None:
            return None
        try:
            return datetime.fromtimestamp(milliseconds / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise problems.bad_data(name) from None

    def window(self, longest: timedelta) -> tuple[datetime | None, datetime | None]:
        """`startTime` and `endTime`. Raises -4165 where they are further apart than `longest`."""
        start, end = self.time("startTime"), self.time("endTime")
        if start is not None and end is not None and end - start > longest:
            raise problems.window_too_long(longest.days)
        return start, end


def parse_pairs(raw: bytes) -> dict[str, str]:
    """`a=1&b=2` percent-decoded; the first of a repeated name wins. Bad UTF-8 or too many raise `Problem`."""
    pairs: dict[str, str] = {}
    parts = [part for part in raw.split(b"&") if part]
    if len(parts) > MOST:
        raise problems.too_many_parameters()
    for part in parts:
        name, _, value = part.partition(b"=")
        pairs.setdefault(_text(name), _text(value))
    return pairs


def _text(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise problems.illegal_characters("", "UTF-8") from None
