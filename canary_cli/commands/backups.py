"""`canary backups`"""

from typing import Annotated

import typer

from canary_cli.bootstrap import open_world
from canary_cli.commands import options
from canary_cli.errors import Result

group = typer.Typer(rich_markup_mode=None)


@group.command("list")
def list_(account: options.Account = None, as_json: options.Json = False) -> Result:
    """The account's backups, newest first."""
    from canary_cli.render import database, output
    from canary_cli.steps.backups import list_backups

    world = open_world(account)
    output.announce(world.account)
    return database.show_backups(list_backups(world), as_json=as_json)


@group.command()
def verify(account: options.Account = None, as_json: options.Json = False) -> Result:
    """Compare every backup with its manifest. Ends with 8 when one is not what it says."""
    from canary_cli.render import database, output
    from canary_cli.steps.backups import verify_backups

    world = open_world(account)
    output.announce(world.account)
    return database.show_shelved(verify_backups(world), as_json=as_json)


@group.command()
def prune(
    keep_last: Annotated[int, typer.Option(min=1, help="Keep so many of the newest.")] = 3,
    keep_hourly: Annotated[int, typer.Option(min=0, help="Keep the newest of so many hours.")] = 24,
    keep_daily: Annotated[int, typer.Option(min=0, help="Keep the newest of so many days.")] = 7,
    keep_weekly: Annotated[int, typer.Option(min=0, help="Keep the newest of so many weeks.")] = 4,
    account: options.Account = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> Result:
    """Remove the backups that no rule keeps. Files without manifest are left alone."""
    from canary_cli.ledger.backups.shelf import Retention
    from canary_cli.render import database, output
    from canary_cli.steps.backups import prune_backups

    world = open_world(account)
    output.announce(world.account)
    pruned = prune_backups(world, Retention(keep_last, keep_hourly, keep_daily, keep_weekly), dry_run=dry_run)
    return database.show_pruned(pruned, dry_run=dry_run, as_json=as_json)
