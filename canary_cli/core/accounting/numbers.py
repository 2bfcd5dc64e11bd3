"""Figures that may be missing: what is no finite number is `None`, so that nothing can take it for one."""

from collections.abc import Sequence
from decimal import Decimal


def finite(value: Decimal | float | None) -> Decimal | None:
    """`value` as an exact Decimal; None for None, NaN and the infinities."""
    if value is None:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return exact if exact.is_finite() else None


def mean(values: Sequence[Decimal]) -> Decimal | None:
    return sum(values, Decimal(0)) / len(values) if values else None


def percentile(values: Sequence[Decimal], percent: int) -> Decimal | None:
    """The nearest-rank percentile: the smallest value that at least `percent` % of all values do not exceed."""
    if not values:
        return None
    rank = -(-percent * len(values) // 100)
    return sorted(values)[max(rank, 1) - 1]
