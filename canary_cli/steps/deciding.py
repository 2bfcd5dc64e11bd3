"""A decision clock in people's hands: an incident for each question, and the answer brought to the session."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from canary_cli.core.policy.plan import Action, Crew
from canary_cli.core.trading.inputs import Keep
from canary_cli.journal.record import Entry, Record
from canary_cli.journal.tail import Tail
from canary_cli.steps import incidents
from canary_cli.steps.incidents import Incident, State
from canary_cli.steps.run import Run

LOOK_EVERY = 0.2
"""Wall seconds between two looks for an answer in the journal."""


class Deciding:
    """Listens to a run. Opens an incident when a trigger wants a decision, closes it when the metric is well again.

    The clock itself runs in the session, whatever the disk does.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._well: set[str] = set()
        self._questions: set[asyncio.Task[None]] = set()
        run.scribe.heard.append(self.on_record)

    def on_record(self, record: Record) -> None:
        if record.event != "trigger":
            return
        if record.data["action"] == Action.INVESTIGATE:
            self._well.discard(record.data["name"])
            question = asyncio.create_task(self._ask(record.data))
            self._questions.add(question)
            question.add_done_callback(self._questions.discard)
        elif record.data["action"] == Action.RELEASE:
            self._well.add(record.data["name"])

    async def _ask(self, fired: Mapping[str, Any]) -> None:
        run, trigger = self._run, fired["name"]
        tail = Tail(run.world.account.log_dir, run.scribe.last_seq)
        with suppress(OSError):
            one = await asyncio.to_thread(self._opened, trigger, f"{trigger} {fired['value']} beyond {fired['limit']}")
            run.alert("CRITICAL", self._words(one), f"trigger/{trigger}", one.id)
            while not self._is_over(one):
                for entry in await asyncio.to_thread(tail.new):
                    if _answers(entry, one):
                        run.session.post(Keep(run.now, trigger, entry.actor, entry.reason))
                        return
                await run.world.clock.pause(LOOK_EVERY)

    def _opened(self, trigger: str, cause: str) -> Incident:
        """A session that was started anew asks the same question under the same number."""
        world = self._run.world
        known = incidents.unresolved(incidents.of_account(world.account))
        if known is not None and known.trigger == trigger:
            return known
        name = incidents.new_incident(world, cause, self._run.run_id, "session", trigger=trigger)
        return Incident(name, self._run.run_id, cause, self._run.now, trigger=trigger)

    def _words(self, one: Incident) -> str:
        on = f"--account {self._run.world.account.name}"
        return (
            f"{one.id}: {one.cause}; no answer: {unanswered(self._run.plan.crew, self._run.now)}; "
            f"canary rollback {on}, or against it: canary keep --incident {one.id} --by NAME --reason WHY {on}"
        )

    def _is_over(self, one: Incident) -> bool:
        """The rollback has begun and takes the incident with it, or the metric is well again."""
        if self._run.stop.done():
            return True
        if one.trigger not in self._well:
            return False
        well = f"{one.trigger} is well again"
        incidents.update(self._run.world, one, "session", state=State.CLOSED, closed_by="session", reason=well)
        return True


def unanswered(crew: Crew, now: datetime) -> str:
    """What becomes of a question that is asked now and that nobody answers."""
    if crew.is_watching(now):
        return f"rollback in {_minutes(crew.rollback_inside)}"
    return f"REDUCE-ONLY in {_minutes(crew.stop_outside)}, rollback in {_minutes(crew.rollback_outside)}"


def _minutes(length: timedelta) -> str:
    return f"{length / timedelta(minutes=1):g} min"


def _answers(entry: Entry, one: Incident) -> bool:
    return entry.data.get("incident") == one.id and entry.data.get("keep") == one.trigger
