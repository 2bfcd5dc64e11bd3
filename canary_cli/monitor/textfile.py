"""Figures for Prometheus: of a verb that ends, in a file for node_exporter's textfile collector; else to be scraped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from canary_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric with a value for each combination of its `labels`."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float] = field(default_factory=dict)


def write_gauges(path: Path, gauges: Sequence[Gauge]) -> None:
    """Replace `path` whole, so that the collector never reads half of it. Raises ConfigurationError where it cannot."""
    from prometheus_client import write_to_textfile

    try:
        write_to_textfile(str(path), _registry(gauges))
    except OSError as error:
        raise ConfigurationError(
            f"--textfile {path}: {error.strerror}", "name a file in a folder that exists"
        ) from None


def exposition(gauges: Sequence[Gauge]) -> bytes:
    """The same figures as Prometheus scrapes them."""
    from prometheus_client import generate_latest

    return generate_latest(_registry(gauges))


def _registry(gauges: Sequence[Gauge]) -> "CollectorRegistry":
    from prometheus_client import CollectorRegistry
    from prometheus_client import Gauge as Metric

    registry = CollectorRegistry()
    for gauge in gauges:
        metric = Metric(gauge.name, gauge.help, gauge.labels, registry=registry)
        for labels, value in gauge.values.items():
            (metric.labels(*labels) if gauge.labels else metric).set(value)
    return registry
