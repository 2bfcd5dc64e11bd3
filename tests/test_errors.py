"""Exit codes are a contract with scripts: frozen here, number by number."""

import inspect

import pytest

from canary_cli import errors
from canary_cli.errors import CanaryError, ExitCode

CONTRACT = {
    "DONE": 0,
    "BUG": 1,
    "USAGE": 2,
    "NO_GO": 3,
    "HUMAN_NEEDED": 4,
    "ROLLED_BACK": 5,
    "INCOMPLETE": 6,
    "EXCHANGE_UNREACHABLE": 7,
    "DATABASE_BAD": 8,
    "LEASE_HELD": 9,
    "REFUSED": 10,
    "NOT_WRITTEN": 74,
    "CONFIGURATION": 78,
    "DEADLINE": 124,
    "INTERRUPTED": 130,
    "TERMINATED": 143,
}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, CanaryError)]


def test_exit_codes_never_change() -> None:
    assert {code.name: code.value for code in ExitCode} == CONTRACT


def test_each_exit_code_says_what_it_means() -> None:
    assert len({code.meaning for code in ExitCode}) == len(ExitCode)


def test_each_kind_of_error_has_a_slug_of_its_own() -> None:
    assert len({kind.slug for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not CanaryError])
def test_no_named_error_is_taken_for_a_bug_or_for_success(kind: type[CanaryError]) -> None:
    assert kind.exit_code not in (ExitCode.DONE, ExitCode.BUG)


def test_an_error_keeps_message_and_hint_apart() -> None:
    error = errors.Refused("latched by breaker", "canary trading enable")
    assert (str(error), error.message, error.hint) == ("latched by breaker",) * 2 + ("canary trading enable",)
