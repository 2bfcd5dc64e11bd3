"""Who closes an account leaves a mark that lives as long as its process, and that no broken disk makes a hindrance."""

import subprocess
import sys
from pathlib import Path

import pytest

from canary_cli.journal.closing import closing, is_closing

HOLDS = """
import sys
from pathlib import Path
from canary_cli.journal.closing import closing
with closing(Path(sys.argv[1])):
    print("closing", flush=True)
    sys.stdin.read()
"""


def test_the_mark_stands_while_anybody_closes(tmp_path: Path) -> None:
    assert not is_closing(tmp_path)
    with closing(tmp_path):
        with closing(tmp_path):  # a second operator
            assert is_closing(tmp_path)
        assert is_closing(tmp_path)
    assert not is_closing(tmp_path)


def test_a_process_that_is_killed_takes_its_mark_along(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"closing\n"
        assert is_closing(tmp_path)
        process.kill()
    assert not is_closing(tmp_path)


def test_a_disk_that_refuses_holds_no_closing_up_and_tells_nobody_that_there_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.write_text("a file where a folder should be")
    with closing(folder):
        pass
    with pytest.raises(OSError, match="desk"):
        is_closing(folder)
