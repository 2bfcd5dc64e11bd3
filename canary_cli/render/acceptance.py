"""The acceptance criteria of a go-live, each with the evidence for it or NOT DONE."""

from collections.abc import Callable
from dataclasses import dataclass

from canary_cli.render import figures
from canary_cli.steps.story import Story

NOT_DONE = "NOT DONE"


@dataclass(frozen=True, slots=True)
class Criterion:
    """`done` only where `evidence` proves it."""

    group: str
    text: str
    done: bool
    evidence: str


Proof = Callable[[Story], tuple[bool, str]]


def criteria(story: Story) -> tuple[Criterion, ...]:
    """In the order and the words of the plan's acceptance list."""
    return tuple(Criterion(group, text, *proof(story)) for group, text, proof in _LIST)


def _checked(phase: int, *words: str) -> Proof:
    """Proven by the rows of the phase's gate whose metric contains one of the words, when every one of them holds."""

    def prove(story: Story) -> tuple[bool, str]:
        gate = story.gate(phase)
        if gate is None:
            return False, f"gate {phase} was not reached"
        rows = gate.about(*words)
        says = "; ".join(row.says for row in rows)
        if not rows:
            return False, f"gate {phase} has no such row"
        return all(row.is_met for row in rows), says

    return prove


def _clean(story: Story) -> tuple[bool, str]:
    done, says = _checked(1, "errors")(story)
    if story.rollback is not None and len(story.phases) == 1:
        return False, f"rolled back in phase 1: {story.rollback.cause}"
    return done, says


def _logged(story: Story) -> tuple[bool, str]:
    done, says = _checked(3, "audit")(story)
    return done, says or f"{len(story.entries)} journal lines"


def _said(*words: str) -> Proof:
    """Proven by a named person's approval whose subject contains one of the words."""

    def prove(story: Story) -> tuple[bool, str]:
        for entry in story.all("approval"):
            what = str(entry.data.get("what", ""))
            if any(word in what.lower() for word in words):
                return True, f"{what}: signed by {entry.data.get('by', '?')} at {figures.instant(entry.timestamp)}"
        return False, "nobody signed it"

    return prove


def _reported(story: Story) -> tuple[bool, str]:
    return True, f"this document, run {story.run_id}"


def _baseline(story: Story) -> tuple[bool, str]:
    if story.gate(3) is None:
        return False, "phase 3 was not judged"
    return True, "section Baseline, and baseline.json"


def _committed(story: Story) -> tuple[bool, str]:
    for entry in story.entries:
        tag = entry.data.get("tag")
        if entry.event in ("committed", "step_finished") and tag:
            return True, f"commit {entry.data.get('commit', '?')}, tag {tag}"
    return False, "no commit of this run is journalled"


_ONE, _TWO, _THREE, _FINAL = "Canary phase 1", "Canary phase 2", "Canary phase 3", "Final sign-off"
_LIST: tuple[tuple[str, str, Proof], ...] = (
    (_ONE, "Zero critical errors", _clean),
    (_ONE, "Latency <500ms sustained", _checked(1, "latency")),
    (_ONE, "Drawdown <-1%", _checked(1, "drawdown")),
    (_ONE, "Signal quality 3+/4 confluence", _checked(1, "confluence", "signal_quality")),
    (_TWO, "<=2 non-critical warnings", _checked(2, "warnings")),
    (_TWO, "Latency <500ms sustained", _checked(2, "latency")),
    (_TWO, "Drawdown <-2%", _checked(2, "drawdown")),
    (_TWO, "Fill rate >95% all pairs", _checked(2, "fill_rate")),
    (_THREE, "All pairs operational", _checked(3, "pairs")),
    (_THREE, "Circuit breaker tested & armed", _checked(3, "breaker")),
    (_THREE, "100% logging active", _logged),
    (_THREE, "Monitoring dashboard live", _said("dashboard", "board", "monitor")),
    (_FINAL, "Completion report generated", _reported),
    (_FINAL, "Incident response team briefed", _said("brief", "incident", "crew")),
    (_FINAL, "Baseline metrics documented", _baseline),
    (_FINAL, "Git commit with tag [DEPLOY]", _committed),
)
