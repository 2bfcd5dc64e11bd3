"""Who must be told of an incident by now: the clock of `runbooks/rollback.toml`, with the people of `contacts.toml`.

Screens of a rollback read it while the account is being closed: alerts are loaded by whoever tells, and not before.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from canary_cli.bootstrap import World
from canary_cli.core.policy.contacts import Contact
from canary_cli.core.policy.rollback import Escalation, Rollback, escalation, to_tell
from canary_cli.steps import incidents
from canary_cli.steps.incidents import Incident
from canary_cli.steps.plan import contacts_to_call, rollback_to_run

if TYPE_CHECKING:
    from canary_cli.alerts import Receipt

CONDITION = "rollback"
"""What a page about an incident is filed under, from the first word to the last."""

SAY_AGAIN = timedelta(minutes=1)
"""After which a word that no channel would take is offered again."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One incident on the escalation clock. `now` is plan time."""

    incident: Incident
    plan: Rollback
    contacts: tuple[Contact, ...]
    now: datetime
    account: str

    @property
    def next_command(self) -> str:
        return self.incident.next_command(self.account)

    @property
    def age(self) -> timedelta:
        return self.incident.age(self.now)

    @property
    def level(self) -> Escalation:
        return escalation(self.plan, self.age)

    def called(self, level: Escalation) -> str:
        return called(level, self.contacts)

    def people(self, level: Escalation) -> str:
        return people(level, self.contacts)


def called(level: Escalation, contacts: Iterable[Contact]) -> str:
    """`Dev @dev, Ops @elo: restart, or investigate deeper?`"""
    return f"{people(level, contacts)}: {level.decision}"


def people(level: Escalation, contacts: Iterable[Contact]) -> str:
    """`Dev @dev, Ops @elo`; a role that nobody holds stays a role."""
    known = {one.role: one.slack for one in contacts}
    return ", ".join(f"{role} {known.get(role, '')}".rstrip() for role in level.roles)


def clock_of(world: World, name: str) -> Clock | None:
    """The incident's clock; None where it is closed or unknown."""
    found = next((one for one in incidents.of_account(world.account) if one.id == name), None)
    return clock(world, found) if found is not None and found.is_unresolved else None


def clock(world: World, one: Incident) -> Clock:
    """By `rollback.toml` and `contacts.toml`, as far as they can be read: a broken file silences nobody."""
    plan, people_to_call = rollback_to_run(world.home)[0], contacts_to_call(world.home)
    return Clock(one, plan, people_to_call, world.clock.now(), world.account.name)


class Crier:
    """Tells whoever is due. A level counts as told once a channel has taken its word; until then it is tried again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._said: dict[tuple[str, int], tuple[datetime, Receipt]] = {}

    def tell_due(self, at: Clock) -> Incident:
        """Returns the incident as it is told of now. Raises nothing, and waits for nobody: look again later."""
        from canary_cli.alerts import Fate

        one = at.incident
        since = {level: at.now - when for level, when in one.told.items()}
        level = to_tell(at.plan, at.age, since, one.acks)
        if level is None:
            return one
        receipt = self._said_by_now(at, level)
        if not any(delivery.fate is Fate.SENT for delivery in receipt.deliveries):
            return one
        del self._said[one.id, level.level]
        with suppress(OSError):  # said is said
            incidents.update(self._world, one, "escalation", told=level.level, roles=level.roles)
        return replace(one, told={**one.told, level.level: at.now})

    def _said_by_now(self, at: Clock, level: Escalation) -> "Receipt":
        """The word under way; said anew where every channel has refused it, or there was none."""
        from canary_cli.alerts import Alert, Fate, Severity

        key = (at.incident.id, level.level)
        when, receipt = self._said.get(key, (at.now, None))
        is_lost = receipt is not None and all(one.fate is Fate.FAILED for one in receipt.deliveries)
        if receipt is None or (is_lost and at.now - when >= SAY_AGAIN):
            receipt = self._world.alerts.send(Alert(words(at, level), Severity.CRITICAL, CONDITION, at.incident.id))
            self._said[key] = (at.now, receipt)
        return receipt


def words(at: Clock, level: Escalation) -> str:
    minutes = at.age / timedelta(minutes=1)
    return (
        f"{at.incident.id} is {at.incident.state} for {minutes:.0f} min ({at.incident.cause}). "
        f"{at.called(level)}. canary ack --incident {at.incident.id} --by NAME"
    )


def tell_closed(world: World, one: Incident) -> None:
    """The page ends with the incident."""
    from canary_cli.alerts import Alert, Severity

    words = f"{one.id} closed by {one.closed_by}: {one.reason or one.root_cause or 'kept'}"
    world.alerts.send(Alert(words, Severity.INFO, CONDITION, one.id, resolves=True))
