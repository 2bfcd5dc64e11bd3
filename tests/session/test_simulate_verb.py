"""`canary run --rehearse --in-process`: what is printed, and how a failing seed is told so that it can be replayed."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from subprocess import PIPE, STDOUT, Popen

import pytest

from canary_cli.app import run
from canary_cli.errors import ExitCode
from canary_cli.session.simulate import Story
from canary_cli.steps.simulate import SimulationRequest, Tally, replay_command, result

STORY = Story(17, "DONE", "handed off", {1: "PASS"}, (), "", None, timedelta(hours=4), 9, 9, 0, 100, b"")


def test_one_document_tells_of_all_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--rehearse", "--in-process", "--seed", "20", "--seeds", "2", "--faults", "random", "--json"]
    assert run(words) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert (document["seeds"], document["breaches"]) == (2, [])
    assert sum(document["outcomes"].values()) == 2
    assert told.err.splitlines()[-1] == "RESULT INVARIANTS_HELD exit=0"


@pytest.mark.parametrize("words", [["--seeds", "3"], ["--rehearse", "--in-process", "--marks", "7"]])
def test_what_is_no_simulation_is_refused(words: list[str]) -> None:
    assert run(["run", *words]) == 2


def test_a_breach_is_a_bug_and_is_told_with_what_replays_it() -> None:
    tally = Tally()
    tally.add(STORY, took=1.0)
    assert result(tally).code is ExitCode.DONE
    tally.add(replace(STORY, breach="an exit that opened: ..."), took=1.0)
    assert result(tally).word == "BREACH"
    typed = "canary run --rehearse --in-process --seed 17 --marks 1 --faults random --scenario flash-crash"
    assert replay_command(STORY, SimulationRequest(scenario="flash-crash", has_faults=True, marks=1)) == typed


@pytest.mark.soak
def test_invariants_hold_through_random_faults_of_many_seeds() -> None:
    seeds = os.environ.get("SEEDS") or "1000"
    assert run(["run", "--rehearse", "--in-process", "--seeds", seeds, "--faults", "random"]) == 0


@pytest.mark.parametrize("end", [lambda pid: os.killpg(pid, signal.SIGINT), lambda pid: os.kill(pid, signal.SIGKILL)])
def test_no_worker_outlives_its_parent(end: Callable[[int], None]) -> None:
    """Ctrl-C reaches them all, a kill the parent alone. A worker holds the output open until it ends."""
    words = [sys.executable, "-m", "canary_cli", "run", "--rehearse", "--in-process", "--seeds", "20"]
    with Popen(words, stdout=PIPE, stderr=STDOUT, text=True, start_new_session=True) as typed:
        assert typed.stdout is not None
        assert any("seed 1:" in line for line in typed.stdout)
        end(typed.pid)
        assert "Traceback" not in typed.stdout.read()
