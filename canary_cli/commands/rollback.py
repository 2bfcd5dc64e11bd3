"""`canary rollback`: take it off again, with proof."""

from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.core.policy.rollback import Cause
from canary_cli.errors import ExitCode, Result


def command(
    account: options.Account = None,
    reason: Annotated[str, typer.Option(help="Why; goes into the incident.")] = "typed by hand",
    cause: Annotated[
        Cause | None, typer.Option(case_sensitive=False, help="The root cause, where it is known by now.")
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="Restore the ledger too, from before the incident.")
    ] = False,
    stage: Annotated[
        int | None, typer.Option(min=1, max=4, help="Only this: 1 stop, 2 investigate, 3 restore, 4 post-mortem.")
    ] = None,
    as_json: options.Json = False,
) -> Result:
    """Latch, close everything, verify flat, gather the evidence and draft the post-mortem. From any state; never asks.

    Ends with 0 when the exchange, asked again, said flat; with 6 when exposure may remain. Ctrl-C and SIGTERM hand the
    closing to a process of its own, which is named, and leave the evidence for later. Typed again it joins the
    incident that is open, and does what is left where it was cut short.
    """
    import asyncio

    from canary_cli.bootstrap import open_world
    from canary_cli.render.flatten import show_progress
    from canary_cli.render.rollback import show_rollback
    from canary_cli.render.screen import open_screen
    from canary_cli.steps.interrupting import heard
    from canary_cli.steps.latching import operator
    from canary_cli.steps.rollback.sequence import roll_back
    from canary_cli.steps.rollback.state import RESTORE, Rollback, RollbackRequest

    world = open_world(account, keyless=True)
    request = RollbackRequest(reason, operator(), cause, restore or stage == RESTORE, stage)
    with open_screen(as_json=as_json, live=False) as screen:
        screen.announce(world.account)

        async def work() -> Rollback:
            async with world:
                with heard() as interruption:
                    return await roll_back(world, request, screen.checkpoint, show_progress, interruption)

        rollback = asyncio.run(work())
    is_flat = rollback.result.code is ExitCode.ROLLED_BACK
    result = Result("ROLLED_BACK") if is_flat else rollback.result
    show_rollback(rollback, result, world.account.name, as_json=as_json)
    return result
