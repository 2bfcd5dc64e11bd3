"""Which store a ledger's URL means."""

from pydantic import SecretStr

from canary_cli.ledger.backups.server import ServerStore
from canary_cli.ledger.backups.sqlite import SqliteStore
from canary_cli.ledger.backups.store import Store
from canary_cli.ledger.engine import parse_url


def open_store(url: SecretStr | str) -> Store:
    """The store of a ledger's URL."""
    address = parse_url(url.get_secret_value() if isinstance(url, SecretStr) else url)
    return SqliteStore(address) if address.get_backend_name() == "sqlite" else ServerStore(address)
