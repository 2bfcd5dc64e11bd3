"""`canary verify-db`"""

from pathlib import Path
from typing import Annotated

import typer

from canary_cli.bootstrap import open_world
from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    backup: Annotated[Path | None, typer.Option(help="Backup to compare with its manifest. Default: newest.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the exchange for its positions.")] = False,
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Check the ledger table by table, against the journal, its newest backup, and the exchange's positions.

    Lines of the journal the ledger has not seen are applied first. Ends with PASS (0) or FAIL (8).
    """
    from canary_cli.render import database, output
    from canary_cli.steps.verify_db import ask_positions, verify_db

    world = open_world(account)
    output.announce(world.account)
    integrity = verify_db(world, backup, None if offline else lambda: ask_positions(world))
    return database.show_integrity(integrity, as_json=as_json)
