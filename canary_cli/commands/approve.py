"""`canary approve`: a person's yes to a plan, to the next size, to what the last gate wants of people."""

from pathlib import Path
from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result, UsageError


def command(
    by: Annotated[str, typer.Option(help="Who approves; kept in the journal.")],
    start: Annotated[bool, typer.Option("--start", help="Approve going live with the plan, for 24 hours.")] = False,
    plan: Annotated[Path | None, typer.Option(help="With --start: the plan (default: runbooks/golive.toml).")] = None,
    phase: Annotated[int | None, typer.Option(min=1, help="Approve leaving this phase for the next size.")] = None,
    sign_off: Annotated[str, typer.Option(help="Answer for one of: crew briefed, board pinned, response ready.")] = "",
    account: options.Account = None,
    confirm: Annotated[str, typer.Option(help="The account's name, instead of being asked for it.")] = "",
) -> Result:
    """Say yes where a person must: to a plan's start, to the next size, to a sign-off of the last gate."""
    from canary_cli.bootstrap import open_world
    from canary_cli.render import output
    from canary_cli.render.asking import confirm_account
    from canary_cli.steps.approving import SignOff, approve_phase, approve_start
    from canary_cli.steps.approving import sign_off as signed

    if not by.strip():
        raise UsageError("approve wants a name", "--by NAME")
    if [start, phase is not None, bool(sign_off)].count(True) != 1:
        raise UsageError("approve one thing at a time", "one of --start, --phase 2, --sign-off 'crew briefed'")
    if sign_off and sign_off not in list(SignOff):
        raise UsageError(f"no sign-off is called {sign_off!r}", f"one of: {', '.join(SignOff)}")
    world = open_world(account)
    output.announce(world.account)
    confirm_account(world.account.name, confirm, "approve")
    if start:
        told = approve_start(world, plan, by)
    else:
        told = approve_phase(world, phase, by) if phase is not None else signed(world, SignOff(sign_off), by)
    output.line(f"{told} approved by {by}")
    return Result("APPROVED")
