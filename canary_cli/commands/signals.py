"""`canary signals`, `canary signals stats`, `canary signals parity`: read-only."""

from pathlib import Path
from typing import Annotated

import typer

from canary_cli.commands.options import Account, Json
from canary_cli.errors import DONE, Result

Data = Annotated[
    Path | None, typer.Option("--market-data", envvar="CANARY_MARKET_DATA", help="Folder of klines files.")
]
DecisionFrame = Annotated[str, typer.Option("--frame", help="Candles decided on: 15m or 1h.")]

group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@group.callback()
def why(
    context: typer.Context,
    pair: Annotated[str, typer.Option(help="Symbol, such as BTCUSDT.")] = "",
    at: Annotated[str, typer.Option(help="The last bar closed by then, such as 2025-02-03T01:00Z.")] = "",
    market_data: Data = None,
    plot: Annotated[Path | None, typer.Option(help="Draw candles, structure and prices into this SVG file.")] = None,
    tick: Annotated[str, typer.Option(help="Price tick (default: as the prices show it).")] = "",
    frame: DecisionFrame = "15m",
    as_json: Json = False,
) -> Result | None:
    """Why one closed bar of a pair gave a signal, or why not. Reads candles from files; asks and changes nothing."""
    if context.invoked_subcommand:
        return None
    from canary_cli.render import signal_plot
    from canary_cli.render import signals as render
    from canary_cli.steps import signals as step

    question = step.question(market_data, pair, at, tick, frame)
    explanation = step.explain(question)
    if plot:
        signal_plot.plot(explanation, plot)
    render.show_explanation(explanation, question.settings, as_json=as_json)
    return DONE


@group.command()
def stats(market_data: Data = None, frame: DecisionFrame = "15m", as_json: Json = False) -> Result:
    """Count the signals of every pair in a folder: rate, confidence, confluence, alignment, reasons of refusal."""
    from canary_cli.render import signal_statistics as render
    from canary_cli.steps.klines import find_windows
    from canary_cli.steps.signal_statistics import statistics
    from canary_cli.steps.signals import data_folder, settings_for

    folder, settings = data_folder(market_data), settings_for(frame)
    windows = find_windows(folder, settings.decision_frame)
    every = render.counted(statistics(folder, windows, settings), len(windows))
    render.show_statistics(every, as_json=as_json)
    return DONE


@group.command("parity")
def check_parity(
    run: Annotated[str, typer.Option(help="The run whose decisions are compared.")],
    account: Account = None,
    as_json: Json = False,
) -> Result:
    """Compare a run's recorded decisions with the batch engine on the exchange's own candles."""
    import asyncio

    from canary_cli.bootstrap import open_world
    from canary_cli.render import output
    from canary_cli.render import signals as render
    from canary_cli.steps.parity import compare_run, result

    world = open_world(account)
    output.announce(world.account)
    found = asyncio.run(compare_run(world, run))
    render.show_parity(found, result(found), as_json=as_json)
    return result(found)
