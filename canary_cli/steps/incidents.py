"""Incidents, as the journal tells them: opened by a rollback, a watchdog or a decision clock, closed by a person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from canary_cli.accounts import Account
from canary_cli.bootstrap import World
from canary_cli.core.policy.rollback import Cause, DecisionTree, Restart, decide
from canary_cli.errors import Refused, UsageError
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry, Record


class State(StrEnum):
    OPEN = "OPEN"  # exposure may remain, or a decision is awaited
    STABLE = "STABLE"  # verified flat; cause and review still to come
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Incident:
    """`cause` is what set it off, `root_cause` what a person found. `trigger` is set while a decision clock runs.

    `acks` says who acknowledged which level, `told` when a channel last took each level's word; `done` are the pieces
    of a rollback that was cut short. `pnl_pct` is of starting equity, None where it is not known. `is_corrupted` stays
    until a restore, or a verify-db that finds no damage. `needs_review` is what the decision tree said, None where
    nobody asked it.
    """

    id: str
    run_id: str
    cause: str
    opened: datetime
    state: State = State.OPEN
    trigger: str = ""
    rolled_back: bool = False
    pnl: Decimal | None = None
    pnl_pct: Decimal | None = None
    is_corrupted: bool = False
    root_cause: Cause | None = None
    needs_review: bool | None = None
    reviewed_by: str = ""
    closed_by: str = ""
    reason: str = ""
    acks: Mapping[int, str] = field(default_factory=dict)
    told: Mapping[int, datetime] = field(default_factory=dict)
    done: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_unresolved(self) -> bool:
        return self.state is not State.CLOSED

    @property
    def is_reviewed(self) -> bool:
        """By another person than the one who closed it."""
        return bool(self.reviewed_by) and not same_person(self.reviewed_by, self.closed_by)

    def next_command(self, account: str) -> str:
        """To paste; what else there is to say stands behind the shell's comment sign."""
        on = f"--account {account}"
        if not self.is_unresolved:
            return f"canary incidents --close {self.id} --by NAME --reviewed-by NAME {on}    # not who closed it"
        if self.trigger and not self.rolled_back:
            return f"canary keep --incident {self.id} --by NAME --reason WHY {on}    # or canary rollback {on}"
        if self.state is State.OPEN:
            return f"canary rollback {on}"
        return f"canary incidents --close {self.id} --cause code --by NAME {on}    # or infra, or market"

    def age(self, now: datetime) -> timedelta:
        """Plan time, as all of the schedule."""
        return max(now - self.opened, timedelta())


TOLD_BY = ("incident_opened", "incident_updated", "step_finished")
"""The journal's events that tell of incidents."""


def incidents_of(entries: Iterable[Entry]) -> tuple[Incident, ...]:
    """Every incident, oldest first."""
    found: dict[str, Incident] = {}
    for entry in entries:
        fold(found, entry)
    return tuple(found.values())


def fold(found: dict[str, Incident], entry: Entry) -> None:
    """Take one more line of the journal in."""
    name = entry.data.get("incident")
    if entry.event not in TOLD_BY or not name:
        return
    known = found.get(name)
    if known is None:
        told = str(entry.data.get("cause", ""))
        known = Incident(name, str(entry.data.get("run", entry.run_id)), told, entry.timestamp)
    found[name] = _moved(known, entry)


def _moved(one: Incident, entry: Entry) -> Incident:
    data = entry.data
    if entry.event == "step_finished":
        return replace(one, done={**one.done, data["step"]: data["detail"]}) if data["outcome"] == "DONE" else one
    changes: dict[str, Any] = {name: data[name] for name in _PLAIN if data.get(name) is not None}
    changes |= {name: make(data[name]) for name, make in _MADE.items() if data.get(name) is not None}
    if data.get("decision") is not None:
        changes["needs_review"] = bool(data["decision"]["needs_review"])
    if "missing" in data:  # a rollback came to its end: another one begins from the beginning
        changes |= {"done": {}, "rolled_back": one.rolled_back or data.get("rolled_back", True)}
    if "acked" in data:
        changes["acks"] = {**one.acks, int(data["acked"]): str(data["by"])}
    if "told" in data:
        changes["told"] = {**one.told, int(data["told"]): entry.timestamp}
    return replace(one, **changes)


_PLAIN = ("trigger", "rolled_back", "is_corrupted", "reviewed_by", "closed_by", "reason")
_MADE = {"state": State, "root_cause": Cause, "pnl": Decimal, "pnl_pct": Decimal}


def unresolved(known: Sequence[Incident]) -> Incident | None:
    """The newest incident that nobody has closed."""
    return next((one for one in reversed(known) if one.is_unresolved), None)


def of_account(account: Account) -> tuple[Incident, ...]:
    return incidents_of(read(account.log_dir, events=TOLD_BY))


def same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def answer(one: Incident, tree: DecisionTree) -> Restart:
    """What the decision tree says of it."""
    return decide(tree, one.pnl_pct, one.root_cause, is_corrupted=one.is_corrupted)


def obstacle(incidents: Iterable[Incident], tree: DecisionTree, account: str) -> tuple[str, str]:
    """Why no run may start and the command that comes next, empty where none stands in the way.

    What the decision tree answered is obeyed.
    """
    found = ((_unsettled(one, tree), one) for one in incidents)
    return next(((why, _way_out(one, account)) for why, one in found if why), ("", ""))


def _way_out(one: Incident, account: str) -> str:
    if one.is_corrupted and not one.is_unresolved:
        return f"canary verify-db --account {account}"
    return one.next_command(account)


def _unsettled(one: Incident, tree: DecisionTree) -> str:
    if one.is_unresolved:
        return f"{one.id} is {one.state}: {one.cause}"
    if one.is_corrupted:
        return f"{one.id} found the database corrupted, and nothing was restored since"
    needs_review = answer(one, tree).needs_review if one.needs_review is None else one.needs_review
    if one.rolled_back and needs_review and not one.is_reviewed:
        lost = "P&L not known" if one.pnl_pct is None else f"P&L {one.pnl_pct:.2f} %"
        return f"{one.id} is not reviewed ({lost}; a second person is due at {tree.review_below} % or worse)"
    return ""


# What people and programs do with them


def new_incident(world: World, cause: str, run_id: str, actor: str, **more: Any) -> str:
    """Open one: CB-YYYY-MMDD-NNN, the next number of the day among all accounts of this home, and its folder."""
    folder = world.home / "logs" / "incidents"
    day = f"CB-{world.clock.now():%Y-%m%d}-"
    number = 1 + max((int(path.name[-3:]) for path in folder.glob(f"{day}[0-9][0-9][0-9]")), default=0)
    while not _made(folder / f"{day}{number:03d}"):
        number += 1
    name = f"{day}{number:03d}"
    data = {"incident": name, "cause": cause, "run": run_id, **more}
    world.journal.append(Record("incident_opened", run_id=run_id, actor=actor, reason=cause, data=data))
    return name


def _made(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return False
    return True


def update(world: World, one: Incident, actor: str, **more: Any) -> None:
    """Write down what changed. Raises OSError where the journal cannot be written."""
    data = {"incident": one.id, **more}
    why = str(more.get("reason", ""))
    world.journal.append(Record("incident_updated", run_id=one.run_id, actor=actor, reason=why, data=data))


def pick(account: Account, name: str) -> Incident:
    """The incident named, or the newest unresolved one. Raises UsageError where there is none."""
    known = of_account(account)
    fitting = [one for one in known if (one.id == name if name else one.is_unresolved)]
    if not fitting:
        ids = f" (known: {', '.join(one.id for one in known)})" if known else ""
        raise UsageError(f"{account.name} has no incident {name or 'that is unresolved'}{ids}", "canary incidents")
    return fitting[-1]


def keep(world: World, name: str, by: str, reason: str) -> Incident:
    """Decide against the rollback whose decision clock runs. The running session sees the line in the journal.

    Raises UsageError for an unknown incident, Refused where no decision is awaited.
    """
    one = pick(world.account, name)
    if not one.is_unresolved or not one.trigger or one.rolled_back:
        raise Refused(f"{one.id} waits for no decision: it is {one.state}", "canary incidents")
    update(world, one, by, keep=one.trigger, state=State.CLOSED, closed_by=by, reason=reason)
    return replace(one, state=State.CLOSED, closed_by=by, reason=reason)


def close(world: World, name: str, by: str, cause: Cause | None, reviewed_by: str, reason: str) -> Incident:
    """Close it with the cause that was found; gate 0 obeys what the decision tree says of it.

    Whoever closed it first stays its closer: another person may add the review later. Raises UsageError where it has no
    cause, Refused while it is not verified flat, or where the closer is to review it.
    """
    one, on = pick(world.account, name), f"--account {world.account.name}"
    found = cause or one.root_cause
    if found is None:
        raise UsageError(f"{one.id} has no cause yet", f"canary incidents --close {one.id} --cause code --by {by} {on}")
    if one.state is State.OPEN:
        raise Refused(f"{one.id} is OPEN: nobody has verified that the account is flat", f"canary rollback {on}")
    closer = one.closed_by or by
    if reviewed_by and same_person(reviewed_by, closer):
        raise Refused(
            f"{one.id} is closed by {closer}: another person reviews it",
            replace(one, state=State.CLOSED).next_command(world.account.name),
        )
    said = {"reviewed_by": reviewed_by, "reason": reason}
    given = {name: value for name, value in said.items() if value}
    update(world, one, by, state=State.CLOSED, root_cause=found, closed_by=closer, **given)
    return pick(world.account, one.id)


def note_sound(world: World, by: str) -> None:
    """The ledger holds no damage any more: incidents that had found some need no restore."""
    for one in of_account(world.account):
        if one.is_corrupted:
            update(world, one, by, is_corrupted=False)
