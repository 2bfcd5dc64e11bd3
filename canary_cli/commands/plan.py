"""`canary plan check`, `canary plan show`: read-only."""

from pathlib import Path
from typing import Annotated

import typer

from canary_cli.commands.options import Json
from canary_cli.errors import DONE, Result

File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Plan to read (default: runbooks/golive.toml).")]

group = typer.Typer(rich_markup_mode=None)


@group.command()
def check(file: File = None, as_json: Json = False) -> Result:
    """Prove a plan whole: every number, phase, gate and threshold. Ends with 78 and one line for each problem.

    Without FILE the rollback and the contacts beside the shipped plan are proved too.
    """
    from canary_cli.render import plan as render
    from canary_cli.steps import plan as step

    render.show_checked(step.check(file), as_json=as_json)
    return Result("PLAN_OK")


@group.command()
def show(
    file: File = None,
    start: Annotated[str, typer.Option(help="When it starts, such as 2026-02-22T10:00Z (default: the plan's).")] = "",
    equity: Annotated[str, typer.Option(help="Account equity in USDT that money is worked out for.")] = "10000",
    as_json: Json = False,
) -> Result:
    """Show a plan with its clock times, its gates and thresholds, the most it may lose, and what its probes cost."""
    from canary_cli.core.clock import SystemClock
    from canary_cli.render import plan as render
    from canary_cli.steps import plan as step

    render.show(step.show(file, start, equity, SystemClock().now()), as_json=as_json)
    return DONE
