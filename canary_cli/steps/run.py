"""What the steps of a run share: the world, the plan, the session, how far it is, and how to wait."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from canary_cli.accounts import on_account
from canary_cli.alerts import Alert, Severity
from canary_cli.bootstrap import World
from canary_cli.core.policy.gates import GateVerdict
from canary_cli.core.policy.plan import Phase, Plan
from canary_cli.core.trading.conditions import DATABASE
from canary_cli.core.trading.inputs import ConditionChanged
from canary_cli.core.trading.state import Session
from canary_cli.errors import ExitCode, Result
from canary_cli.journal.closing import closing
from canary_cli.journal.record import Record
from canary_cli.render.lines import Lines
from canary_cli.session.flattening import FlattenReport, flatten
from canary_cli.session.live import LiveSession, Stop
from canary_cli.session.scribe import Scribe, Standing
from canary_cli.session.view import EventLine
from canary_cli.steps.interrupting import Interrupted

A_DAY = 24 * 60
"""Equity is noted once a plan minute; the screen draws no more than the last day of it."""

EVENTS_SHOWN = 40
LOOK_EVERY = 0.5
"""Wall seconds between two looks while waiting."""

ROLL_BACK = Result("ROLLED_BACK", ExitCode.ROLLED_BACK)
LATCHED = Result("LATCHED", ExitCode.HUMAN_NEEDED)
TAKEN_OFF = ("kill-order", "rollback", "close-all", "watchdog")
"""Latches that say: another hand closes the account."""

DECISIONS = frozenset({"signal", "signal_refused"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to. `ends` is how the whole run ends because of it; None lets the next step begin."""

    word: str
    detail: str = ""
    ends: Result | None = None


@dataclass(slots=True)
class Progress:
    """How far a run is. Everything here is also in the journal, from which a restart takes it.

    `decisions` are the journalled evaluations of the phase, taken and refused, as parity compares them. `ended` is how
    the run ended, in a word, and `next_command` what comes after it; empty while it goes on.
    """

    step: str = "starting"
    verdicts: dict[int, GateVerdict] = field(default_factory=dict)
    ends: dict[int, datetime] = field(default_factory=dict)
    first_ends: dict[int, datetime] = field(default_factory=dict)
    equity: deque[tuple[datetime, Decimal]] = field(default_factory=lambda: deque(maxlen=A_DAY))
    events: deque[EventLine] = field(default_factory=lambda: deque(maxlen=EVENTS_SHOWN))
    decisions: list[Record] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    ended: str = ""
    next_command: str = ""


class Difference(StrEnum):
    """What to do where the exchange holds something else than our fills say: a person chooses, at the start only."""

    ASK = "ask"
    ADOPT = "adopt"
    FLATTEN = "flatten"


class Run:
    """One go-live of one plan on one account. `stop` resolves when a money trigger asks for the rollback.

    `heir` says who goes on with a closing that was left, empty while none was.
    """

    def __init__(
        self, world: World, plan: Plan, plan_path: Path, run_id: str, started_at: datetime, lease_token: int
    ) -> None:
        self.world = world
        self.plan = plan
        self.plan_path = plan_path
        self.run_id = run_id
        self.started_at = started_at
        self.lease_token = lease_token
        self.progress = Progress()
        self.scribe = Scribe(world.journal, run_id, "run", self._standing)
        self.stop: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()
        self.interrupted: Interrupted | None = None
        self.leaving = False
        self.heir = ""
        self.closing_began = 0.0
        self._woken = asyncio.Event()
        self.closing: asyncio.Task[FlattenReport] | None = None
        self._session: LiveSession | None = None
        self.on_wake: Callable[[], None] = lambda: None
        self._lines = Lines()
        self.database_is_up = True
        self.difference = Difference.ASK
        self.scribe.heard.append(self._remember)

    @property
    def session(self) -> LiveSession:
        assert self._session is not None, "the session starts after gate 0"
        return self._session

    @session.setter
    def session(self, session: LiveSession) -> None:
        self._session = session

    @property
    def has_session(self) -> bool:
        return self._session is not None

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def phase_start(self, phase: Phase) -> datetime:
        return self.started_at + phase.starts_at

    def pairs_of(self, phase: Phase) -> tuple[str, ...]:
        """The phase's pairs that the exchange trades; all operational ones where the plan says so."""
        listed = self.session.state.setup.rules
        wanted = phase.pairs or tuple(listed)
        return tuple(symbol for symbol in wanted if symbol in listed)

    def ask_stop(self, stop: Stop) -> None:
        """A money trigger fired: close first, in this very turn of the loop; whoever waits learns of it after."""
        if self.stop.done():
            return
        self.closing_began = self.world.clock.monotonic()
        work = asyncio.create_task(
            flatten(
                self.world.exchange,
                self.world.clock,
                stop.known,
                self.session.state.setup.rules,
                stop.cause,
                lambda _left: None,
                None,
            )
        )
        self.closing = asyncio.create_task(self._marked(work))
        self.stop.set_result(stop)
        self.wake()

    async def _marked(self, work: "asyncio.Task[FlattenReport]") -> FlattenReport:
        """The closing that is under way, under the mark that keeps others from letting the account trade."""
        with closing(self.world.account.state_dir):
            return await work

    def wake(self) -> None:
        """Let whoever waits look at once whether something ended the wait."""
        self._woken.set()

    def lost_lease(self, reason: str) -> None:
        self.interrupted = Interrupted(0, reason)
        self.wake()

    async def until(self, instant: datetime) -> bool:
        """Wait until plan time reaches `instant`; False when something ended the wait before (see `cut_short`)."""
        while self.now < instant:
            if self.cut_short() is not None:
                return False
            self.on_wake()
            left = (instant - self.now).total_seconds() / self.world.clock.speed
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(left, LOOK_EVERY))
            self._woken.clear()
        return self.cut_short() is None

    def cut_short(self) -> Outcome | None:
        """Why the run cannot simply go on: a money trigger, Ctrl-C, or another hand that stopped it.

        Raises what ended one of the session's tasks, if anything did: then nobody watches any more.
        """
        if self.stop.done():
            stop = self.stop.result()
            return Outcome("STOPPED", f"{stop.cause}: {stop.detail}", ROLL_BACK)
        if self.interrupted is not None:
            result = self.interrupted.result
            return Outcome(result.word, self.interrupted.reason or self.left_open(), result)
        if self._session is None:
            return None
        failure = self._session.failure()
        if failure is not None:
            raise failure
        return self._taken_off(self._session.state)

    def left_open(self) -> str:
        """What somebody who stops the run leaves behind, in words."""
        held = self._session.state.held.values() if self._session else ()
        told = [f"{one.symbol} {one.quantity}, stop {one.stop_price or 'NONE'}" for one in held if not one.probe]
        return f"open, stops stay: {'; '.join(told)}" if told else "nothing open by our fills"

    def _taken_off(self, state: Session) -> Outcome | None:
        """Closed by another hand, and nothing is left to watch. A latch alone lets a run watch what it holds."""
        told = next((state.latches[source] for source in TAKEN_OFF if source in state.latches), None)
        return None if told is None or state.held else Outcome("LATCHED", told, LATCHED)

    def _standing(self) -> Standing:
        if self._session is None:
            return Standing()
        state = self._session.state
        drawdown = None if state.drawdown_pct is None else round(state.drawdown_pct, 4)
        return Standing(state.phase.number if state.phase else None, drawdown)

    def alert(self, severity: str, message: str, key: str, incident: str = "") -> None:
        """Into the journal, onto the screen, and to whoever is configured to hear it."""
        message = on_account(message, self.world.account.name)
        data = {"severity": severity, "message": message, "key": key}
        self.scribe.write("alert", data=data, reason=message)
        self.world.alerts.send(Alert(message, Severity(severity), key, incident))

    def database_changed(self, is_up: bool) -> None:
        """The ledger's writer lost its database, or has it back. The session holds entries meanwhile."""
        self.database_is_up = is_up
        if self._session is not None:
            detail = "" if is_up else "the ledger's database does not answer"
            self._session.post(ConditionChanged(self.now, DATABASE, not is_up, detail))

    def _remember(self, record: Record) -> None:
        """What the screen and the gate want of the record; the decisions of a phase that is over are in the journal."""
        if record.event == "phase_entered":
            self.progress.decisions.clear()
        if record.event in DECISIONS:
            self.progress.decisions.append(record)
        elif record.event == "equity":
            self.progress.equity.append((self.now, Decimal(str(record.data["equity"]))))
        line = self._lines.line(record, self.now)
        if line is not None:
            self.progress.events.append(line)
