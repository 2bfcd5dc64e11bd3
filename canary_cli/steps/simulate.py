"""Rehearse the whole plan in this process, in virtual time, seed after seed, and keep count of what came of it."""

import gc
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

from canary_cli.accounts import find_home
from canary_cli.core.clock import SystemClock
from canary_cli.errors import ExitCode, Result, UsageError
from canary_cli.paper.scenario import load
from canary_cli.session.simulate import Simulation, Story, simulate
from canary_cli.steps.plan import load_plan

_CODES = {"DONE": ExitCode.DONE, "ROLLED_BACK": ExitCode.ROLLED_BACK}


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """`seeds` of them from `seed` (None: 1) on. `scenario` gives the market's climate, and nothing else of it."""

    plan: Path | None = None
    scenario: str = "calm"
    seed: int | None = None
    seeds: int = 1
    has_faults: bool = False
    marks: int = 10
    start: datetime | None = None


@dataclass(slots=True)
class Tally:
    """All seeds so far. `worst` is the story that was longest from its trip to verified flat."""

    outcomes: Counter[str] = field(default_factory=Counter)
    verdicts: dict[int, Counter[str]] = field(default_factory=dict)
    breaches: list[Story] = field(default_factory=list)
    worst: Story | None = None
    restarts: int = 0
    lasted: timedelta = timedelta()
    took: float = 0.0

    @property
    def speed(self) -> float:
        """Plan time over wall time."""
        return self.lasted.total_seconds() / self.took if self.took else 0.0

    def add(self, story: Story, took: float) -> None:
        """One more; all of them `took` so many seconds."""
        self.outcomes[story.outcome] += 1
        for gate, verdict in story.gates.items():
            self.verdicts.setdefault(gate, Counter())[verdict] += 1
        if story.breach:
            self.breaches.append(story)
        if (story.safe_after or 0) > ((self.worst and self.worst.safe_after) or 0):
            self.worst = story
        self.restarts += story.restarts
        self.lasted += story.lasted
        self.took = took


def stories(request: SimulationRequest, tally: Tally) -> Iterator[Story]:
    """One story a seed, in their order, counted in `tally`. Raises PlanError, ScenarioError or UsageError."""
    clock = SystemClock()
    simulations = _simulations(request)
    began = clock.monotonic()
    for story in _told(simulations):
        tally.add(story, clock.monotonic() - began)
        yield story


def _simulations(request: SimulationRequest) -> list[Simulation]:
    if request.marks not in (1, 10):
        raise UsageError(f"--marks {request.marks} is neither 1 nor 10", "10 is quick, 1 is as the exchange does it")
    home, scenario = find_home(), load(request.scenario)
    plan = load_plan(request.plan, home)
    start = request.start or scenario.start or SystemClock().now().replace(microsecond=0)
    first = 1 if request.seed is None else request.seed
    return [
        Simulation(plan, seed, start, scenario.climate(start), marks=request.marks, has_faults=request.has_faults)
        for seed in range(first, first + request.seeds)
    ]


def _told(simulations: list[Simulation]) -> Iterator[Story]:
    """Seeds know nothing of each other: each core tells one at a time."""
    cores = min(len(simulations), len(os.sched_getaffinity(0)))
    if cores == 1:
        yield from map(_story, simulations)
        return
    with multiprocessing.Pool(cores, _end_with_parent) as pool:
        yield from pool.imap(_story, simulations)


def _story(simulation: Simulation) -> Story:
    """A world is full of circles, which this program collects seldom: twenty of them would fill a gigabyte."""
    story = simulate(simulation)
    gc.collect()
    return story


def _end_with_parent() -> None:
    """A worker leaves Ctrl-C to its parent, and waits for no work from one that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def result(tally: Tally) -> Result:
    """A breach is a bug of ours; else one seed ends as its plan did, and several as a proof."""
    if tally.breaches:
        return Result("BREACH", ExitCode.BUG)
    if tally.outcomes.total() > 1:
        return Result("INVARIANTS_HELD")
    word = next(iter(tally.outcomes), "NOTHING")
    return Result(word.replace(" ", "_"), _CODES.get(word, ExitCode.HUMAN_NEEDED))


def replay_command(story: Story, request: SimulationRequest) -> str:
    """What to type to see this seed again, exactly."""
    words = ["canary run --rehearse --in-process", f"--seed {story.seed}", f"--marks {request.marks}"]
    words += ["--faults random"] if request.has_faults else []
    words += [f"--scenario {request.scenario}"] if request.scenario != "calm" else []
    words += [f"--plan {request.plan}"] if request.plan else []
    words += [f"--start {request.start.isoformat()}"] if request.start else []
    return " ".join(words)
