"""Crash reports: a traceback in a file of its own, with every secret we can recognise masked."""

import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from canary_cli.accounts import find_home
from canary_cli.errors import CanaryError

_SECRET_NAME = re.compile(r"key|secret|token|pass|webhook|database_url", re.IGNORECASE)
_SECRET_SHAPES = (
    re.compile(r"(?<=://)[^/\s:@]*:[^\s'\"]+(?=@)"),  # user:password in a URL
    re.compile(r"(?<=hooks.slack.com/)[\w/-]+"),
    re.compile(r"(?i)(?<=listenKey=)[^\s&'\"]+|(?<=signature=)[^\s&'\"]+"),
    re.compile(r"\bxox[a-z]-[\w-]+"),  # Slack
    re.compile(r"(?<=Bearer )\S+"),
    re.compile(r"\b[A-Za-z0-9]{64}\b"),  # Binance keys, secrets and signatures
)
MASK = "********"


def write_crash_report(text: str) -> Path:
    """Write `text`, masked, to a new `crash-*.txt` in the home's `logs/`, else in the temporary folder.

    Raises OSError where neither takes it.
    """
    try:
        folder = find_home() / "logs"
        folder.mkdir(exist_ok=True)
        return _write(mask(text), folder)
    except (OSError, CanaryError):
        return _write(mask(text), None)


def mask(text: str) -> str:
    """`text` without the values of secret-looking variables (or of the files they name) and without secret shapes."""
    return masker()(text)


def masker(secrets: Iterable[str] = ()) -> Callable[[str], str]:
    """`mask` for many texts, with `secrets` of its own: what the environment hides is looked up once."""
    known = sorted({*_known_secrets(), *filter(None, secrets)}, key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in known:
            text = text.replace(secret, MASK)
        for shape in _SECRET_SHAPES:
            text = shape.sub(MASK, text)
        return text

    return masked


def _write(text: str, folder: Path | None) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="crash-", suffix=".txt", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return Path(name)


def _known_secrets() -> set[str]:
    found = set()
    for name, value in (*_dotenv(), *os.environ.items()):
        if _SECRET_NAME.search(name):
            found |= {value, _content(value) if name.endswith("_FILE") else value}
    return {value for value in found if len(value) >= 6 and not value.startswith("/")}


def _dotenv() -> Iterable[tuple[str, str]]:
    """Names and values of the home's `.env`, read without the library that reads it: a mask must always be at hand."""
    try:
        lines = (find_home() / ".env").read_text().splitlines()
    except (OSError, ValueError, CanaryError):
        return
    for line in lines:
        name, found, value = line.removeprefix("export ").partition("=")
        if found:
            yield name.strip(), value.strip().strip("'\"")


def _content(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        return ""
