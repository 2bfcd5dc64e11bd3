"""Verbs as typed in a shell, process start included: `python tests/bench/shell.py`.

Each is run in turn with its reference, several times; the medians of wall time are compared, and those of processor
time, which a busy machine hardly changes, are printed beside them.
"""

import os
import resource
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from statistics import median

from canary_cli.app import VERBS
from canary_cli.core.clock import SystemClock
from tests.bench.flatten import an_exchange

ROUNDS = 9
CLOCK = SystemClock()
CANARY = str(Path(sys.executable).with_name("canary"))
TYPER = [sys.executable, "-c", "import typer"]
BARE_APP = f"""
import typer
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
def verb() -> None:
    "A verb."
for number in range({len(VERBS)}):
    app.command(f"verb-{{number}}")(verb)
app(["--help"])
"""

Times = tuple[float, float]


def run(command: list[str], home: Path) -> Times:
    """Milliseconds of wall and of processor time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), CLOCK.monotonic()
    done = subprocess.run(command, check=False, capture_output=True, env={**os.environ, "CANARY_HOME": str(home)})
    wall, after = CLOCK.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr.decode()
    return 1000 * wall, 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(what: str, command: list[str], against: str, reference: list[str], goal: float, home: Path) -> None:
    """In turn, so that both meet the same weather."""
    rounds = [(run(command, home), run(reference, home)) for _ in range(ROUNDS)]
    (wall, busy), (other_wall, other_busy) = (
        tuple(median(times) for times in zip(*column, strict=True)) for column in zip(*rounds, strict=True)
    )
    print(  # noqa: T201
        f"{what}: {wall:.0f} ms, {wall / other_wall:.2f} x {against} of {other_wall:.0f} ms (goal <= {goal} x); "
        f"processor {busy:.0f} ms, {busy / other_busy:.2f} x"
    )


def starting(home: Path) -> None:
    disable = [CANARY, "trading", "disable"]
    compare("canary trading disable, no session", disable, "import typer", TYPER, 1.5, home)
    bare = [sys.executable, "-c", BARE_APP]
    compare("canary --help", [CANARY, "--help"], f"bare Typer app of {len(VERBS)} verbs", bare, 1.0, home)
    compare("canary --version", [CANARY, "--version"], "import typer", TYPER, 0.5, home)


def with_five_open(home: Path) -> None:
    """Against an exchange that answers after 50 ms."""
    with an_exchange() as base:
        port = base.rpartition(":")[2]
        (home / "accounts.toml").write_text(f'[desk]\nkind = "paper"\nport = {port}\n')
        wall, busy = typed(base, [CANARY, "trading", "disable"], home)
        print(f"canary trading disable, 5 positions told: {wall:.0f} ms; processor {busy:.0f} ms")  # noqa: T201
        wall, busy = typed(base, [CANARY, "close-all", "--no-recheck"], home)
        print(f"canary close-all, 5 positions: {wall / 1000:.2f} s (goal <= 1.5 s); processor {busy:.0f} ms")  # noqa: T201


def typed(base: str, command: list[str], home: Path) -> Times:
    """The medians of a few runs, each with five positions open at its start."""
    rounds = []
    for _ in range(5):
        with urllib.request.urlopen(f"{base}/bench/reset", data=b"positions=5"):
            rounds.append(run(command, home))
    wall, busy = (median(times) for times in zip(*rounds, strict=True))
    return wall, busy


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        starting(Path(home))
        with_five_open(Path(home))


if __name__ == "__main__":
    main()
