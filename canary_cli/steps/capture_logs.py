"""The last lines of the three logs, secrets masked, into an evidence folder."""

from collections import deque
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
            evidence.write(name, mask("".join(_tail(path))))
        else:
            missing.append(name)
    return tuple(missing)


def _tail(path: Path) -> deque[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return deque(lines, maxlen=LAST_LINES)
