"""Who is told that a session lives: nobody, once it has ended, fallen silent, or was killed a moment ago."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary_cli.journal.beat import Beat, end_beat, is_beating, write_beat

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_young_beat_of_a_living_process_is_a_session(tmp_path: Path) -> None:
    assert not is_beating(tmp_path, NOW)
    write_beat(tmp_path, Beat("run", os.getpid(), NOW))
    assert is_beating(tmp_path, NOW + timedelta(seconds=4))


@pytest.mark.parametrize("seconds", [5, 60])
def test_silence_is_no_session(tmp_path: Path, seconds: int) -> None:
    write_beat(tmp_path, Beat("run", os.getpid(), NOW))
    assert not is_beating(tmp_path, NOW + timedelta(seconds=seconds))


def test_one_that_said_it_ends_is_no_session(tmp_path: Path) -> None:
    write_beat(tmp_path, Beat("run", os.getpid(), NOW))
    end_beat(tmp_path, "done")
    assert not is_beating(tmp_path, NOW)


def test_one_that_was_killed_is_no_session_however_young_its_last_beat(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_beat(tmp_path, Beat("run", gone.pid, NOW))
    assert not is_beating(tmp_path, NOW)
