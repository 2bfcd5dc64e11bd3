"""The shipped units: what they start exists, and none starts again what waits for a person."""

import re
from pathlib import Path

import pytest

from canary_cli.errors import ExitCode
from tests.docs.commands import UNITS

SERVICES = [path for path in UNITS if path.suffix == ".service"]
FOR_PEOPLE = {str(int(code)) for code in ExitCode if 2 <= code <= 10 or code is ExitCode.CONFIGURATION}


def values(path: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_no_exit_that_waits_for_a_person_is_started_again(path: Path) -> None:
    (restart,) = values(path, "Restart") or ["no"]
    prevented = " ".join(values(path, "RestartPreventExitStatus")).split()
    assert restart == "no" or set(prevented) >= FOR_PEOPLE


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_unit_names_its_account_and_runs_as_nobody_special(path: Path) -> None:
    assert "CANARY_ACCOUNT=" in values(path, "Environment")[0]
    assert values(path, "User") == ["canary"]
    assert not re.search(r"(?i)(token|key|pass)=\S", path.read_text())


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_what_a_unit_calls_on_failure_is_shipped(path: Path) -> None:
    for other in values(path, "OnFailure"):
        assert (path.parent / re.sub(r"@.*\.service$", "@.service", other)).exists()


@pytest.mark.parametrize("path", [path for path in UNITS if path.suffix == ".timer"], ids=lambda path: path.name)
def test_a_timer_has_its_service_and_says_utc(path: Path) -> None:
    assert path.with_suffix(".service").exists()
    assert all(when.endswith("UTC") for when in values(path, "OnCalendar"))
