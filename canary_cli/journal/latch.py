"""The kill switch's file: who set it, why and when. Any one source set means set; no restore ever touches it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from canary_cli.journal.files import replace_file
from canary_cli.journal.lock import locked

UNREADABLE = "unreadable"
"""Source of the latch that a file nobody can read stands for."""


@dataclass(frozen=True, slots=True)
class Latch:
    """`source` is what set it (`rollback`, `breaker`, `restore-db`, ...), `by` who, `at` when (aware UTC).

    `again` is when it was last set while it was set already.
    """

    source: str
    reason: str
    by: str
    at: datetime
    again: datetime | None = None


def latch_file(state_dir: Path) -> Path:
    return state_dir / "latch.json"


def read_latches(state_dir: Path) -> tuple[Latch, ...]:
    """All sources that are set; empty means not latched. A file that cannot be read or understood is a latch."""
    path = latch_file(state_dir)
    try:
        return tuple(_latch(item) for item in orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        return (Latch(UNREADABLE, f"{path}: {error}", "canary", datetime.fromtimestamp(0, UTC)),)


def set_latch(state_dir: Path, latch: Latch) -> None:
    """Set one source, durably. One already set keeps its first reason and time. Raises OSError where it cannot."""
    with locked(state_dir / ".latch.lock"):
        present = read_latches(state_dir)
        if latch.source in (one.source for one in present):
            _write(
                state_dir, tuple(replace(one, again=latch.at) if one.source == latch.source else one for one in present)
            )
        else:
            _write(state_dir, (*present, latch))


def clear_latches(state_dir: Path, seen: Collection[Latch]) -> tuple[Latch, ...]:
    """Clear what somebody has seen and return what was cleared; what was set after that look stays set.

    Only a named human may cause this.
    """
    with locked(state_dir / ".latch.lock"):
        present = read_latches(state_dir)
        cleared = tuple(one for one in present if one in seen)
        if cleared:
            _write(state_dir, tuple(one for one in present if one not in cleared))
        return cleared


def _write(state_dir: Path, latches: tuple[Latch, ...]) -> None:
    replace_file(latch_file(state_dir), orjson.dumps(latches, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z) + b"\n")


def _latch(item: dict[str, str]) -> Latch:
    at = datetime.fromisoformat(item["at"])
    again = item.get("again")
    return Latch(item["source"], item["reason"], item["by"], at, datetime.fromisoformat(again) if again else None)
