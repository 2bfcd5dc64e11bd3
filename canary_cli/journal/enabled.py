"""How a session learns that a named person has enabled trading: the newest word, beside the latch it cleared."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from canary_cli.journal.files import replace_file


@dataclass(frozen=True, slots=True)
class Enabled:
    """`releases` names the triggers whose holds the person saw, and lets go."""

    by: str
    reason: str
    at: datetime
    releases: tuple[str, ...] = ()


def enabled_file(state_dir: Path) -> Path:
    return state_dir / "enabled.json"


def tell_enabled(state_dir: Path, word: Enabled) -> None:
    """Durably. Raises OSError where it cannot."""
    replace_file(enabled_file(state_dir), orjson.dumps(word, option=orjson.OPT_UTC_Z) + b"\n")


def _words(told: dict[str, Any]) -> tuple[str, ...]:
    """A word of an older version names no triggers, and lets none go."""
    return tuple(str(name) for name in told.get("releases", ()))


def read_enabled(state_dir: Path) -> Enabled | None:
    """The newest word; None where there is none or nobody can read it, which enables nothing."""
    try:
        told = orjson.loads(enabled_file(state_dir).read_bytes())
        return Enabled(told["by"], told["reason"], datetime.fromisoformat(told["at"]), _words(told))
    except (OSError, ValueError, KeyError, TypeError):
        return None
