"""The paper exchange as a server: start it, ask it, stop it."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from canary_cli.errors import Result

group = typer.Typer(help="The paper exchange: Binance USD-M futures on loopback, for rehearsals and any client.")
Named = Annotated[str, typer.Option("--account", help="Name it is registered and found by.")]


def say(text: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(text)
    sys.stdout.flush()


@group.command()
def serve(
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one.")] = 8899,
    speed: Annotated[float, typer.Option(help="Plan seconds a wall second.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Equal seeds give equal markets and faults.")] = None,
    start: Annotated[str, typer.Option(help="ISO instant (UTC) or now.")] = "now",
    market_data: Annotated[Path | None, typer.Option(help="Replay recorded klines from this folder.")] = None,
    pairs: Annotated[str, typer.Option(help="BTCUSDT,ETHUSDT,…; left out: all.")] = "",
    scenario: Annotated[str | None, typer.Option(help="A shipped scenario, or a .toml file.")] = None,
    account: Named = "paper",
    balance: Annotated[str, typer.Option(help="USDT in the wallet.")] = "10000",
    idle_after: Annotated[float, typer.Option(help="End so many seconds after the last client; 0 never.")] = 600.0,
    detached: Annotated[bool, typer.Option(help="Ignore the terminal's signals.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON once it listens.")] = False,
) -> Result:
    """Run the exchange until it is stopped or idle."""
    from canary_cli.accounts import PAPER_KEY, PAPER_SECRET, find_home, registry_path
    from canary_cli.paper import launch
    from canary_cli.paper.notice import announce

    request = launch.Request(
        PAPER_KEY, PAPER_SECRET, port, speed, seed, launch.parse_start(start), market_data, launch.symbols_of(pairs),
        scenario, account, launch.parse_balance(balance), idle_after, registry_path(find_home(), account), detached,
    )  # fmt: skip
    return Result(asyncio.run(launch.serve(request, lambda entry: say(announce(entry, as_json=as_json)))).upper())


@group.command()
def status(account: Named = "paper", as_json: Annotated[bool, typer.Option("--json")] = False) -> Result:
    """What the exchange holds, and its clock."""
    from canary_cli.accounts import find_home, registry_path
    from canary_cli.paper.notice import ask, describe

    say(describe(ask(registry_path(find_home(), account), "GET", "status"), as_json=as_json))
    return Result("RUNNING")


@group.command()
def stop(account: Named = "paper") -> Result:
    """End the exchange; what is open on it is gone with it."""
    from canary_cli.accounts import find_home, registry_path
    from canary_cli.paper.notice import ask

    ask(registry_path(find_home(), account), "POST", "stop")
    return Result("STOPPED")
