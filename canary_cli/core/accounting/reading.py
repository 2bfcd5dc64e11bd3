"""A measured figure with what it was measured on: the only thing gates and triggers ever look at."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """`value` None means unmeasured. `n` counts the samples behind it; `population` and `window` say which ones.

    `pair` is there where the metric is measured pair by pair.
    """

    metric: str
    value: Decimal | None
    n: int
    population: str
    window: str
    pair: str = ""
