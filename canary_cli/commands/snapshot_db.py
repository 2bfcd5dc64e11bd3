"""`canary snapshot-db`"""

from canary_cli.bootstrap import open_world
from canary_cli.commands import options
from canary_cli.errors import Result


def command(account: options.Account = None, as_json: options.Json = False) -> Result:
    """Back the account's ledger up into backups/, with a manifest that proves it.

    SQLite is copied by its backup API, MySQL and MariaDB by the server's own dumper. Ends with 8 when it fails, and
    then leaves no file behind.
    """
    from canary_cli.render import database, output
    from canary_cli.steps.snapshot_db import backups_folder, snapshot_db

    world = open_world(account)
    output.announce(world.account)
    with database.progress("dumping") as progress:
        manifest = snapshot_db(world, progress)
    return database.show_snapshot(manifest, backups_folder(world), as_json=as_json)
