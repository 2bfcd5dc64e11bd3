"""Whose hand an order on the account is, by its client id. A session's own orders begin with its prefix."""

KILL = "KILL-"
"""Of a closing of the whole account, here or on another host: a session that sees one latches."""

CLOSE = "CLOSE-"
"""Of `canary close PAIR`: a person took one pair off, the session trades on."""

FORCED = ("autoclose-", "adl_autoclose", "settlement_autoclose-", "delivery_autoclose-")
"""Of the exchange itself, where it closes a position by force."""


def closing_prefix(run: str, only: str | None) -> str:
    """What the client ids of one closing begin with; `only` is the pair it is limited to."""
    return f"{CLOSE if only else KILL}{run}-"


def is_closing(client_id: str) -> bool:
    return client_id.startswith((KILL, CLOSE))
