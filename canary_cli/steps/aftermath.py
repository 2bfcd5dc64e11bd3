"""What a rollback left proven: the actions taken, the decision tree's answers, the seven validations. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from canary_cli.journal.record import Entry
from canary_cli.steps.story import Story

RESTART_FLOOR = Decimal(-2)
"""Percent: a run that lost no more may restart after the fix; one that lost more is postponed and reviewed."""

_CAUSES = {
    "breaker": "MARKET",
    "liquidation": "MARKET",
    "database": "INFRA",
    "user-stream": "INFRA",
    "market-stream": "INFRA",
    "latency": "INFRA",
    "order_error_rate": "INFRA",
}
NEXT_STEPS = {
    "CODE": "fix, redeploy in the next window",
    "INFRA": "Ops fixes, then redeploy",
    "MARKET": "adjust parameters, retry",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """One action of the rollback. `took` is None where the journal has no time for it; `done` False: NOT DONE."""

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
class Decision:
    """The decision tree answered. None: unknown, which the tree treats as the worse answer."""

    pnl_pct: Decimal | None
    suspected_cause: str
    database_corrupted: bool | None

    @property
    def may_restart(self) -> bool:
        """After the fix, without a full review."""
        return self.pnl_pct is not None and self.pnl_pct > RESTART_FLOOR


def decision(story: Story) -> Decision:
    start = story.equity[0].equity if story.equity else None
    pnl_pct = story.net / start * 100 if start else None
    cause = story.rollback.cause if story.rollback else ""
    suspected = next((kind for word, kind in _CAUSES.items() if word in cause), "")
    return Decision(pnl_pct, suspected, False if "verify" in story.work[0] else None)


def deeds(story: Story) -> Iterator[Deed]:
    """In the order of the post-mortem's template."""
    back, (done, _) = story.rollback, story.work
    closed = f"{back.affected} positions" if back else ""
    flat_after = dict(back.clocks).get("verified flat") if back else None
    latch = story.last("latch_set")
    yield Deed("Immediate position closure", bool(back and back.flat), flat_after, closed)
    yield Deed("Signal generation disabled", latch is not None, _since_trip(story, latch), "latched")
    for text, key in (
        ("Team alerted", "alert"),
        ("Error logs captured", "logs"),
        ("Database snapshot taken", "snapshot"),
    ):
        yield Deed(text, key in done, detail=done.get(key, ""))


def validations(
    flat: bool, latched: bool, incident: str, done: Mapping[str, str], missing: Mapping[str, str]
) -> Iterator[Validation]:
    """The procedure's seven. `done` and `missing` are the rollback's pieces of work and what each came to."""
    yield Validation("No open positions", flat, "verified at the exchange" if flat else "the exchange did not say flat")
    yield Validation("Signal generation stopped", latched, "the latch is set" if latched else "no latch is set")
    for text, key in (
        ("All error logs captured", "logs"),
        ("Database integrity verified", "verify"),
        ("P&L calculated", "pnl"),
        ("Team notified", "alert"),
    ):
        yield Validation(text, key in done, _one_line(done.get(key) or missing.get(key) or "not asked for"))
    yield Validation("Incident logged in system", bool(incident), incident or "no incident was opened")


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())


def _since_trip(story: Story, entry: Entry | None) -> timedelta | None:
    if entry is None or story.rollback is None:
        return None
    return max(entry.timestamp - story.rollback.tripped, timedelta())
