"""`canary ack`"""

import asyncio
from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    by: Annotated[str, typer.Option(help="Who has seen it.")],
    incident: Annotated[str, typer.Option(help="Default: the one that is unresolved.")] = "",
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Say that somebody has seen an incident: its present level is told no more. The next level still comes."""
    from canary_cli.bootstrap import open_world
    from canary_cli.render import output
    from canary_cli.steps.incident_verbs import run_ack

    world = open_world(account, keyless=True)
    output.announce(world.account)
    return asyncio.run(run_ack(world, incident, by, as_json=as_json))
