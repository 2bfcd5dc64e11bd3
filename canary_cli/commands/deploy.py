"""`canary deploy`: one phase of the plan."""

from pathlib import Path
from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    phase: Annotated[int, typer.Option(min=1, help="Number of the phase to run.")],
    account: options.Account = None,
    plan: Annotated[Path | None, typer.Option(help="Plan (default: runbooks/golive.toml).")] = None,
    as_json: options.Json = False,
) -> Result:
    """Run one phase: gate 0, session, watch, gate, verdict. PASS or WARNING ends with 0; positions keep their stops."""
    import asyncio

    from canary_cli.render.screen import open_screen
    from canary_cli.steps.runner import RunRequest, run

    with open_screen(as_json=as_json) as screen:
        return asyncio.run(run(RunRequest(account, plan, None, None, (phase,)), screen))
