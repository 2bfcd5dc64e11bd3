"""The words of a verb that acts: said in order, to whoever listens; nobody's silence or absence holds the verb up."""

import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ACTS = """
import sys
from canary_cli import telling
telling.open_missing_streams()
with telling.apart():
    for n in range(int(sys.argv[1])):
        print(f"line {n} a\\udce7\\u00e3o")
        print(n, file=sys.stderr)
    open(sys.argv[2], "w").close()  # the deed
"""


@pytest.fixture
def deed(tmp_path: Path) -> Path:
    return tmp_path / "done"


def act(deed: Path, lines: int = 1, redirected: str = "") -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-c", ACTS, str(lines), str(deed)]
    shell = ["bash", "-o", "pipefail", "-c", f'"$@" {redirected}', "bash"]
    return subprocess.run([*shell, *words], capture_output=True, check=False, timeout=60)


def test_every_word_arrives_in_its_order_also_what_is_no_text(deed: Path) -> None:
    done = act(deed, 2000, "2>&1")
    said = [f"{line}\n" for n in range(2000) for line in (f"line {n} a\\udce7\u00e3o", n)]
    assert (done.returncode, done.stdout.decode()) == (0, "".join(said))


@pytest.mark.parametrize("where", [">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full", "2>/dev/full", "2>&1 | true"])
def test_where_no_word_can_be_written_the_deed_is_done_and_ends_as_it_ended(deed: Path, where: str) -> None:
    assert act(deed, 200, where).returncode == 0
    assert deed.exists()


def test_a_stopped_terminal_holds_up_neither_the_deed_nor_for_long_its_end(deed: Path) -> None:
    reader, terminal = os.openpty()
    termios.tcflow(terminal, termios.TCOOFF)  # Ctrl-S
    words = [sys.executable, "-c", ACTS, "1000", str(deed)]
    with subprocess.Popen(words, stdout=terminal, stderr=terminal) as process:
        assert process.wait(60) == 0
    assert deed.exists()
    for one in (reader, terminal):
        os.close(one)


@pytest.mark.parametrize("number", ["SIGHUP", "SIGTSTP"])
def test_a_terminal_that_is_lost_ends_nothing_and_ctrl_z_stops_nothing(deed: Path, number: str) -> None:
    heard = f"import os, signal\n{ACTS}".replace("    for n", f"    os.kill(os.getpid(), signal.{number})\n    for n")
    words = [sys.executable, "-c", heard, "1", str(deed)]
    ended = subprocess.run(words, check=False, timeout=60)
    assert ended.returncode == 0
    assert deed.exists()
