"""`canary run`: the whole plan on its schedule."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result, UsageError


def command(
    account: options.Account = None,
    plan: Annotated[Path | None, typer.Option(help="Plan to run (default: runbooks/golive.toml).")] = None,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Rehearse on a paper exchange of its own.")] = False,
    speed: Annotated[float, typer.Option(min=1.0, help="Rehearsal: plan time runs this many times as fast.")] = 120.0,
    scenario: Annotated[str, typer.Option(help="Rehearsal: calm, flash-crash, exchange-errors, or a file.")] = "calm",
    seed: Annotated[int | None, typer.Option(help="Rehearsal: seed of market and faults.")] = None,
    market_data: Annotated[Path | None, typer.Option(help="Rehearsal: folder of real klines to replay.")] = None,
    start: Annotated[str | None, typer.Option(help="Plan's first instant, e.g. 2026-02-22T10:00Z.")] = None,
    as_json: options.Json = False,
) -> Result:
    """Run the whole plan: gate 0, phases at 10, 50 and 100 %, their gates, hand-off; roll back when something is wrong.

    Ctrl-C once stops in order and leaves the stops resting; twice leaves at once. A run that was cut short goes on
    where it was when typed again.
    """
    import asyncio

    from canary_cli.render.screen import open_screen
    from canary_cli.steps.rehearsal import RehearsalRequest
    from canary_cli.steps.runner import RunRequest, run

    if not rehearse and (market_data or seed is not None or scenario != "calm"):
        raise UsageError("--scenario, --seed and --market-data belong to a rehearsal", "add --rehearse")
    instant = instant_of(start)
    rehearsal = RehearsalRequest(speed, seed, scenario, market_data, instant, ()) if rehearse else None
    with open_screen(as_json=as_json) as screen:
        return asyncio.run(run(RunRequest(account, plan, rehearsal, instant), screen))


def instant_of(text: str | None) -> datetime | None:
    """An aware instant. Raises UsageError for anything else: a naive time would be somebody's local time."""
    if text in (None, "now"):
        return None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        raise UsageError(f"--start {text} is no instant", "write it as 2026-02-22T10:00Z") from None
    if instant.tzinfo is None:
        raise UsageError(f"--start {text} names no time zone", f"write {text}Z for UTC")
    return instant
