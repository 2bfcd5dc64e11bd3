"""The one way a value is held against a limit, so that every boundary means the same everywhere."""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
)


def holds(value: Decimal | None, op: str, limit: Decimal) -> bool:
    """Whether `value op limit`. A value that is missing or no finite number holds against nothing."""
    return value is not None and value.is_finite() and OPERATORS[op](value, limit)
