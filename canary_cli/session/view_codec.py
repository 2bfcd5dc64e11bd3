"""A run's view as the bytes of `<state_dir>/view.json`, written by the session and read from other terminals."""

from pathlib import Path

import orjson

from canary_cli.core.codec import decode, encode
from canary_cli.journal.files import replace_file
from canary_cli.session.view import RunView


def view_file(state_dir: Path) -> Path:
    return state_dir / "view.json"


def publish(view: RunView, state_dir: Path) -> None:
    """Replace the published view; a reader sees the old one or the new one. Raises OSError where it cannot."""
    replace_file(view_file(state_dir), to_bytes(view))


def read_view(state_dir: Path) -> RunView | None:
    """The view last published, or None where none is or it cannot be read."""
    try:
        return from_bytes(view_file(state_dir).read_bytes())
    except (OSError, ValueError):
        return None


def to_bytes(view: RunView) -> bytes:
    return orjson.dumps(encode(view))


def from_bytes(content: bytes) -> RunView:
    """Raises ValueError for anything but a whole view of this version."""
    try:
        view: RunView = decode(RunView, orjson.loads(content))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no view: {error!r}") from None
    return view
