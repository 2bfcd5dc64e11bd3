"""What a run's journal tells, as values: what report, post-mortem and checkpoints share."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.core.accounting.round_trips import RoundTrip, Trips
from canary_cli.core.policy.comparing import holds
from canary_cli.journal.record import Entry
from canary_cli.render.figures import measured
from canary_cli.steps.ending import Rollback, rollback_of
from canary_cli.steps.trips import trips_of

PROBES = ("probe", "probe_exit")


@dataclass(frozen=True, slots=True)
class Check:
    """One row of a gate, as it was judged; `value` None means unmeasured, `counts` False shown only."""

    metric: str
    value: str | None
    op: str
    limit: str
    n: str
    window: str
    population: str
    verdict: str
    detail: str
    counts: bool = True

    @property
    def is_met(self) -> bool:
        """Measured on enough, and within its limit: a WARNING row outside its limit is not met."""
        if self.value is None or self.verdict == "INCONCLUSIVE":
            return False
        try:
            return holds(Decimal(self.value), self.op, Decimal(self.limit))
        except (ArithmeticError, KeyError):
            return False

    @property
    def says(self) -> str:
        """`latency_p95 612 is not < 500 (n=24, phase)`."""
        is_not = " is not" if self.value is not None and not self.is_met else ""
        return f"{self.metric} {measured(self.value)}{is_not} {self.op} {self.limit} (n={self.n}, {self.window})"


@dataclass(frozen=True, slots=True)
class Gate:
    phase: int
    verdict: str
    at: datetime
    reason: str
    checks: tuple[Check, ...]

    def about(self, *words: str) -> tuple[Check, ...]:
        """The checks whose metric contains one of the words."""
        return tuple(check for check in self.checks if any(word in check.metric for word in words))


@dataclass(frozen=True, slots=True)
class Phase:
    """`left` is when its gate, or the end of the run, ended it; None while it lasts."""

    number: int
    name: str
    fraction: Decimal
    pairs: tuple[str, ...]
    entered: datetime
    left: datetime | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Decision to acknowledgement, or to giving up on one, and of that sending to acknowledgement (None where it was
    not noted), ms."""

    time: datetime
    milliseconds: float
    purpose: str
    send: float | None = None


@dataclass(frozen=True, slots=True)
class Equity:
    time: datetime
    equity: Decimal
    peak: Decimal
    drawdown_pct: Decimal


@dataclass(frozen=True, slots=True)
class Story:
    """One run. `entries` are its lines in order; the rest is derived from them."""

    entries: tuple[Entry, ...]
    run_id: str
    header: dict[str, Any]
    started: datetime
    ended: datetime | None
    outcome: str
    phases: tuple[Phase, ...]
    gates: tuple[Gate, ...]
    latencies: tuple[Latency, ...]
    equity: tuple[Equity, ...]
    trips: Trips
    rollback: Rollback | None

    def all(self, *events: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.event in events)

    def last(self, *events: str) -> Entry | None:
        return next((entry for entry in reversed(self.entries) if entry.event in events), None)

    def gate(self, phase: int) -> Gate | None:
        """The phase's last word: an extended phase is judged more than once."""
        return next((gate for gate in reversed(self.gates) if gate.phase == phase), None)

    @property
    def work(self) -> dict[str, tuple[bool, str]]:
        """The rollback's pieces of work by name: whether each was done, and what it came to."""
        told = (entry.data for entry in self.all("step_finished") if entry.actor == "rollback")
        return {data["step"]: (data["outcome"] != "NOT DONE", str(data.get("detail", ""))) for data in told}

    @property
    def until(self) -> datetime:
        return self.ended or self.entries[-1].timestamp

    @property
    def net(self) -> Decimal:
        """From fills: what round trips, probes and open positions have realised, less commissions in USDT."""
        return sum((trip.net for trip in (*self.trips.closed, *self.trips.open)), Decimal(0))

    @property
    def strategy_trips(self) -> tuple[RoundTrip, ...]:
        """Closed, and no probes."""
        return tuple(trip for trip in self.trips.closed if not trip.is_probe)

    @property
    def pnl(self) -> Decimal:
        """As the rollback read it from the exchange, whose fills need not all be in the journal; else `net`."""
        _, said = self.work.get("pnl", (False, ""))
        figure = re.match(r"-?[\d.]+(?= USDT)", said)
        return Decimal(figure[0]) if figure else self.net

    @property
    def speed(self) -> float:
        """Plan time per wall time."""
        return float(self.header.get("speed", 1)) or 1.0

    @property
    def incident(self) -> str:
        opened = self.last("incident_opened")
        return str(opened.data.get("incident", "")) if opened else ""


def runs_of(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The lines of each run, whoever wrote them: from its start to the next run's start.

    What was written before any run ever started comes first, as lines without a run.
    """
    found: list[Entry] = []
    for entry in entries:
        if entry.event == "run_started" and found:
            yield tuple(found)
            found = []
        found.append(entry)
    if found:
        yield tuple(found)


def entries_of(entries: Iterable[Entry], run_id: str | None = None) -> tuple[Entry, ...]:
    """The lines of one run; None: of the newest. Empty where there is no such run."""
    found: tuple[Entry, ...] = ()
    for run in runs_of(entries):
        if run[0].event == "run_started" and run_id in (None, run[0].run_id):
            found = run
    return found


def tell(entries: Sequence[Entry]) -> Story:
    """The story of the lines of one run (see `entries_of`). Raises ValueError where there is no line."""
    if not entries:
        raise ValueError("the journal holds no such run")
    first = entries[0]
    ends = [entry for entry in entries if entry.event == "run_ended"]
    return Story(
        entries=tuple(entries),
        run_id=first.run_id,
        header=dict(first.data) if first.event == "run_started" else {},
        started=first.timestamp,
        ended=ends[-1].timestamp if ends else None,
        outcome=str(ends[-1].data.get("outcome", "")) if ends else "",
        phases=_phases(entries),
        gates=tuple(_gate(entry) for entry in entries if entry.event == "gate"),
        latencies=_latencies(entries),
        equity=tuple(_equity(entry) for entry in entries if entry.event == "equity"),
        trips=trips_of(entries),
        rollback=rollback_of(entries),
    )


def _gate(entry: Entry) -> Gate:
    data = entry.data
    verdict = str(data.get("verdict") or entry.status)
    checks = tuple(_check(check) for check in data.get("checks", ()))
    return Gate(int(data.get("phase", entry.phase or 0)), verdict, entry.timestamp, entry.reason, checks)


def _check(data: dict[str, Any]) -> Check:
    """A phase gate's check, or one of gate 0's preflight, which has a name and evidence instead of figures."""
    value = data.get("value")
    return Check(
        metric=str(data.get("metric", data.get("name", ""))),
        value=None if value is None else str(value),
        op=str(data.get("op", "")),
        limit=str(data.get("limit", "")),
        n=str(data.get("n", "")),
        window=str(data.get("window", "")),
        population=str(data.get("population", "")),
        verdict=str(data.get("verdict", data.get("status", ""))),
        detail=str(data.get("detail", data.get("evidence", ""))),
        counts=bool(data.get("counts", True)),
    )


def _phases(entries: Sequence[Entry]) -> tuple[Phase, ...]:
    entered = [entry for entry in entries if entry.event == "phase_entered"]
    ends = [entry.timestamp for entry in entered[1:]] + [_end_of_last(entries)]
    return tuple(
        Phase(
            int(entry.data["number"]),
            str(entry.data["name"]),
            Decimal(str(entry.data["fraction"])),
            tuple(entry.data["pairs"]),
            entry.timestamp,
            left,
        )
        for entry, left in zip(entered, ends, strict=False)
    )


def _end_of_last(entries: Sequence[Entry]) -> datetime | None:
    """A flatten ends the last phase, else the run's end does."""
    stops = ("flatten_started", "run_ended")
    return next((entry.timestamp for entry in entries if entry.event in stops), None)


def _latencies(entries: Sequence[Entry]) -> tuple[Latency, ...]:
    purposes = {e.data["client_id"]: str(e.data.get("purpose", "")) for e in entries if e.event == "order_intent"}
    return tuple(
        Latency(
            entry.timestamp,
            float(entry.data["latency_ms"]),
            purposes.get(entry.data.get("client_id"), ""),
            entry.data.get("send_ms"),
        )
        for entry in entries
        if entry.event in ("order_confirmed", "order_unknown") and entry.data.get("latency_ms") is not None
    )


def _equity(entry: Entry) -> Equity:
    data = entry.data
    equity, peak, drawdown = (Decimal(str(data[name])) for name in ("equity", "peak", "drawdown_pct"))
    return Equity(entry.timestamp, equity, peak, drawdown)
