"""Asking a person for the account's name before something dangerous; never where nobody sits."""

import sys

from canary_cli.errors import Refused
from canary_cli.render import output


def confirm_account(name: str, given: str, what: str) -> None:
    """Raises Refused unless the account's name was given, as `--confirm` or on a terminal. `what` ends "to ...:"."""
    if not given and sys.stdin.isatty():
        output.notice(f"type the account's name ({name}) to {what}:")
        given = sys.stdin.readline().strip()
    if given != name:
        said = f"{given!r} is not the account's name" if given else "not confirmed"
        raise Refused(f"{said}: nothing was done", f"add --confirm {name}")
