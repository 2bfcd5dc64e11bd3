"""Commits named files of evidence to git, by its own command. Never pushes, and never commits a secret."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from canary_cli.accounts import Account
from canary_cli.errors import CanaryError, ExitCode, Refused
from canary_cli.journal.crash import mask

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""sha256 digests look like secrets to the mask; a key of Binance is never in lower-case hexadecimal alone."""


class NotCommitted(CanaryError):
    """git would not."""

    slug = "not-committed"
    exit_code = ExitCode.REFUSED


def commit_files(account: Account, files: Sequence[Path], message: str) -> str:
    """Commit exactly these files and return the commit's short id; the newest one where nothing has changed.

    Raises Refused when a file holds a secret, NotCommitted when git fails. What else is staged stays staged.
    """
    for file in files:
        if holds_secret(file.read_text(errors="replace"), account):
            raise Refused(f"{file} holds a secret and was not committed", "take it out, then type the command again")
    names = [str(file) for file in files]
    folder = files[0].parent
    _git(folder, "add", "--force", "--", *names)
    if _git(folder, "status", "--porcelain", "--", *names):
        _git(folder, *_identity(folder), "commit", "--quiet", "--message", message, "--", *names)
    return _git(folder, "log", "-1", "--format=%h", "--", *names)


def holds_secret(text: str, account: Account) -> bool:
    """Whether the text holds the account's keys, a known secret's value, or something shaped like one."""
    keys = [key for key in (account.api_key, account.api_secret) if key]
    if any(key in text for key in keys):
        return True
    without_digests = _DIGEST.sub("(digest)", text)
    return mask(without_digests) != without_digests


def _identity(folder: Path) -> tuple[str, ...]:
    """Cron and service accounts have no name in git: they commit as the tool."""
    known = subprocess.run(["git", "-C", str(folder), "config", "user.email"], capture_output=True, check=False)
    return () if known.returncode == 0 else ("-c", "user.name=canary", "-c", "user.email=canary@localhost")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotCommitted(f"git: {error}", "commit the file by hand") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotCommitted(f"git {arguments[0]}: {said[-1] if said else done.returncode}", "commit the file by hand")
    return done.stdout.strip()


def head_of(folder: Path) -> str:
    """The commit checked out in `folder`; empty where there is none."""
    try:
        return _git(folder, "rev-parse", "--short", "HEAD").strip()
    except NotCommitted:
        return ""
