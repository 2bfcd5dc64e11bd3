"""The session's sign of life: a small file written each second, which a watchdog reads whatever else is broken.

It is not synced to disk: after a power cut nobody reads it who could also have missed the power cut.
"""

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson

SILENT = timedelta(seconds=5)
"""Wall time without a beat after which nobody is expected to answer."""


@dataclass(frozen=True, slots=True)
class Beat:
    """`at` is wall time. `ended` says why no further beat is to be expected; empty while the session lives.

    `latch` is the version of the latch file that the session has decided on.
    """

    run_id: str
    pid: int
    at: datetime
    ended: str = ""
    latch: str = ""


def beat_file(state_dir: Path) -> Path:
    return state_dir / "beat.json"


def read_beat(state_dir: Path) -> Beat | None:
    """The last beat. None where no session has ever beaten, or the file says nothing.

    Raises OSError where it is there and cannot be read.
    """
    try:
        told = orjson.loads(beat_file(state_dir).read_bytes())
        at = datetime.fromisoformat(told["at"])
        return Beat(told["run_id"], told["pid"], at, told["ended"], told.get("latch", ""))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None


def is_beating(state_dir: Path, now: datetime) -> bool:
    """Whether a session lives: it beat not long before wall time `now`, has not said that it ends, nor was killed."""
    try:
        beat = read_beat(state_dir)
    except OSError:
        return True  # nobody knows, so somebody may be there
    return beat is not None and not beat.ended and now - beat.at < SILENT and is_alive(beat.pid)


def was_killed(state_dir: Path) -> bool:
    """Whether the last session's process is gone without having said that it ends."""
    try:
        beat = read_beat(state_dir)
    except OSError:
        return False
    return beat is not None and not beat.ended and not is_alive(beat.pid)


def is_alive(pid: int) -> bool:
    """Whether a process of this machine still has that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def write_beat(state_dir: Path, beat: Beat) -> None:
    """Readers see the old beat or the new one. Raises OSError where it cannot be written."""
    fresh = beat_file(state_dir).with_suffix(f".{beat.pid}.new")
    fresh.write_bytes(orjson.dumps(beat, option=orjson.OPT_UTC_Z))
    fresh.replace(beat_file(state_dir))


def end_beat(state_dir: Path, why: str) -> None:
    """Leave the token of a planned stop: silence from here on is no death. Raises OSError where it cannot."""
    beat = read_beat(state_dir)
    if beat is not None and not beat.ended:
        write_beat(state_dir, replace(beat, ended=why))
