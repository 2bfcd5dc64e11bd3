"""Options that many verbs share, spelled once."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from canary_cli.errors import UsageError

Account = Annotated[
    str | None, typer.Option("--account", help="Account to act on (default: CANARY_ACCOUNT, or the only one there is).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of text.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the journal. Never required.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]


class Faults(StrEnum):
    NONE = "none"
    RANDOM = "random"


def instant_of(text: str | None) -> datetime | None:
    """An aware instant. Raises UsageError for anything else: a naive time would be somebody's local time."""
    if text in (None, "now"):
        return None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        raise UsageError(f"--start {text} is no instant", "write it as 2026-02-22T10:00Z") from None
    if instant.tzinfo is None:
        raise UsageError(f"--start {text} names no time zone", f"write {text}Z for UTC")
    return instant
