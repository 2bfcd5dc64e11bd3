"""`canary restore-db`"""

from pathlib import Path
from typing import Annotated

import typer

from canary_cli.bootstrap import open_world
from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    backup: Annotated[Path | None, typer.Option(help="A backup, or any plain mysqldump file.")] = None,
    timestamp: Annotated[str, typer.Option(help="The newest backup up to then: 22FEV-1000 (UTC) or RFC 3339.")] = "",
    from_journal: Annotated[bool, typer.Option("--from-journal", help="Make every row anew, without backup.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Bring back what the last restore put away.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check tables and invariants before the swap.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds; past it nothing is changed (exit 124).")] = 3600,
    into: Annotated[str, typer.Option(help="Another database's URL; its password comes from DB_PASS.")] = "",
    with_open_positions: Annotated[bool, typer.Option("--with-open-positions", help="Insist; do not look.")] = False,
    confirm: Annotated[str, typer.Option(help="The account's name, instead of being asked for it.")] = "",
    account: options.Account = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> Result:
    """Put a backup in the ledger's place; by default the newest that is what its manifest says.

    It is loaded beside the live tables, swapped in at one stroke and carried forward from the journal; trading stays
    latched until it is enabled by hand. A restore that fails or is cut leaves the live ledger as it was.
    """
    from canary_cli.render import asking, database, output
    from canary_cli.steps.latching import operator
    from canary_cli.steps.restore_db import choose_source, plan_restore, restore_db
    from canary_cli.steps.verify_db import ask_positions

    world = open_world(account)
    output.announce(world.account)
    request = choose_source(
        world, backup, timestamp, from_journal=from_journal, undo=undo, into=into,
        verify=verify, seconds=timeout, with_open_positions=with_open_positions,
    )  # fmt: skip
    plan = plan_restore(world, request)
    database.show_plan(plan)
    if dry_run:
        return database.show_dry_run(plan, as_json=as_json)
    asking.confirm_account(world.account.name, confirm, "restore its ledger")
    with database.progress("restoring") as bar:
        say = database.timed(world.clock.monotonic, bar, quiet=as_json)
        restored = restore_db(world, plan, operator(), say, lambda: ask_positions(world), bar)
    return database.show_restored(restored, world.account.name, as_json=as_json)
