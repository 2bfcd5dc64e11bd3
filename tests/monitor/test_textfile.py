"""Metrics of a verb that ends, as node_exporter picks them up."""

from pathlib import Path

import pytest

from canary_cli.errors import ConfigurationError
from canary_cli.monitor.textfile import Gauge, write_gauges

GAUGES = [
    Gauge("canary_go", "Whether to go.", ("account",), {('de"sk',): 1.0}),
    Gauge("canary_up", "Up.", (), {(): 2.0}),
]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "canary.prom"
    path.write_text("old")
    write_gauges(path, GAUGES)
    lines = path.read_text().splitlines()
    assert 'canary_go{account="de\\"sk"} 1.0' in lines
    assert "canary_up 2.0" in lines
    assert [child.name for child in tmp_path.iterdir()] == ["canary.prom"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        write_gauges(tmp_path / "nowhere" / "canary.prom", GAUGES)
