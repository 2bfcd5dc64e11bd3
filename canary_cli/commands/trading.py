"""`canary trading disable|enable|status`, and `canary stop`."""

import asyncio
from typing import Annotated

import typer

from canary_cli.bootstrap import open_world
from canary_cli.commands import options
from canary_cli.errors import Result, UsageError

group = typer.Typer()

By = Annotated[str, typer.Option(help="Who decides. Required to enable.")]
Reason = Annotated[str, typer.Option(help="Why. Required to enable.")]


@group.command("disable")
def command(account: options.Account = None, by: By = "", reason: Reason = "", as_json: options.Json = False) -> Result:
    """No entries from now on, whatever runs or restarts; exits still pass. Never asks; a reason is welcome."""
    from canary_cli.steps.disabling import run_disable

    return run_disable(open_world(account, keyless=True), by, reason, as_json=as_json)


@group.command()
def enable(
    account: options.Account = None,
    by: By = "",
    reason: Reason = "",
    confirm: Annotated[str, typer.Option(help="The account's name, instead of being asked for it.")] = "",
    as_json: options.Json = False,
) -> Result:
    """Let trading begin again: reads the exchange, lists every latch it clears and what triggers hold, wants a name."""
    from canary_cli.steps.switching import run_enable

    if not by.strip() or not reason.strip():
        raise UsageError("trading enable wants --by and --reason", "who decides, and why: both are kept in the journal")
    return asyncio.run(run_enable(open_world(account), by, reason, confirm, as_json=as_json))


@group.command()
def status(account: options.Account = None, as_json: options.Json = False) -> Result:
    """Who stopped trading, why and since when. Asks the disk only."""
    from canary_cli.steps.switching import run_status

    return run_status(open_world(account, keyless=True), as_json=as_json)
