"""Figures of a verb that ends, written for node_exporter's textfile collector (`--collector.textfile.directory`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from canary_cli.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric with a value for each combination of its `labels`."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float] = field(default_factory=dict)


def write_gauges(path: Path, gauges: Sequence[Gauge]) -> None:
    """Replace `path` whole, so that the collector never reads half of it. Raises ConfigurationError where it cannot."""
    from prometheus_client import CollectorRegistry, write_to_textfile
    from prometheus_client import Gauge as Metric

    registry = CollectorRegistry()
    for gauge in gauges:
        metric = Metric(gauge.name, gauge.help, gauge.labels, registry=registry)
        for labels, value in gauge.values.items():
            (metric.labels(*labels) if gauge.labels else metric).set(value)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise ConfigurationError(
            f"--textfile {path}: {error.strerror}", "name a file in a folder that exists"
        ) from None
