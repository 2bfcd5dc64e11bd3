"""Markdown in small pieces. What came from outside cannot break a table or start a tag."""

import re
from collections.abc import Iterable, Sequence

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""A `<` that Markdown would read as the start of a tag; `<500` and `< 15` are left as they are."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [_row(head), _row(["---"] * len(head))]
    return [*lines, *(_row(row) for row in rows), ""]


def section(title: str, lines: Iterable[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""]


def bullets(items: Iterable[str]) -> list[str]:
    return [f"- {text(item)}" for item in items]


def document(lines: Iterable[str]) -> str:
    """The whole text, with no two empty lines in a row and one newline at its end."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def text(value: object) -> str:
    """One line; pipes, tags and control characters made harmless."""
    clean = "".join(char if char.isprintable() else " " for char in str(value))
    return _TAG.sub("&lt;", clean).replace("|", "\\|")


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(text(cell) for cell in cells) + " |"
