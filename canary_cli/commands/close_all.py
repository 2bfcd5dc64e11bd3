"""`canary close-all`, alias `flatten`."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from canary_cli.bootstrap import open_world
from canary_cli.commands import options
from canary_cli.core.trading.flatten import Style
from canary_cli.errors import Result, UsageError


class Format(StrEnum):
    TEXT = "text"
    NAGIOS = "nagios"


def command(
    style: Annotated[
        Style, typer.Option("--type", help="How to close: market, or limits at the band's edge.")
    ] = Style.MARKET,
    timeout: Annotated[float, typer.Option(min=1.0, help="Seconds before this command ends; closing goes on.")] = 60.0,
    account: options.Account = None,
    reason: options.Reason = "",
    dry_run: options.DryRun = False,
    shape: Annotated[
        Format, typer.Option("--format", help="With --dry-run: nagios, one line for monitoring.")
    ] = Format.TEXT,
    recheck: Annotated[bool, typer.Option(help="Look again at +2, +10 and +60 s, in a process of its own.")] = True,
    as_json: options.Json = False,
    sweep: Annotated[bool, typer.Option("--sweep", hidden=True)] = False,
    after_flat: Annotated[bool, typer.Option("--after-flat", hidden=True)] = False,
    unlatched: Annotated[bool, typer.Option("--unlatched", hidden=True)] = False,
    only: Annotated[str | None, typer.Option("--only", hidden=True)] = None,
) -> Result:
    """Close every position and cancel every order of the account, at once and verified; no entries afterwards.

    Never asks. Ends with 0 when the exchange, asked twice, says flat; with 6 and the list of what is left when the
    time is up, while a process it names goes on closing.
    """
    from canary_cli.steps.close_all import CloseRequest
    from canary_cli.steps.closing import run_close, run_dry, run_nagios, run_sweep
    from canary_cli.steps.latching import operator

    request = CloseRequest(operator(), style, timeout, recheck=recheck, reason=reason)
    if shape is Format.NAGIOS:
        if not dry_run:
            raise UsageError("--format nagios proves the way and closes nothing: it wants --dry-run", "add --dry-run")
        return asyncio.run(run_nagios(account, request))
    world = open_world(account, keyless=True)
    if sweep:
        return asyncio.run(run_sweep(world, only, after_flat=after_flat, unlatched=unlatched))
    if dry_run:
        return asyncio.run(run_dry(world, request, as_json=as_json))
    return asyncio.run(run_close(world, request, as_json=as_json))
