"""The plan in virtual time, gate by gate: what `steps.runner` and `steps.phases` do, with nobody there to ask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from canary_cli.core.model import Frame
from canary_cli.core.policy import gates
from canary_cli.core.policy.decisions import Move, after_gate
from canary_cli.core.policy.gates import Evidence, GateVerdict, Verdict
from canary_cli.core.policy.plan import Phase, Plan
from canary_cli.core.signals import Evaluation, SignalSettings, from_record, parity
from canary_cli.core.signals.replay import earliest_origins, replay
from canary_cli.core.trading.inputs import EnterPhase, RollBack
from canary_cli.core.trading.self_test import breaker_trips
from canary_cli.core.trading.standing import operational, session_readings
from canary_cli.journal.record import Entry, Record
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.candles import ClosedCandles
from canary_cli.session.simulate.desk import Desk
from canary_cli.session.simulate.feed import frames_of
from canary_cli.session.simulate.journal import MemoryJournal

DECISIONS = ("signal", "signal_refused")
RECONCILE_WITHIN = timedelta(seconds=30)


@dataclass(slots=True)
class Progress:
    """How far the plan is: all of it is in the journal, from which a restart takes it."""

    ends: dict[int, datetime] = field(default_factory=dict)
    first_ends: dict[int, datetime] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    decisions: list[Evaluation] = field(default_factory=list)

    def take(self, entry: Entry | Record) -> None:
        data = entry.data
        if entry.event in ("phase_entered", "phase_extended"):
            ends = datetime.fromisoformat(data["ends_at"])
            self.ends[data["number"]] = ends
            self.first_ends.setdefault(data["number"], ends)
        elif entry.event == "step_finished" and data["goes_on"]:
            self.finished.add(data["number"])
        elif entry.event in DECISIONS:
            self.decisions.append(from_record(data))


class Driver:
    """Told after every instant; `outcome` is how the plan ended: a word and a reason."""

    def __init__(
        self,
        plan: Plan,
        started_at: datetime,
        desk: Desk,
        scribe: Scribe,
        journal: MemoryJournal,
        candles: ClosedCandles,
        signals: SignalSettings,
    ) -> None:
        self.outcome: tuple[str, str] | None = None
        self.verdicts: dict[int, GateVerdict] = {}
        self._plan = plan
        self._started_at = started_at
        self._desk = desk
        self._scribe = scribe
        self._journal = journal
        self._candles = candles
        self._signals = signals
        self._opened_at = desk.state.now
        self._is_open = False
        self._progress = Progress()
        for entry in journal.entries():
            self._progress.take(entry)
        scribe.heard.append(self._progress.take)

    def on_instant(self, now: datetime) -> None:
        state = self._desk.state
        if self.outcome is not None or state.rolling_back:
            return
        if not self._is_open:
            self._open(now)
            return
        phase = next((one for one in self._plan.phases if one.number not in self._progress.finished), None)
        if phase is None:
            self.outcome = ("DONE", "handed off")
        elif phase.number not in self._progress.ends:
            if now >= self._started_at + phase.starts_at:
                self._enter(phase, now)
        elif now >= self._progress.ends[phase.number]:
            self._judge(phase, now)

    def _open(self, now: datetime) -> None:
        """Nothing begins before the first full reading agrees."""
        state = self._desk.state
        if state.reconciled:
            self._is_open = True
        elif "mismatch" in state.latches:
            self.outcome = ("MISMATCH", state.latches["mismatch"])
        elif now - self._opened_at > RECONCILE_WITHIN:
            self.outcome = ("NOT RECONCILED", "the account could not be read in time")

    def _pairs(self, phase: Phase) -> tuple[str, ...]:
        listed = self._desk.state.setup.rules
        return tuple(symbol for symbol in phase.pairs or tuple(listed) if symbol in listed)

    def _enter(self, phase: Phase, now: datetime) -> None:
        self._desk.post(EnterPhase(now, phase, self._pairs(phase), now + phase.duration))

    def _judge(self, phase: Phase, now: datetime) -> None:
        state = self._desk.state
        verdict = gates.judge(phase.gate, session_readings(state), self._evidence(phase, now))
        self.verdicts[phase.number] = verdict
        reasons = "; ".join(verdict.reasons)
        data = {"phase": phase.number, "verdict": verdict.verdict.value}
        self._scribe.write("gate", data=data, status=verdict.verdict.value, reason=reasons)
        if state.latches:
            self.outcome = ("LATCHED", "; ".join(state.latches.values()))
            return
        self._move(phase, verdict, now, reasons)

    def _move(self, phase: Phase, verdict: GateVerdict, now: datetime, reasons: str) -> None:
        ends, first = self._progress.ends[phase.number], self._progress.first_ends[phase.number]
        step = after_gate(
            verdict.verdict, phase, now=now, ends_at=ends, first_end=first, crew=self._plan.crew, is_approved=True
        )
        match step.move:
            case Move.ROLL_BACK:
                self._desk.post(RollBack(now, "FAIL", f"gate {phase.number}: {reasons}"))
            case Move.EXTEND if step.until is not None:
                data = {"number": phase.number, "ends_at": step.until.isoformat()}
                self._scribe.write("phase_extended", data=data)
            case Move.WAIT | Move.REDUCE_ONLY:
                self.outcome = (Verdict.INCONCLUSIVE.value, reasons or step.reason)
            case _:
                data = {"number": phase.number, "step": f"phase {phase.number}", "goes_on": True}
                self._scribe.write("step_finished", data=data, status=verdict.verdict.value, reason=reasons)

    def _evidence(self, phase: Phase, now: datetime) -> Evidence:
        state = self._desk.state
        began, wanted = state.phase_entered or now, self._pairs(phase)
        decided = [one for one in self._progress.decisions if began < one.time <= now and one.symbol in wanted]
        bars = len(wanted) * _bars(self._signals.decision_frame, began, now)
        return Evidence(
            bars_judged=len(decided),
            bars_closed=bars,
            parity_mismatches=self._mismatches(decided) + max(0, bars - len(decided)),
            breaker_self_test=breaker_trips(state),
            pairs_operational=operational(state, wanted),
            pairs_wanted=len(wanted),
            audit_lines=len(self._journal),
            audit_gaps=self._journal.gaps(),
            sign_offs_missing=(),
        )

    def _mismatches(self, decided: Iterable[Evaluation]) -> int:
        by_symbol = sorted(decided, key=lambda one: one.symbol)
        return sum(self._differing(symbol, list(ours)) for symbol, ours in groupby(by_symbol, key=lambda e: e.symbol))

    def _differing(self, symbol: str, ours: list[Evaluation]) -> int:
        """Decisions of one pair that the batch engine, on the candles the market has now, does not repeat."""
        now, origins = self._desk.state.now, earliest_origins(ours)
        candles = {
            frame: self._candles.newest(symbol, frame, (now - origins[frame]) // frame.duration, now)
            for frame in frames_of(self._signals)
            if frame in origins
        }
        tick = self._desk.state.setup.rules[symbol].tick
        return len(parity(ours, replay(ours, tick, candles, self._signals)))


def verdicts_of(entries: Iterable[Entry]) -> Mapping[int, str]:
    """The last verdict of each gate."""
    return {entry.data["phase"]: entry.data["verdict"] for entry in entries if entry.event == "gate"}


def _bars(frame: Frame, began: datetime, ended: datetime) -> int:
    """Bars that closed in the half-open span after `began` up to `ended`."""
    return int((frame.floor(ended) - frame.floor(began)) / frame.duration)
