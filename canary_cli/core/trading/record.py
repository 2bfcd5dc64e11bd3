"""Facts as the journal holds them, and back."""

from collections.abc import Mapping
from typing import Any, get_args

from canary_cli.core.codec import decode, encode
from canary_cli.core.trading.facts import Fact

_KINDS: dict[str, type] = {kind.event: kind for kind in get_args(Fact)}


def to_data(fact: Fact) -> dict[str, Any]:
    """The fact's own fields, as JSON has them: Decimals and times as strings."""
    data: dict[str, Any] = encode(fact)
    return data


def from_data(event: str, data: Mapping[str, Any]) -> Fact | None:
    """The fact a journal line tells of; None for lines that change no session's state."""
    kind = _KINDS.get(event)
    fact: Fact | None = decode(kind, data) if kind else None
    return fact
