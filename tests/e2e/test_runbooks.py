"""The procedures people follow at 3 a.m., typed from their own text, beside a run that holds positions."""

import re
import shlex
from collections.abc import Iterator

import pytest

from canary_cli.accounts import choose_account
from canary_cli.bootstrap import World
from canary_cli.steps import incidents
from tests.docs.commands import ROOT
from tests.e2e.house import Ended, House

TYPED = re.compile(r"^ *```bash\n(?P<block>.*?)^ *```|(?<!`)`(?P<inline>canary [^`]+)`", re.DOTALL | re.MULTILINE)
AN_INCIDENT = re.compile(r"CB-\d{4}-\d{4}-\d{3}")
CONFIRMED = re.compile(r"without a terminal, add `--confirm ([\w-]+)`")


def commands_of(document: str) -> Iterator[str]:
    """Every `canary ...` line of a procedure, as it stands there, in its order."""
    for found in TYPED.finditer((ROOT / "runbooks" / document).read_text()):
        for line in (found["block"] or found["inline"]).splitlines():
            if line.startswith("canary "):
                yield line


def typed(house: House, line: str, incident: str) -> Ended:
    """`line` with the reader's own words in the places that are left for them; each NAME is another person."""
    words = shlex.split(AN_INCIDENT.sub(incident, line), comments=True)[1:]
    people = iter(("ana", "bob"))
    return house.canary(*(next(people) if word == "NAME" else word for word in words))


@pytest.fixture
def trading(house: House) -> House:
    house.linger()
    house.rehearse()
    house.open_positions()
    return house


def test_every_command_of_the_closing_procedure_runs(trading: House) -> None:
    lines = list(commands_of("close-all.md"))
    assert len(lines) > 5
    for line in lines:
        ended = typed(trading, line, "")
        if line.startswith("canary trading enable"):
            assert ended.code == 10 and "add --confirm" in ended.err, ended
            assert CONFIRMED.search((ROOT / "runbooks" / "close-all.md").read_text())
            ended = typed(trading, f"{line} --confirm {trading.account}", "")
            assert "Trading enabled" in ended.out
        assert ended.code == 0, (line, ended)
        assert trading.is_flat(), line


def test_every_command_of_the_rollback_procedure_runs(trading: House) -> None:
    lines = list(commands_of("rollback.md"))
    assert len(lines) > 8
    codes = {"canary preflight": 3, "canary rollback --stage 2": 0}
    incident = ""
    for line in lines:
        if line.startswith("canary keep"):
            incident = a_decision_that_is_awaited(trading)
        ended = typed(trading, line, incident)
        assert ended.code == codes.get(line, 0), (line, ended)
        assert trading.is_flat(), line
        incident = incident or trading.seen("incident_opened").data["incident"]
        assert line != "canary preflight" or incident in ended.out


def a_decision_that_is_awaited(house: House) -> str:
    """As the run opens one when a metric has left its limits."""
    world = World(choose_account(house.account, house.home))
    try:
        return incidents.new_incident(world, "fill rate", "", "run", trigger="fill_rate")
    finally:
        world.close()
