"""Every kind of field survives JSON without loss, and nothing else is taken for a value."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.codec import decode, encode
from canary_cli.core.model import Side


class Level(NamedTuple):
    price: Decimal
    time: datetime


@dataclass(frozen=True)
class Everything:
    money: Decimal
    side: Side | None
    when: datetime
    wait: timedelta
    pair: tuple[int, str]
    many: tuple[float, ...]
    level: Level


MONEY = st.decimals(allow_nan=False, allow_infinity=False)
TIMES = st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(
        Everything,
        MONEY,
        st.sampled_from([*Side, None]),
        TIMES,
        st.timedeltas(timedelta(), timedelta(days=9)),
        st.tuples(st.integers(), st.text()),
        st.lists(st.floats(allow_nan=False), max_size=5).map(tuple),
        st.builds(Level, MONEY, TIMES),
    )
)
def test_every_kind_of_field_comes_back(value: Everything) -> None:
    assert decode(Everything, json.loads(json.dumps(encode(value)))) == value


@pytest.mark.parametrize("data", [{}, {"price": "1"}, [], ["1"], ["1", "yesterday"], ["much", "2025-01-01"], None])
def test_other_data_is_no_value(data: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode(Level, data)


@dataclass(frozen=True)
class Grown:
    name: str
    latency_ms: float | None = None


def test_a_field_that_is_younger_than_the_data_has_its_default() -> None:
    assert decode(Grown, {"name": "fill"}) == Grown("fill")
    with pytest.raises(KeyError, match="name"):
        decode(Grown, {"latency_ms": 4.0})
