"""The watchdog: a small process of its own that closes what a dead session has left open.

All it knows is on disk (the session's beat, the latch, the journal) or at the exchange, so it may be started again at
any moment. It needs no ledger, and opens none.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from canary_cli.alerts import Alert, Severity
from canary_cli.bootstrap import World
from canary_cli.core.model import AccountSnapshot, SymbolRules
from canary_cli.errors import CanaryError, ExitCode, Result
from canary_cli.journal.beat import Beat, end_beat, read_beat
from canary_cli.journal.closing import closing
from canary_cli.journal.latch import read_latches
from canary_cli.journal.record import Record
from canary_cli.journal.tail import Tail
from canary_cli.session.aftermath import confirm_flat
from canary_cli.session.flattening import FlattenReport, Progress, flatten
from canary_cli.steps import incidents
from canary_cli.steps.booking import book
from canary_cli.steps.escalating import CONDITION, Crier, clock
from canary_cli.steps.incidents import Incident
from canary_cli.steps.interrupting import heard
from canary_cli.steps.latching import latch_entries, note
from canary_cli.steps.looking import look
from canary_cli.steps.serving import ControlDesk, serve
from canary_cli.steps.sweep import names, page, start_sweeper, who_closes

DEAD_AFTER = 30.0
SILENT_AFTER = 5.0
"""Wall seconds without a beat after which it is worth a word."""

LOOK_EVERY = 1.0
EMPTY_LOOKS, LOOK_AGAIN = 3, 10.0
"""A session that died with nothing open is looked at so many times, so many wall seconds apart: a late fill counts."""

Say = Callable[[str], None]


class Health(StrEnum):
    ABSENT = "ABSENT"  # no session has ever beaten here, or the last one stopped as planned
    ALIVE = "ALIVE"
    SILENT = "SILENT"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Pulse:
    """The last beat seen, and the age it has by the monotonic clock: a wall clock that is set moves no death nearer."""

    beat: Beat | None = None
    seen: float = 0.0
    age_then: float = 0.0

    def felt(self, beat: Beat | None, wall_age: float, now: float) -> "Pulse":
        """One more look, `now` in monotonic seconds. The first beat seen has the age that the wall clock gives it.

        A beat that is gone or cannot be read does not undo the one before: that one grows older.
        """
        if beat is None or beat == self.beat:
            return self
        return Pulse(beat, now, max(0.0, wall_age) if self.beat is None else 0.0)

    def age(self, now: float) -> float:
        return now - self.seen + self.age_then

    def health(self, now: float, dead_after: float) -> Health:
        if self.beat is None or self.beat.ended:
            return Health.ABSENT
        age = self.age(now)
        if age >= dead_after:
            return Health.DEAD
        return Health.SILENT if age >= SILENT_AFTER else Health.ALIVE


class Watchdog:
    """Watches one account. `say` tells whoever reads its output."""

    def __init__(self, world: World, dead_after: float, say: Say) -> None:
        self._world = world
        self._dead_after = dead_after
        self._say = say
        self._pulse = Pulse()
        self._health: Health | None = None
        self._tail = Tail(world.account.log_dir)
        self._incidents: dict[str, Incident] = {}
        self._crier = Crier(world)
        self._serving: asyncio.Task[None] | None = None
        self._rechecking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self.step()
                await self._world.clock.pause(LOOK_EVERY)
        finally:
            self.stop()

    async def step(self) -> Health:
        """One look, and whatever it asks for. A closing that it begins, it ends."""
        health = self._look()
        if health is not self._health:
            self._say(self._words(health))
            self._health = health
        if health is Health.DEAD:
            await self._see_to_the_dead()
            health = self._look()
        self._serve_while(health is not Health.ALIVE)
        with suppress(OSError):
            self._escalate()
        return health

    def _look(self) -> Health:
        clock = self._world.clock
        now = clock.monotonic()
        with suppress(OSError):  # unreadable: the beat known so far grows older
            beat = read_beat(self._world.account.state_dir)
            wall_age = (clock.wall() - beat.at).total_seconds() if beat else 0.0
            self._pulse = self._pulse.felt(beat, wall_age, now)
        return self._pulse.health(now, self._dead_after)

    def _words(self, health: Health) -> str:
        beat, age = self._pulse.beat, self._pulse.age(self._world.clock.monotonic())
        if beat is None:
            return "no session has run here; watching"
        who = f"run {beat.run_id} (process {beat.pid})"
        match health:
            case Health.ABSENT:
                return f"{beat.ended}; watching"
            case Health.ALIVE:
                return f"{who} is alive; flat {self._dead_after:g} s after its last beat"
            case _:
                return f"{who} has not beaten for {age:.0f} s"

    async def _see_to_the_dead(self) -> None:
        """Close what is open; not knowing what is open is no reason to wait."""
        try:
            known = await self._snapshot()
            if known is not None and not _holds_anything(known):
                await self._nothing_open()
            else:
                await self._close(known)
        except CanaryError as error:  # the key is refused: nothing to do but to say so, again and again
            self._say(f"NOBODY IS CLOSING: {error.message}")
            self._alert(f"NOBODY IS CLOSING: {error.message}")
            await self._world.clock.pause(LOOK_AGAIN)

    async def _snapshot(self) -> AccountSnapshot | None:
        known, _ = await look(self._world)
        return known

    async def _nothing_open(self) -> None:
        for _ in range(EMPTY_LOOKS - 1):
            await self._world.clock.pause(LOOK_AGAIN)
            known = await self._snapshot()
            if self._look() is not Health.DEAD:
                return
            if known is None or _holds_anything(known):
                await self._close(known)
                return
        self._end("the session died with nothing open")

    async def _close(self, known: AccountSnapshot | None) -> None:
        world, tripped = self._world, self._world.clock.monotonic()
        cause = self._words(Health.DEAD)
        failure = latch_entries(world, "watchdog", cause, "watchdog")
        self._say(f"watchdog (process {os.getpid()}) is closing{f'; NOT LATCHED: {failure}' if failure else ''}")
        alerted = asyncio.create_task(asyncio.to_thread(self._alert, f"{cause}; the watchdog is closing"))
        try:
            report, rules = await self._flatten(known, tripped)
        except asyncio.CancelledError:
            heir = who_closes(start_sweeper(world.account, None, is_flat=False))
            self._say(f"ended while it closes: {heir}")
            page(world.account, f"{cause}; the watchdog was ended while it closed: {heir}")
            raise
        self._say(f"{report.outcome} after {report.seconds:.1f} s, {len(report.closed)} positions closed")
        self._end(f"{report.outcome}: closed by the watchdog")
        await alerted
        await book(world, report)
        name = self._note(report, cause)
        self._alert(f"{name}: {report.outcome}, verified at the exchange", name)
        self._rechecking = asyncio.create_task(self._recheck(rules))

    async def _flatten(
        self, known: AccountSnapshot | None, tripped: float
    ) -> tuple[FlattenReport, Mapping[str, SymbolRules]]:
        world = self._world
        with closing(world.account.state_dir):
            _, rules = await look(world)
            report = await flatten(
                world.exchange, world.clock, known, rules, "watchdog", self._tell, None, tripped=tripped
            )
        return report, rules

    async def _recheck(self, rules: Mapping[str, SymbolRules]) -> None:
        """Late fills; but never what a session that was started anew has opened."""
        world = self._world

        def wanted() -> bool:
            return self._look() is not Health.ALIVE and bool(read_latches(world.account.state_dir))

        if await confirm_flat(world.exchange, world.clock, rules, self._tell_recheck, wanted=wanted):
            note(world, Record("flat_confirmed", actor="watchdog"))
            self._say("FLAT CONFIRMED")

    def _tell(self, progress: Progress) -> None:
        self._say(f"closing for {progress.seconds:.0f} s, left: {names(progress.left)}")

    def _tell_recheck(self, report: FlattenReport) -> None:
        if report.positions:
            names = ", ".join(one.symbol for one in report.positions)
            self._say(f"RE-OPENED and closed again: {names}")
            self._alert(f"RE-OPENED after flat and closed again: {names}")

    def _end(self, why: str) -> None:
        """The token that keeps the next look, also of a watchdog started anew, from doing it all again."""
        with suppress(OSError):
            end_beat(self._world.account.state_dir, why)
            self._look()

    def _note(self, report: FlattenReport, cause: str) -> str:
        """Journal it as an incident: its evidence is for `canary rollback` to gather."""
        world, run_id = self._world, self._pulse.beat.run_id if self._pulse.beat else ""
        data = {"cause": "watchdog", "positions": len(report.positions), "verified": report.verified, "left": []}
        note(world, Record("flat", run_id=run_id, actor="watchdog", status=str(report.outcome), data=data))
        with suppress(OSError):
            known = incidents.unresolved(self._all_incidents())
            name = known.id if known else incidents.new_incident(world, cause, run_id, "watchdog")
            one = incidents.pick(world.account, name)
            incidents.update(world, one, "watchdog", state=incidents.State.STABLE, rolled_back=True)
            return name
        return "not journalled"

    def _all_incidents(self) -> tuple[Incident, ...]:
        for entry in self._tail.new():
            incidents.fold(self._incidents, entry)
        return tuple(self._incidents.values())

    def _alert(self, message: str, incident: str = "") -> None:
        with suppress(CanaryError, OSError):
            self._world.alerts.send(Alert(message, Severity.CRITICAL, CONDITION, incident))

    def _escalate(self) -> None:
        one = next((one for one in reversed(self._all_incidents()) if one.is_unresolved), None)
        if one is not None:
            self._incidents[one.id] = self._crier.tell_due(clock(self._world, one))

    def _serve_while(self, wanted: bool) -> None:
        """The control API, as long as no session serves it."""
        if wanted and self._serving is None:
            desk = ControlDesk(self._world, f"watchdog {os.getpid()}")
            self._serving = asyncio.create_task(serve(self._world, desk, self._say))
        elif not wanted:
            self.stop()

    def stop(self) -> None:
        """Serve no longer."""
        if self._serving is not None:
            self._serving.cancel()
            self._serving = None


def _holds_anything(known: AccountSnapshot) -> bool:
    """Stops without a position are what a closing leaves that was cut short."""
    return bool(known.positions or known.orders or known.algo_orders)


async def watch(world: World, dead_after: float, say: Say, *, once: bool) -> Result:
    """Until SIGTERM or Ctrl-C; `once` looks one time and does what is due."""
    dog = Watchdog(world, dead_after, say)
    if once:
        health = await dog.step()
        dog.stop()
        return Result("NOT_CLOSED", ExitCode.INCOMPLETE) if health is Health.DEAD else Result(health.value)
    with heard() as interruption:
        await interruption.cuts(dog.run())
    assert interruption.by is not None
    say(f"ended by {signal.Signals(interruption.by.number).name}: nobody watches now")
    return interruption.by.result
