"""`canary close PAIR`"""

import asyncio
from typing import Annotated

import typer

from canary_cli.bootstrap import open_world
from canary_cli.commands import options
from canary_cli.core.trading.flatten import Style
from canary_cli.errors import Result, UsageError


def command(
    pair: Annotated[str, typer.Argument(help="Pair to close, e.g. BTCUSDT.")],
    style: Annotated[
        Style, typer.Option("--type", help="How to close: market, or limits at the band's edge.")
    ] = Style.MARKET,
    timeout: Annotated[float, typer.Option(min=1.0, help="Seconds before this command ends; closing goes on.")] = 60.0,
    account: options.Account = None,
    reason: options.Reason = "",
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> Result:
    """Close one pair: its position, its orders and its stops. Other pairs trade on; nothing is latched. Never asks."""
    from canary_cli.steps.close_all import CloseRequest
    from canary_cli.steps.closing import run_close, run_dry
    from canary_cli.steps.latching import operator

    if not pair.isalnum():
        raise UsageError(f"{pair!r} is no pair", "write it as BTCUSDT; everything at once: canary close-all")
    request = CloseRequest(operator(), style, timeout, only=pair.upper(), reason=reason)
    world = open_world(account, keyless=True)
    if dry_run:
        return asyncio.run(run_dry(world, request, as_json=as_json))
    return asyncio.run(run_close(world, request, as_json=as_json))
