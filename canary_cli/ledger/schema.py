"""Brings a database to this version's tables (Alembic), and refuses one that is newer."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, Inspector, inspect, text

from canary_cli.errors import DatabaseError
from canary_cli.ledger.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"


def upgrade(engine: Engine) -> None:
    """Make or migrate the tables. Raises DatabaseError where a newer canary wrote them."""
    with engine.connect() as connection:
        present = revision(connection)
        foreign = [] if present else _not_ours(connection)
    if present == HEAD:
        return
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise DatabaseError(f"the ledger has revision {present}, newer than {HEAD}", "use the canary that wrote it")
    if foreign:
        raise DatabaseError(f"the database holds a table {foreign[0]} that is not canary's", "name an empty database")
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def revision(connection: Connection) -> str | None:
    """The schema revision a database is at; None where it holds no ledger."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def missing_table(connection: Connection, prefix: str = "") -> str:
    """A table that a whole ledger has and this one has not, by its own name; empty where none is missing."""
    present = set(inspect(connection).get_table_names())
    return next((name for name in metadata.tables if prefix + name not in present), "")


def _not_ours(connection: Connection) -> list[str]:
    """Tables with our names and other columns. Ours may be there: a migration cut short left them."""
    present = inspect(connection)
    shared = [table for name, table in metadata.tables.items() if present.has_table(name)]
    return [table.name for table in shared if _columns(present, table.name) != set(table.columns.keys())]


def _columns(present: Inspector, table: str) -> set[str]:
    return {column["name"] for column in present.get_columns(table)}


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
