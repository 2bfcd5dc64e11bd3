"""`canary approve`: a person's yes to the next size."""

from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    phase: Annotated[int, typer.Option(min=1, help="The phase whose gate is approved.")],
    by: Annotated[str, typer.Option(help="Who approves; kept in the journal.")],
    account: options.Account = None,
    confirm: Annotated[str, typer.Option(help="The account's name, instead of being asked for it.")] = "",
) -> Result:
    """Approve leaving a phase for the next size, where the plan asks for it. Bound to the run and its plan."""
    from canary_cli.bootstrap import open_world
    from canary_cli.render import output
    from canary_cli.render.asking import confirm_account
    from canary_cli.steps.approving import approve

    world = open_world(account)
    output.announce(world.account)
    confirm_account(world.account.name, confirm, f"approve gate {phase}")
    run_id = approve(world, phase, by)
    output.line(f"gate {phase} of run {run_id} approved by {by}")
    return Result("APPROVED")
