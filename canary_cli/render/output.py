"""Where every verb's words go: data on stdout, the rest on stderr, one document for `--json`, marks with ASCII twins.

Nothing printed here is read as markup: a `[` in an exchange's message stays a `[`. Rich is loaded when something needs
its looks: a line without colour is written as it is, so that stopping does not wait for it.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from canary_cli.accounts import Account

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA_VERSION = 1
PIPED_WIDTH = 200  # wide enough that a row of a table stays one line for grep; COLUMNS says otherwise


class Mark(StrEnum):
    """A state as one glyph. Never the only carrier of meaning: a word stands beside it."""

    GOOD = "✓"
    BAD = "✗"
    WARNING = "▲"
    UNKNOWN = "?"
    RUNNING = "●"
    WAITING = "○"
    PAUSED = "‖"
    NEUTRAL = "·"
    NEXT = "→"


_ASCII = {
    Mark.GOOD: "+",
    Mark.BAD: "x",
    Mark.WARNING: "!",
    Mark.UNKNOWN: "?",
    Mark.RUNNING: "*",
    Mark.WAITING: "o",
    Mark.PAUSED: "=",
    Mark.NEUTRAL: "-",
    Mark.NEXT: ">",
}

STYLES = {
    Mark.GOOD: "green",
    Mark.BAD: "bold red",
    Mark.WARNING: "yellow",
    Mark.UNKNOWN: "magenta",
    Mark.RUNNING: "cyan",
    Mark.PAUSED: "yellow",
    Mark.WAITING: "dim",
    Mark.NEUTRAL: "dim",
    Mark.NEXT: "cyan",
}


def stdout() -> "Console":
    """For data."""
    return _console(sys.stdout)


def stderr() -> "Console":
    """For everything that is not data."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> "Console":
    """Rich itself honours NO_COLOR, TERM=dumb and COLUMNS; a pipe without COLUMNS gets `PIPED_WIDTH`."""
    from rich.console import Console

    width = PIPED_WIDTH if not stream.isatty() and "COLUMNS" not in os.environ else None
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def is_interactive() -> bool:
    """Whether a person watches stdout on a terminal that can be redrawn."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")


def speaks_unicode(console: "Console") -> bool:
    """False under an ASCII locale, on a dumb terminal, and from cron, which names no terminal."""
    return console.encoding.startswith("utf") and os.environ.get("TERM", "dumb") not in ("", "dumb")


def glyph(mark: Mark, console: "Console") -> str:
    return mark.value if speaks_unicode(console) else _ASCII[mark]


def line(text: str, style: str = "") -> None:
    """One line of data on stdout, never folded."""
    _say(sys.stdout, text, style)


def notice(text: str, style: str = "") -> None:
    """One line on stderr, never folded."""
    _say(sys.stderr, text, style)


def _say(stream: TextIO, text: str, style: str) -> None:
    if style and (stream.isatty() or "FORCE_COLOR" in os.environ):
        _console(stream).print(text, style=style, soft_wrap=True)
    else:
        stream.write(f"{text}\n")
        stream.flush()


def announce(account: Account) -> None:
    """The first line of every verb: `ACCOUNT desk-live LIVE`, on stderr."""
    notice(account.banner, style="bold" if account.is_paper else "bold yellow")


def table(*columns: str, title: str = "") -> "Table":
    """The house's table: a rule under the head and nothing else; add `justify="right"` for figures afterwards.

    Where there is no room a cell is folded, never cut: half a figure is a wrong figure.
    """
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_document(document: Mapping[str, Any]) -> None:
    """The one document of `--json`, on stdout, `schema_version` first."""
    whole = {"schema_version": SCHEMA_VERSION, **document}
    sys.stdout.write(json.dumps(plain(whole), indent=2, ensure_ascii=False) + "\n")


def print_event(event: Mapping[str, Any]) -> None:
    """One line of an NDJSON stream, flushed so that a pipe sees it now."""
    sys.stdout.write(json.dumps(plain({"schema_version": SCHEMA_VERSION, **event}), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """`value` as JSON knows it: money and figures as strings, times as RFC 3339 UTC, dataclasses as objects.

    Raises ValueError for a naive datetime, which would be a guess about its zone.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return f"{value:f}"  # never `0E+8`
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, datetime):
        return _utc(value)
    return value.total_seconds() if isinstance(value, timedelta) else value


def _utc(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} names no zone")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
