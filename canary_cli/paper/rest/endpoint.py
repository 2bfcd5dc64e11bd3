"""What an endpoint is, and the table of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from canary_cli.paper.params import Params
from canary_cli.paper.security import Key, Security
from canary_cli.paper.state import State
from canary_cli.paper.venue import Venue


@dataclass(frozen=True, slots=True)
class Call:
    """One accepted request: who asks (None for public endpoints), what, and of which exchange."""

    venue: Venue
    params: Params
    key: Key | None = None

    @property
    def state(self) -> State:
        return self.venue.engine.state

    def symbol(self) -> str:
        """The mandatory symbol, known to the exchange."""
        symbol = self.params.need("symbol").upper()
        self.state.listing(symbol)
        return symbol

    def maybe_symbol(self) -> str | None:
        return self.symbol() if "symbol" in self.params else None


Handler = Callable[[Call], Any]
Weight = Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`orders`: how much it counts on the 10-second and the one-minute order limit."""

    handler: Handler
    security: Security
    weight: Weight
    orders: tuple[int, int] = (0, 0)


ENDPOINTS: dict[tuple[str, str], Endpoint] = {}


def endpoint(
    method: str, path: str, security: Security, weight: int | Weight = 1, orders: tuple[int, int] = (0, 0)
) -> Callable[[Handler], Handler]:
    """Register a handler. `weight` may depend on the parameters."""
    weigh: Weight = weight if callable(weight) else lambda _: weight

    def register(handler: Handler) -> Handler:
        ENDPOINTS[method, path] = Endpoint(handler, security, weigh, orders)
        return handler

    return register


def by_symbol(one: int, every: int) -> Weight:
    """A weight for one symbol and another for all."""
    return lambda params: one if "symbol" in params else every
