"""The paper exchange as a server: start it, ask it, stop it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from canary_cli.errors import Result
from canary_cli.paper import notice

group = typer.Typer(help="The paper exchange: Binance USD-M futures on loopback, for rehearsals and any client.")
Named = Annotated[str, typer.Option("--account", help="Name it is registered and found by.")]


def _registry(account: str) -> Path:
    from canary_cli.accounts import find_home, registry_path

    return registry_path(find_home(), account)


@group.command()
def serve(
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one.")] = 8899,
    speed: Annotated[float, typer.Option(help="Plan seconds a wall second.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Equal seeds give equal markets and faults.")] = None,
    start: Annotated[str, typer.Option(help="ISO instant (UTC) or now.")] = "now",
    market_data: Annotated[
        Path | None, typer.Option(help="Replay recorded klines, or ticks, from this folder.")
    ] = None,
    pairs: Annotated[str, typer.Option(help="BTCUSDT,ETHUSDT,…; left out: all.")] = "",
    scenario: Annotated[str | None, typer.Option(help="A shipped scenario, or a .toml file.")] = None,
    account: Named = "paper",
    balance: Annotated[str, typer.Option(help="USDT in the wallet.")] = "10000",
    idle_after: Annotated[float, typer.Option(help="End so many seconds after the last client; 0 never.")] = 600.0,
    detached: Annotated[bool, typer.Option(help="Ignore the terminal's signals.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON once it listens.")] = False,
) -> Result:
    """Run the exchange until it is stopped or idle."""
    from canary_cli.accounts import PAPER_KEY, PAPER_SECRET
    from canary_cli.paper import launch

    request = launch.Request(
        PAPER_KEY, PAPER_SECRET, port, speed, seed, launch.parse_start(start), market_data, launch.symbols_of(pairs),
        scenario, account, launch.parse_balance(balance), idle_after, _registry(account), detached,
    )  # fmt: skip
    show = None if detached else notice.screen(as_json=as_json)
    ended = asyncio.run(launch.serve(request, notice.announcer(as_json=as_json), show))
    return Result(ended.upper())


@group.command()
def status(account: Named = "paper", as_json: Annotated[bool, typer.Option("--json")] = False) -> Result:
    """What the exchange holds, and its clock."""
    notice.say(notice.describe(notice.ask(_registry(account), "GET", "status"), as_json=as_json))
    return Result("RUNNING")


@group.command()
def stop(account: Named = "paper") -> Result:
    """End the exchange; what is open on it is gone with it."""
    notice.ask(_registry(account), "POST", "stop")
    return Result("STOPPED")
