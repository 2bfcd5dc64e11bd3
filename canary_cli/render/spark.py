"""Small curves in text: braille dots where the terminal has them, levels of ASCII where not."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille character, by row from the top and by column (Unicode block U+2800)."""

_LEVELS = " .:-=+*#%@"


def drawdowns(series: Sequence[Decimal]) -> list[float]:
    """Percent below the running maximum, never positive."""
    found, peak = [], Decimal(0)
    for equity in series:
        peak = max(peak, equity)
        found.append(float((equity - peak) / peak * 100) if peak > 0 else 0.0)
    return found


def curve(values: Sequence[float], width: int, rows: int, low: float, high: float) -> list[str]:
    """`rows` lines of `width` characters with the curve; what lies outside low..high is drawn at the rim."""
    points = resample(values, width * 2)
    cells = [[0] * width for _ in range(rows)]
    previous: int | None = None
    for column, value in enumerate(points):
        level = _level(value, low, high, rows * 4)
        first, last = sorted((level, level if previous is None else previous))
        for dot in range(first, last + 1):
            cells[dot // 4][column // 2] |= _DOTS[dot % 4][column % 2]
        previous = level
    return ["".join(chr(0x2800 + cell) if cell else " " for cell in row) for row in cells]


def ascii_curve(values: Sequence[float], width: int, low: float, high: float) -> str:
    """One line: the darker the character, the nearer to `low`."""
    steps = len(_LEVELS)
    return "".join(_LEVELS[_level(value, low, high, steps)] for value in resample(values, width))


def resample(values: Sequence[float], points: int) -> list[float]:
    """At most `points` values; each keeps the lowest of those it stands for, so that no dip is lost."""
    if len(values) <= points:
        return list(values)
    edges = [round(index * len(values) / points) for index in range(points + 1)]
    return [min(values[start:end]) for start, end in pairwise(edges)]


def _level(value: float, low: float, high: float, steps: int) -> int:
    """0 is the top."""
    share = (high - value) / (high - low)
    return min(max(int(share * steps), 0), steps - 1)
