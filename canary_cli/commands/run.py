"""`canary run`: the whole plan on its schedule."""

from pathlib import Path
from typing import Annotated

import typer

from canary_cli.accounts import find_home
from canary_cli.commands import options
from canary_cli.commands.options import Faults
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
    in_process: Annotated[bool, typer.Option("--in-process", help="Rehearsal: simulate, in virtual time.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="In process: so many seeds, from --seed (default 1) on.")] = 1,
    faults: Annotated[Faults, typer.Option(help="In process: what goes wrong.")] = Faults.NONE,
    marks: Annotated[int, typer.Option(help="In process: seconds between marks, 1 or 10.")] = 10,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over what the exchange holds, with stops.")] = False,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close it instead, if our fills do not explain it.")
    ] = False,
    as_json: options.Json = False,
) -> Result:
    """Run the whole plan: gate 0, phases at 10, 50 and 100 %, their gates, hand-off; roll back when something is wrong.

    Ctrl-C once stops in order and leaves the stops resting; twice leaves at once. A run that was cut short goes on
    where it was when typed again.
    """
    import asyncio

    from canary_cli.render import output
    from canary_cli.render.screen import open_screen
    from canary_cli.steps.plan import stock
    from canary_cli.steps.rehearsal import RehearsalRequest
    from canary_cli.steps.run import Difference
    from canary_cli.steps.runner import RunRequest, run

    if rehearse and plan is None and stock(home := find_home()):
        output.notice(f"{home} had no runbooks: those shipped are in {home / 'runbooks'} now")
    if adopt and flatten:
        raise UsageError("--adopt and --flatten exclude each other", "choose one")
    difference = Difference.ADOPT if adopt else Difference.FLATTEN if flatten else Difference.ASK
    instant = options.instant_of(start)
    if (in_process, seeds, faults, marks) != (False, 1, Faults.NONE, 10):
        from canary_cli.render import simulate

        if not (rehearse and in_process) or market_data:
            raise UsageError("a simulation is: --rehearse --in-process, on a synthetic market", "canary run --help")
        wanted = simulate.SimulationRequest(plan, scenario, seed, seeds, faults is Faults.RANDOM, marks, instant)
        return simulate.show(wanted, as_json=as_json)
    if not rehearse and (market_data or seed is not None or scenario != "calm"):
        raise UsageError("--scenario, --seed and --market-data belong to a rehearsal", "add --rehearse")
    rehearsal = RehearsalRequest(speed, seed, scenario, market_data, instant, ()) if rehearse else None
    with open_screen(as_json=as_json) as screen:
        return asyncio.run(run(RunRequest(account, plan, rehearsal, instant, difference=difference), screen))
