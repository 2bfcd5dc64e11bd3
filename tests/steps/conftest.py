"""A home with one paper account, a filled ledger on SQLite or MariaDB, and its verbs."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from canary_cli.app import run
from canary_cli.bootstrap import World, open_world
from canary_cli.ledger import Ledger
from canary_cli.ledger.tables import metadata
from tests.ledger.conftest import Day

OTHERS = ("events", "leases", "latches", "drills")
"""Tables that a restore itself adds to."""


@dataclass
class Home:
    path: Path
    day: Day
    output: Callable[[], tuple[str, str]]

    def canary(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a verb."""
        self.output()
        return (run(words), *self.output())

    def in_process(self, script: str, *words: str) -> int:
        """The same in a process of its own, after `script`, which may kill it."""
        code = f"{script}\nimport sys\nfrom canary_cli.app import run\nsys.exit(run(sys.argv[1:]))"
        return subprocess.run([sys.executable, "-c", code, *words], env=os.environ, check=False, timeout=60).returncode

    @property
    def world(self) -> World:
        return open_world("paper")

    def ledger(self) -> Ledger:
        return Ledger.open(self.world.settings.database_url, "paper")

    def rows(self, *without: str) -> dict[str, list[dict[str, object]]]:
        ledger = self.ledger()
        try:
            return {name: ledger.rows(name) for name in metadata.tables if name not in without}
        finally:
            ledger.close()

    def execute(self, statement: str) -> None:
        ledger = self.ledger()
        with ledger.engine.execution_options(writes=True).begin() as connection:
            connection.exec_driver_sql(statement)
        ledger.close()

    def fill(self) -> None:
        ledger = self.ledger()
        ledger.catch_up(self.day.folder)
        ledger.close()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch, capsys) -> Home:
    (tmp_path / "runbooks").mkdir()
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    for name in ("DATABASE_URL", "DB_USER", "DB_PASS", "CANARY_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    if request.param == "mariadb":
        monkeypatch.setenv("DATABASE_URL", request.getfixturevalue("mariadb").url("canary"))
    day = Day(tmp_path / "logs" / "paper")
    day.write("run_started", plan="golive")
    for number in range(24):
        day.trade(number, "BUY" if number % 2 == 0 else "SELL")
    day.write("run_ended", outcome="ROLLED_BACK", exit=5)
    made = Home(tmp_path, day, lambda: tuple(capsys.readouterr()))  # type: ignore[arg-type]
    made.fill()
    request.addfinalizer(day.journal.close)
    return made
