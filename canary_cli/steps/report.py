"""Writes a run's completion report from its journal."""

from dataclasses import dataclass
from pathlib import Path

from canary_cli.accounts import Account
from canary_cli.errors import UsageError
from canary_cli.journal.reader import read
from canary_cli.render.report import build, write
from canary_cli.steps.committing import commit_files


@dataclass(frozen=True, slots=True)
class Written:
    """`sentence` says why the verdict is what it is."""

    run_id: str
    verdict: str
    sentence: str
    path: Path
    commit: str = ""


def write_report(account: Account, run_id: str = "", *, commit: bool = False) -> Written:
    """Write `logs/runs/<run>/report.md` and what belongs to it.

    Raises UsageError when the journal holds no such run, Refused and NotCommitted as `commit_files` does.
    """
    try:
        report = build(tuple(read(account.log_dir)), run_id=run_id or None)
    except ValueError:
        raise UsageError(
            f"the journal of {account.name} holds no run {run_id}".rstrip(), "canary run --rehearse makes one"
        ) from None
    path = write(report, account.home / "logs" / "runs" / report.story.run_id)
    message = f"Report of run {report.story.run_id}: {report.verdict}"
    committed = commit_files(account, sorted(path.parent.iterdir()), message) if commit else ""
    return Written(report.story.run_id, report.verdict, report.sentence, path, committed)
