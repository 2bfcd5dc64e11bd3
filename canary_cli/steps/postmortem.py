"""Writes an incident's post-mortem from the journal; again and again, until a person has written into it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from canary_cli.accounts import Account
from canary_cli.bootstrap import World
from canary_cli.errors import UsageError
from canary_cli.journal.files import replace_file
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry
from canary_cli.render.postmortem import postmortem
from canary_cli.steps.committing import commit_files
from canary_cli.steps.plan import rollback_to_run
from canary_cli.steps.story import Story, runs_of, tell

_SEAL = re.compile(r"<!-- as written by canary: ([0-9a-f]{12}) -->\n$")


@dataclass(frozen=True, slots=True)
class Written:
    """`kept` means a person has edited the document, and it was left as it is. `commit` is empty without --commit."""

    incident: str
    run_id: str
    path: Path
    kept: bool
    commit: str = ""


def write_postmortem(
    account: Account, incident: str = "", run_id: str = "", *, commit: bool = False, told: Sequence[Entry] = ()
) -> Written:
    """Write `logs/incidents/<incident>/post-mortem.md` for the incident, the run, or the newest rollback.

    `told` are the journal's first lines, where they have been read already.
    Raises UsageError when the journal holds no such thing, Refused and NotCommitted as `commit_files` does.
    """
    story = find((*told, *read(account.log_dir, after_seq=told[-1].seq if told else 0)), incident, run_id)
    name = incident or story.incident or _unnamed(story)
    path = incident_folder(account, name) / "post-mortem.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = _is_edited(path)
    if not kept:
        tree = rollback_to_run(account.home)[0].tree
        replace_file(path, sealed(postmortem(story, name, tree)).encode())
    message = f"Post-mortem of {name}: {story.rollback.cause if story.rollback else story.outcome}"
    return Written(name, story.run_id, path, kept, commit_files(account, [path], message) if commit else "")


def draft(world: World, incident: str, told: Sequence[Entry] = ()) -> Path:
    """The post-mortem of an incident, as far as the journal tells it by now."""
    return write_postmortem(world.account, incident, told=told).path


def incident_folder(account: Account, incident: str) -> Path:
    return account.home / "logs" / "incidents" / incident


def find(entries: Iterable[Entry], incident: str = "", run_id: str = "") -> Story:
    """The newest run that fits; without either name, the newest that was rolled back or has an incident."""
    stories = [tell(run) for run in runs_of(entries)]
    fitting = [story for story in stories if _fits(story, incident, run_id)]
    if fitting:
        return fitting[-1]
    wanted = f"incident {incident}" if incident else f"run {run_id}" if run_id else "incident"
    known = ", ".join(story.incident or story.run_id for story in stories if _fits(story, "", ""))
    raise UsageError(f"the journal holds no {wanted}{f' (known: {known})' if known else ''}", "canary incidents")


def _fits(story: Story, incident: str, run_id: str) -> bool:
    if run_id and story.run_id != run_id:
        return False
    if incident:
        return any(entry.data.get("incident") == incident for entry in story.all("incident_opened"))
    return bool(run_id) or bool(story.incident) or story.rollback is not None


def sealed(text: str) -> str:
    """The text with a last line by which a later run sees whether anybody has changed it."""
    return f"{text}\n<!-- as written by canary: {_sum(text)} -->\n"


def _is_edited(path: Path) -> bool:
    if not path.exists():
        return False
    content = path.read_text()
    seal = _SEAL.search(content)
    return seal is None or seal[1] != _sum(content[: seal.start() - 1])


def _sum(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _unnamed(story: Story) -> str:
    """A name for what nobody opened an incident for: the day of it, and the run."""
    at = story.rollback.tripped if story.rollback else story.until
    return f"CB-{at:%Y-%m%d}-{story.run_id[-4:] or '000'}"
