"""The whole plan in virtual time: same seed, same bytes; what must hold holds; a planted bug is found."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from canary_cli.core.policy.plan import Plan
from canary_cli.paper.scenario import load
from canary_cli.session.simulate import Simulation, Story, simulate
from canary_cli.steps.plan import load_plan

HOME = Path(__file__).parents[2]
CALM = load("calm")
assert CALM.start is not None
SIMULATED = Simulation(load_plan(None, HOME), CALM.seed, CALM.start, CALM.climate(CALM.start))


def faulty(seed: int, plan: Plan = SIMULATED.plan, *, resends: bool = False) -> Story:
    return simulate(replace(SIMULATED, plan=plan, seed=seed, has_faults=True, resends=resends))


def first_phase_soon() -> Plan:
    """The shipped plan's first phase alone, begun after a minute."""
    plan = SIMULATED.plan
    phase = replace(plan.phases[0], starts_at=timedelta(minutes=1), duration=timedelta(minutes=30))
    return replace(plan, phases=(phase,))


def test_a_calm_seed_passes_every_gate() -> None:
    story = simulate(SIMULATED)
    assert (story.outcome, story.gates) == ("DONE", {1: "PASS", 2: "PASS", 3: "PASS"})
    assert story.breach == ""
    assert story.fills >= 80


def test_the_same_seed_gives_the_same_journal_whatever_the_hash_seed() -> None:
    told = (
        "from tests.session.test_simulate import faulty; from hashlib import sha256;"
        "print(sha256(faulty(7).journal).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", told],
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sha256(faulty(7).journal).hexdigest() == other.stdout.strip()


@pytest.mark.parametrize("seed", range(1, 11))
def test_invariants_hold_through_random_faults(seed: int) -> None:
    assert faulty(seed).breach == ""


def test_fills_from_before_a_long_absence_are_found() -> None:
    """The power fails, and the last line on disk is more than an hour old: what was filled since is asked for."""
    assert faulty(89).breach == ""


def test_resending_after_a_time_out_is_found() -> None:
    """The planted bug: an order that nobody answered for is sent again, though it may have been executed."""
    plan = first_phase_soon()
    stories = (faulty(seed, plan, resends=True) for seed in range(1, 201))
    found = next((story for story in stories if story.breach), None)
    assert found is not None
    assert "more executed than intended" in found.breach
