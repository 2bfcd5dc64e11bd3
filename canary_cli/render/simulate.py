"""Simulated runs on screen: each seed in a line, breaches with the command that replays them, and the sum of it all."""

from collections.abc import Iterator
from typing import Any

from canary_cli.errors import Result
from canary_cli.render import output
from canary_cli.session.simulate import Story
from canary_cli.steps.simulate import SimulationRequest, Tally, replay_command, result, stories

__all__ = ["SimulationRequest", "show"]

LINES = 20
"""With more seeds than these, only breaches get a line of their own."""


def show(request: SimulationRequest, *, as_json: bool) -> Result:
    """Run all seeds; tell of each as it ends, then sum up."""
    tally = Tally()
    output.notice("ACCOUNT simulation PAPER (in process, virtual time)", style="bold")
    for story in stories(request, tally):
        if as_json:
            continue
        if request.seeds <= LINES:
            output.line(_line(story))
        if story.breach:
            output.line(f"BREACH {story.breach}", style="bold red")
            output.line(f"  replay: {replay_command(story, request)}")
        elif request.seeds > LINES and tally.outcomes.total() % 50 == 0:
            output.notice(f"{tally.outcomes.total()} of {request.seeds} seeds, {len(tally.breaches)} breaches")
    if as_json:
        output.print_document(_document(request, tally))
    else:
        for line in _summary(tally):
            output.line(line)
    return result(tally)


def _line(story: Story) -> str:
    gates = " ".join(f"gate {number} {verdict}" for number, verdict in story.gates.items())
    safe = "" if story.safe_after is None else f", safe after {story.safe_after:.3f} s"
    told = [f"seed {story.seed}: {story.outcome}{safe}", gates, f"{story.orders} orders, {story.fills} fills"]
    told += [f"{story.restarts} restarts"] if story.restarts else []
    told += [f"faults: {', '.join(story.faults)}"] if story.faults else []
    return "; ".join(filter(None, [*told, story.reason]))


def _summary(tally: Tally) -> Iterator[str]:
    counted = ", ".join(f"{word} {count}" for word, count in sorted(tally.outcomes.items()))
    yield f"outcomes: {counted}"
    for gate, verdicts in sorted(tally.verdicts.items()):
        yield f"gate {gate}: {', '.join(f'{word} {count}' for word, count in sorted(verdicts.items()))}"
    if tally.worst is not None:
        yield f"worst time to safe: {tally.worst.safe_after:.3f} s (seed {tally.worst.seed}: {tally.worst.reason})"
    yield f"invariant breaches: {len(tally.breaches)} in {tally.outcomes.total()} seeds, {tally.restarts} restarts"
    yield f"speed: {tally.speed:,.0f} x real time ({tally.lasted} of plan time in {tally.took:.1f} s)"


def _document(request: SimulationRequest, tally: Tally) -> dict[str, Any]:
    worst = tally.worst
    return {
        "account": "simulation",
        "seeds": request.seeds,
        "outcomes": dict(tally.outcomes),
        "gates": {str(gate): dict(verdicts) for gate, verdicts in sorted(tally.verdicts.items())},
        "worst_time_to_safe": None if worst is None else {"seed": worst.seed, "seconds": worst.safe_after},
        "breaches": [
            {"seed": one.seed, "breach": one.breach, "replay": replay_command(one, request)} for one in tally.breaches
        ],
        "restarts": tally.restarts,
        "speed": round(tally.speed, 1),
    }
