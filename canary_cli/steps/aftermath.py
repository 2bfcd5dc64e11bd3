"""What a rollback left proven: the actions taken, what the decision tree is asked, the seven validations. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from canary_cli.core.policy.rollback import Cause
from canary_cli.journal.record import Entry
from canary_cli.steps.incidents import incidents_of
from canary_cli.steps.rollback.state import PASSED
from canary_cli.steps.story import Story

_CAUSES = {
    "breaker": "MARKET",
    "liquidation": "MARKET",
    "database": "INFRA",
    "user-stream": "INFRA",
    "market-stream": "INFRA",
    "latency": "INFRA",
    "order_error_rate": "INFRA",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """One action of the rollback. `took` is wall time from the trip until it was done; None where nobody knows."""

    text: str
    done: bool
    took: timedelta | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Validation:
    """One of the procedure's seven; `evidence` says what was read, or why there is none."""

    text: str
    done: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the decision tree is asked, as the incident has it, else as the run's journal tells it. None: unknown.

    `suspected` is a cause that the trigger speaks for, until a person has found the `root_cause`.
    """

    pnl_pct: Decimal | None
    root_cause: Cause | None
    suspected: str
    is_corrupted: bool | None


def asked(story: Story) -> Asked:
    incident = next((one for one in incidents_of(story.entries) if one.id == story.incident), None)
    start = story.equity[0].equity if story.equity else None
    pnl_pct = story.pnl / start * 100 if start else None
    cause = story.rollback.cause if story.rollback else ""
    suspected = next((kind for word, kind in _CAUSES.items() if word in cause), "")
    verified, verdict = story.work.get("verify-db", (False, ""))
    if incident is None:
        return Asked(pnl_pct, None, suspected, verdict != PASSED if verified else None)
    corrupted = incident.is_corrupted if verified or incident.is_corrupted else None
    known = incident.pnl_pct
    return Asked(pnl_pct if known is None else known, incident.root_cause, suspected, corrupted)


def deeds(story: Story) -> Iterator[Deed]:
    """In the order of the post-mortem's template."""
    back, work = story.rollback, story.work
    closed = f"{back.affected} positions" if back else ""
    flat_after = dict(back.clocks).get("verified flat") if back else None
    latch = story.last("latch_set")
    yield Deed("Immediate position closure", bool(back and back.flat), flat_after, closed)
    yield Deed("Signal generation disabled", latch is not None, _since_trip(story, latch), "latched")
    for text, step in _PIECES:
        done, detail = work.get(step, (False, ""))
        yield Deed(text, done, _since_trip(story, _finished(story, step)), detail)


_PIECES = (
    ("Team alerted", "alert"),
    ("Error logs captured", "capture-logs"),
    ("Database snapshot taken", "snapshot-db"),
)


def validations(
    flat: bool, latched: bool, incident: str, done: Mapping[str, str], missing: Mapping[str, str]
) -> Iterator[Validation]:
    """The procedure's seven. `done` and `missing` are the rollback's pieces of work and what each came to."""
    yield Validation("No open positions", flat, "verified at the exchange" if flat else "the exchange did not say flat")
    yield Validation("Signal generation stopped", latched, "the latch is set" if latched else missing.get("latch", ""))
    for text, key in (
        ("All error logs captured", "capture-logs"),
        ("Database integrity verified", "verify-db"),
        ("P&L calculated", "pnl"),
        ("Team notified", "alert"),
    ):
        proven = key in done and (key != "verify-db" or done[key] == PASSED)
        yield Validation(text, proven, _one_line(done.get(key) or missing.get(key) or "not asked for"))
    unlogged = missing.get("incident") or ("" if incident else "no incident was opened")
    yield Validation("Incident logged in system", not unlogged, unlogged or incident)


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())


def _finished(story: Story, step: str) -> Entry | None:
    return next((entry for entry in story.all("step_finished") if entry.data.get("step") == step), None)


def _since_trip(story: Story, entry: Entry | None) -> timedelta | None:
    """Wall time: people and machines work in it, however fast a rehearsal's plan runs."""
    if entry is None or story.rollback is None:
        return None
    return max(entry.timestamp - story.rollback.tripped, timedelta()) / story.speed
