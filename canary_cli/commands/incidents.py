"""`canary incidents`"""

import asyncio
from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.core.policy.rollback import Cause
from canary_cli.errors import Result


def command(
    account: options.Account = None,
    close: Annotated[str, typer.Option(help="Close this incident, CB-2026-0222-001.")] = "",
    cause: Annotated[Cause | None, typer.Option(case_sensitive=False, help="With --close: the root cause.")] = None,
    by: Annotated[str, typer.Option(help="With --close: who closes it.")] = "",
    reviewed_by: Annotated[str, typer.Option(help="With --close: who reviewed it; due after a loss of 2 %.")] = "",
    reason: Annotated[str, typer.Option(help="With --close: what was found.")] = "",
    as_json: options.Json = False,
) -> Result:
    """Every incident, its age, who must be told by now, and what the decision tree says; or close one.

    No run starts while an incident is unresolved, nor after a loss of 2 % or more that nobody has reviewed. A review
    may follow later: --close the incident again with --reviewed-by.
    """
    from canary_cli.bootstrap import open_world
    from canary_cli.errors import UsageError
    from canary_cli.render import output
    from canary_cli.steps.incident_verbs import run_close, run_list

    if close and not by:
        raise UsageError("--close wants --by", "who closes it is kept in the journal")
    if not close and (cause or by or reviewed_by or reason):
        raise UsageError("--cause, --by, --reviewed-by and --reason belong to --close", "add --close INCIDENT")
    world = open_world(account, keyless=True)
    output.announce(world.account)
    if close:
        asyncio.run(run_close(world, close, by, cause, reviewed_by, reason))
    return run_list(world, as_json=as_json)
