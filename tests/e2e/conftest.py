"""One home a story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.house import House, a_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from a_house(tmp_path)
