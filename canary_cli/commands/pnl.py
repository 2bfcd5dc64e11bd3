"""`canary pnl`: read-only."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import DONE, Result, UsageError

if TYPE_CHECKING:
    from canary_cli.bootstrap import World
    from canary_cli.steps.pnl import Report


def command(
    start: Annotated[
        str, typer.Option("--from", help="deploymentstart, or an instant such as 2026-02-22T10:00Z.")
    ] = "deploymentstart",
    end: Annotated[str, typer.Option("--to", help="now, or an instant.")] = "now",
    account: options.Account = None,
    as_json: options.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One line for each round trip on stdout instead.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw equity and drawdown into this SVG or PNG file.")] = None,
) -> Result:
    """What was won and lost, from our fills, with fees, funding, slippage and drawdown, beside the exchange's books.

    Goes on without the database or the exchange, and says what is missing then.
    """
    from canary_cli.bootstrap import open_world
    from canary_cli.render import output
    from canary_cli.render import pnl as render

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", "choose one")
    world = open_world(account)
    output.announce(world.account)
    report = asyncio.run(_report(world, start, end))
    if plot:
        from canary_cli.render.pnl_plot import plot as draw

        draw(report, plot)
        output.notice(f"drawn: {plot}")
    if as_csv:
        render.show_csv(report)
    else:
        render.show(report, as_json=as_json)
    return DONE if not report.missing else Result("INCOMPLETE_DATA")


async def _report(world: "World", start: str, end: str) -> "Report":
    from canary_cli.steps import pnl as step

    async with world:
        return await step.report(world, step.request(world, start, end))
