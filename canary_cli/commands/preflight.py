"""`canary preflight`"""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from canary_cli.bootstrap import World, open_world
from canary_cli.commands import options
from canary_cli.errors import Result
from canary_cli.steps.preflight.finding import Report


class Format(StrEnum):
    TABLE = "table"
    NAGIOS = "nagios"


def command(
    plan: Annotated[Path | None, typer.Option(help="Plan to check. Default: runbooks/golive.toml.")] = None,
    shape: Annotated[
        Format, typer.Option("--format", help="nagios: one line, and exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.")
    ] = Format.TABLE,
    textfile: Annotated[Path | None, typer.Option(help="Also write Prometheus metrics into this file.")] = None,
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Every go/no-go check at once, with what was seen and what to do about it.

    Ends with GO (0), NO-GO (3), or 7 when the exchange gave no answer. Nothing is changed at the exchange.
    """
    from canary_cli.monitor.textfile import write_gauges
    from canary_cli.render import output
    from canary_cli.render import preflight as render

    try:
        world = open_world(account)
        output.announce(world.account)
        report = asyncio.run(_look(world, plan or world.home / "runbooks" / "golive.toml"))
        if textfile:
            write_gauges(textfile, render.gauges(report))
    except Exception as error:
        if shape is not Format.NAGIOS:
            raise
        return render.show_nagios_failure(error)
    if shape is Format.NAGIOS:
        return render.show_nagios(report)
    return render.show_json(report) if as_json else render.show(report)


async def _look(world: World, plan: Path) -> Report:
    from canary_cli.steps.preflight import preflight

    async with world:
        return await preflight(world, plan)
