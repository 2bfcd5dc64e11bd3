"""Who must be told of an incident by now: the clock of `runbooks/rollback.toml`, with the people of `contacts.toml`."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from canary_cli.alerts import Alert, Severity
from canary_cli.bootstrap import World
from canary_cli.core.policy.contacts import Contact
from canary_cli.core.policy.rollback import Escalation, Rollback, escalation, to_tell
from canary_cli.errors import PlanError
from canary_cli.steps import incidents
from canary_cli.steps.incidents import Incident
from canary_cli.steps.plan import load_contacts, load_rollback

CONDITION = "rollback"
"""What a page about an incident is filed under, from the first word to the last."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One incident on the escalation clock. `now` is plan time."""

    incident: Incident
    plan: Rollback
    contacts: tuple[Contact, ...]
    now: datetime

    @property
    def age(self) -> timedelta:
        return self.incident.age(self.now)

    @property
    def level(self) -> Escalation:
        return escalation(self.plan, self.age)

    def people(self, level: Escalation) -> str:
        """`Dev @dev, Ops @elo`; a role that nobody holds stays a role."""
        return ", ".join(_reached(role, self.contacts) for role in level.roles)


def _reached(role: str, contacts: Iterable[Contact]) -> str:
    return next((f"{role} {one.slack}" for one in contacts if one.role == role), role)


def clock_of(world: World, name: str) -> Clock | None:
    """The incident's clock; None where it is closed or unknown, or the runbook cannot be read."""
    found = next((one for one in incidents.of_account(world.account) if one.id == name), None)
    try:
        return clock(world, found) if found is not None and found.is_unresolved else None
    except PlanError:
        return None


def clock(world: World, one: Incident) -> Clock:
    """Raises PlanError where `rollback.toml` or `contacts.toml` cannot be read."""
    return Clock(one, load_rollback(world.home), load_contacts(world.home), world.clock.now())


def tell_due(world: World, at: Clock) -> Incident:
    """Tell the level that is due, if one is; returns the incident as it is told of now."""
    one = at.incident
    since = {level: at.now - when for level, when in one.told.items()}
    level = to_tell(at.plan, at.age, since, one.acks)
    if level is None:
        return one
    world.alerts.send(Alert(words(at, level), Severity.CRITICAL, CONDITION, one.id))
    with suppress(OSError):  # said is said
        incidents.update(world, one, "escalation", told=level.level, roles=level.roles)
    return replace(one, told={**one.told, level.level: at.now})


def words(at: Clock, level: Escalation) -> str:
    minutes = at.age / timedelta(minutes=1)
    return (
        f"{at.incident.id} is {at.incident.state} for {minutes:.0f} min ({at.incident.cause}). {at.people(level)}: "
        f"{level.decision}. canary ack --incident {at.incident.id} --by NAME"
    )


def tell_closed(world: World, one: Incident) -> None:
    """The page ends with the incident."""
    words = f"{one.id} closed by {one.closed_by}: {one.reason or one.root_cause or 'kept'}"
    world.alerts.send(Alert(words, Severity.INFO, CONDITION, one.id, resolves=True))
