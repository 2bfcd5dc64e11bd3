"""Is anybody there? Asked before anything is loaded to speak with them."""

import socket
from urllib.parse import urlsplit

from canary_cli.errors import ExchangeUnreachable

_PORTS = {"https": 443, "http": 80}


def knock(url: str, patience: float) -> None:
    """Open a connection and close it again. Raises ExchangeUnreachable where none opens within `patience` seconds."""
    where = urlsplit(url)
    try:
        socket.create_connection((where.hostname, where.port or _PORTS[where.scheme]), timeout=patience).close()
    except OSError as error:
        raise ExchangeUnreachable(f"{url}: cannot connect: {error.strerror or error}") from None
