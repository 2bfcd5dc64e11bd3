"""The last lines of the three logs, secrets masked, into an evidence folder."""

from collections import deque
from contextlib import suppress
from pathlib import Path

from canary_cli.journal.crash import mask
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.text_logs import NAMES

LAST_LINES = 500


def capture_logs(log_dir: Path, evidence: EvidenceFolder) -> tuple[str, ...]:
    """Copy what there is; returns the names of the logs that are missing."""
    missing = []
    for name in NAMES:
        path = log_dir / name
        if path.is_file():
            evidence.write(name, mask("".join(_tail(path.with_name(f"{name}.1"), path))))
        else:
            missing.append(name)
    return tuple(missing)


def _tail(*paths: Path) -> deque[str]:
    """Of the files one after the other: the newest may have been begun a moment ago."""
    last = deque[str](maxlen=LAST_LINES)
    for path in paths:
        with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as lines:
            last.extend(lines)
    return last
