"""Where a market's candles come from: drawn from a seed, or read from recorded data."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from canary_cli.paper.market.bars import Integers, Layer
from canary_cli.paper.market.depth import Side
from canary_cli.paper.market.model import Listing
from canary_cli.paper.market.pairs import Character

FUNDING_SECONDS = 8 * 3600

Books = Callable[[str, int], tuple[Side, Side] | None]


class Source(Protocol):
    """Candles and funding rates of some pairs, the same whenever they are asked for. Times are epoch seconds."""

    @property
    def seed(self) -> int: ...

    @property
    def origin(self) -> int:
        """The instant from which the seed's randomness counts time."""
        ...

    @property
    def listings(self) -> Mapping[str, Listing]: ...

    @property
    def characters(self) -> Mapping[str, Character]: ...

    @property
    def end(self) -> int | None:
        """Where recorded minutes end; None where they never do."""
        ...

    def path(self, symbol: str, start: int, end: int, grid: int) -> tuple[Integers, Integers]:
        """Last prices (ticks) and volumes (steps) each `grid` seconds of [start, end), both whole minutes."""
        ...

    @property
    def books(self) -> Books | None:
        """Recorded bids and asks of a pair at a second, None for a second without; None where none are recorded."""
        ...

    def history(self, symbol: str, until: int) -> Sequence[Layer]:
        """Candles that closed by `until`, finest layer first; the first one is of minutes, if only of none."""
        ...

    def funding_rate(self, symbol: str, time: int) -> float:
        """The rate paid at a funding time."""
        ...

    def funding_since(self, symbol: str) -> int:
        """The first funding time known."""
        ...
