"""`canary capture-logs`"""

from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    incident: Annotated[str, typer.Option(help="Whose evidence it is. Default: the one that is unresolved.")] = "",
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Copy the last 500 lines of execution.log, risk_guard.log and binance_api.log, secrets masked, into evidence."""
    from canary_cli.bootstrap import open_world
    from canary_cli.render import output
    from canary_cli.steps.incident_verbs import run_capture

    world = open_world(account, keyless=True)
    output.announce(world.account)
    return run_capture(world, incident, as_json=as_json)
