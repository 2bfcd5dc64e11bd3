"""The preflight report as people, scripts and Nagios read it."""

import json
from datetime import UTC, datetime

import pytest

from canary_cli.core.policy.checks import Status
from canary_cli.errors import ConfigurationError, ExitCode
from canary_cli.render import preflight as render
from canary_cli.steps.preflight.finding import (
    Checked,
    Finding,
    Measure,
    Report,
    failed,
    passed,
    skipped,
    warned,
)

AT = datetime(2026, 2, 22, 10, tzinfo=UTC)
SLOW = warned("median 80 ms", "move closer", Measure(80.0, "ms", 50.0))
ROOM = passed("12.0 GiB free", Measure(12.0, "GB", 5.0, 1.0, low_is_bad=True))
LATCHED = failed("set by breaker | oops", "canary trading enable")
DARK = Finding(Status.ERROR, "no answer within 15 s")


def report(**findings: Finding) -> Report:
    checks = tuple(Checked(name, found, 0.5) for name, found in findings.items())
    return Report("desk", "live", "runbooks/golive.toml", AT, 1.25, checks)


def test_the_table_shows_each_check_then_what_to_do_then_the_decision(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    result = render.show(report(rest=SLOW, latch=LATCHED, approval=skipped("paper")))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert ["!", "rest", "WARN", "median", "80", "ms"] in [line.split() for line in lines]
    assert lines[-3:] == [
        "rest: move closer",
        "latch: canary trading enable",
        "NO-GO: 1 WARN, 1 SKIP, 1 FAIL in 1.2 s",
    ]
    assert result.code is ExitCode.NO_GO


def test_json_holds_the_same_and_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    render.show_json(report(rest=SLOW, latch=LATCHED))
    document = json.loads(capsys.readouterr().out)
    assert (document["schema_version"], document["verdict"], document["exit_code"]) == (1, "NO-GO", 3)
    assert document["reason"] == "latch: set by breaker | oops"
    assert document["checks"][0]["measure"]["warn"] == 50.0


@pytest.mark.parametrize(
    ("findings", "state"),
    [
        ({"disk": ROOM}, 0),
        ({"disk": ROOM, "rest": SLOW}, 1),
        ({"rest": SLOW, "latch": LATCHED, "database": DARK}, 2),
        ({"rest": SLOW, "database": DARK}, 3),
        ({}, 3),
    ],
)
def test_nagios_states_are_the_four_it_knows(findings: dict[str, Finding], state: int) -> None:
    assert render.nagios_state(report(**findings)) == state
    assert render.nagios(report(**findings)).startswith(f"CANARY {render.NAGIOS_STATES[state]} - ")


def test_nagios_reads_one_line_with_limits_and_no_bar_of_ours() -> None:
    line = render.nagios(report(rest=SLOW, disk=ROOM, latch=LATCHED))
    assert line == (
        "CANARY CRITICAL - rest: median 80 ms; latch: set by breaker / oops | 'rest'=80ms;50; 'disk'=12GB;5:;1:"
    )


def test_an_exchange_that_is_away_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    away = Finding(Status.FAIL, "no route", "canary paper serve", unreachable=True)
    made = report(rest=away, symbols=away, latch=LATCHED)
    assert "exchange unreachable (rest, symbols); latch: set by" in render.nagios(made)
    render.show(made)
    shown = capsys.readouterr().out
    assert "rest, symbols: canary paper serve" in shown.splitlines()
    assert shown.count("no route") == 1
    assert "as rest" in shown


def test_what_keeps_the_checks_from_being_made_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    result = render.show_nagios_failure(ConfigurationError("account desk: no api_key"))
    assert capsys.readouterr().out == "CANARY UNKNOWN - account desk: no api_key\n"
    assert int(result.code) == 3
    render.show_nagios_failure(RuntimeError("secret"))
    assert "secret" not in capsys.readouterr().out


def test_gauges_say_go_and_each_stopper() -> None:
    go, stops, values, _ = render.gauges(report(rest=SLOW, latch=LATCHED))
    assert go.values == {("desk",): 0.0}
    assert stops.values == {("desk", "rest"): 0.0, ("desk", "latch"): 1.0}
    assert values.values == {("desk", "rest"): 80.0}
