"""Where a market's candles come from: drawn from a seed, or read from recorded data."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from canary_cli.paper.market.bars import Integers, Layer
from canary_cli.paper.market.model import Listing
from canary_cli.paper.market.pairs import Character

FUNDING_SECONDS = 8 * 3600


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

    def minutes(self, symbol: str, start: int, end: int) -> Integers:
        """One-minute candles that open in [start, end), both whole minutes at or after the start of `history`[0]."""
        ...

    def history(self, symbol: str, until: int) -> Sequence[Layer]:
        """Candles that closed by `until`, finest layer first; the first one is of minutes and reaches to `until`."""
        ...

    def funding_rate(self, symbol: str, time: int) -> float:
        """The rate paid at a funding time."""
        ...

    def funding_since(self, symbol: str) -> int:
        """The first funding time known."""
        ...
