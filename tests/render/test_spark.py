"""Curves in text lose no dip."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from canary_cli.render import spark


def test_drawdown_is_percent_below_the_running_maximum() -> None:
    assert spark.drawdowns([Decimal(100), Decimal(110), Decimal(99), Decimal(120)]) == [0.0, 0.0, -10.0, 0.0]


@given(st.lists(st.floats(-10, 0), min_size=1, max_size=500), st.integers(1, 80))
def test_resampling_keeps_the_lowest_point(values: list[float], points: int) -> None:
    kept = spark.resample(values, points)
    assert len(kept) <= max(points, 1)
    assert min(kept) == min(values)


@given(st.lists(st.floats(-10, 1), min_size=1, max_size=300), st.integers(2, 60), st.integers(1, 6))
def test_a_curve_fills_exactly_its_box(values: list[float], width: int, rows: int) -> None:
    drawn = spark.curve(values, width, rows, -3.0, 0.0)
    assert [len(row) for row in drawn] == [width] * rows
    assert all(char == " " or 0x2800 < ord(char) <= 0x28FF for row in drawn for char in row)


def test_deeper_is_lower() -> None:
    top, bottom = spark.curve([0.0, 0.0, -2.9, -2.9], 2, 2, -3.0, 0.0)
    assert top[0] == "⠉"
    assert bottom[1] != " "
    assert spark.ascii_curve([0.0, -3.0], 2, -3.0, 0.0) == " @"
