"""The first look at an account that is to be closed: what can be had at once, and not a moment longer."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from canary_cli.bootstrap import World
from canary_cli.core.model import AccountSnapshot, SymbolRules
from canary_cli.errors import CanaryError, ConfigurationError, ExchangeUnreachable, ExitCode

T = TypeVar("T")

PATIENCE = 2.0
"""Wall seconds to wait for what would only make the first wave better: a first reading, the filters."""


class NotClosed(CanaryError):
    """Nothing can be closed from here at all."""

    slug = "not-closed"
    exit_code = ExitCode.INCOMPLETE


async def look(world: World, patience: float = PATIENCE) -> tuple[AccountSnapshot | None, Mapping[str, SymbolRules]]:
    """What the exchange says at once of the account and its filters; what it does not say is done without."""
    try:
        known, rules = await asyncio.gather(
            _soon(world.exchange.still_open(), None, patience),
            _soon(world.exchange.rules(), dict[str, SymbolRules](), patience),
        )
    except (ExchangeUnreachable, ConfigurationError) as error:
        raise NotClosed(
            f"NOBODY IS CLOSING: {error.message}", f"{error.hint}; or close by hand in the exchange's own app"
        ) from None
    return known, rules


async def _soon(question: Awaitable[T], otherwise: T, patience: float) -> T:
    """Raises ExchangeUnreachable only where the key itself is refused: asking again would not help."""
    try:
        async with asyncio.timeout(patience):
            return await question
    except TimeoutError:
        return otherwise
    except ExchangeUnreachable as error:
        if error.slug == "key-refused":
            raise
        return otherwise
