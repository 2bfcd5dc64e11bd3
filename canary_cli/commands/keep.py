"""`canary keep`"""

import asyncio
from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why the run goes on.")],
    incident: Annotated[str, typer.Option(help="Default: the one that waits for a decision.")] = "",
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Decide against a rollback while its decision clock runs: the run goes on, and the incident is closed."""
    from canary_cli.bootstrap import open_world
    from canary_cli.render import output
    from canary_cli.steps.incident_verbs import run_keep

    world = open_world(account, keyless=True)
    output.announce(world.account)
    return asyncio.run(run_keep(world, incident, by, reason, as_json=as_json))
