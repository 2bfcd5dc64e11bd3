"""A run in four charts, as SVG that is the same byte for byte for the same run, so that git shows only real change."""

import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from canary_cli.steps.story import PROBES, Story

INK, QUIET, GOOD, WARNING, BAD = "#1f2933", "#9aa5b1", "#2f855a", "#b7791f", "#c53030"

_STYLE: dict[str, Any] = {
    "svg.hashsalt": "canary",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "timezone": "UTC",
}


def draw(story: Story) -> dict[str, bytes]:
    """File name to SVG. A chart with nothing to show is left out, and the report says so."""
    drawn = {
        "equity.svg": _equity(story) if story.equity else None,
        "drawdown.svg": _drawdown(story) if story.equity else None,
        "latency.svg": _latency(story) if story.latencies else None,
        "timeline.svg": _timeline(story) if story.phases else None,
    }
    return {name: content for name, content in drawn.items() if content is not None}


def _equity(story: Story) -> bytes:
    times = _days(point.time for point in story.equity)

    def paint(axes: Axes) -> None:
        axes.plot(times, [float(point.peak) for point in story.equity], color=QUIET, lw=1, ls="--", label="peak")
        axes.plot(times, [float(point.equity) for point in story.equity], color=INK, lw=1.4, label="equity")
        axes.legend(frameon=False, loc="best")

    return _svg(story, "Equity, USDT", paint)


def _drawdown(story: Story) -> bytes:
    times = _days(point.time for point in story.equity)
    values = [-abs(float(point.drawdown_pct)) for point in story.equity]
    limits = _limits(story, "drawdown")

    def paint(axes: Axes) -> None:
        axes.fill_between(times, values, 0, color=INK, alpha=0.12, lw=0)
        axes.plot(times, values, color=INK, lw=1.4)
        _draw_limits(axes, limits, "%")
        axes.set_ylim(min([*limits.values(), *values]) * 1.1, 0.1)

    return _svg(story, "Drawdown from the peak, %", paint)


def _latency(story: Story) -> bytes:
    def paint(axes: Axes) -> None:
        for label, colour, points in (
            ("strategy orders", INK, [one for one in story.latencies if one.purpose not in PROBES]),
            ("probes", QUIET, [one for one in story.latencies if one.purpose in PROBES]),
        ):
            if points:
                axes.scatter(
                    _days(p.time for p in points), [p.milliseconds for p in points], s=12, color=colour, label=label
                )
        _draw_limits(axes, _near(_limits(story, "latency"), max(one.milliseconds for one in story.latencies)), "ms")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="upper right", ncols=2)

    return _svg(story, "Order latency, decision to acknowledgement, ms", paint)


def _near(limits: Mapping[str, float], worst: float) -> dict[str, float]:
    """What was passed, and the next: a limit far above all orders would press them flat."""
    passed = sum(worst > limit for limit in limits.values())
    return dict(list(limits.items())[: passed + 1])


def _timeline(story: Story) -> bytes:
    def paint(axes: Axes) -> None:
        for phase in story.phases:
            left, right = _days((phase.entered, phase.left or story.until))
            size = float(phase.fraction) * 100
            axes.fill_between([left, right], size, color=INK, alpha=0.15, lw=0)
            axes.plot([left, right], [size, size], color=INK, lw=1.6)
            axes.annotate(f"{phase.number} {phase.name}", (left, size), (4, 4), textcoords="offset points")
        for gate in story.gates:
            axes.axvline(_day(gate.at), color=_COLOURS.get(gate.verdict, BAD), lw=1.2)
        if story.rollback is not None:
            axes.axvline(_day(story.rollback.tripped), color=BAD, lw=2)
            axes.annotate(
                "rollback", (_day(story.rollback.tripped), 108), (-46, 0), textcoords="offset points", color=BAD
            )
        axes.set_ylim(0, 118)

    return _svg(story, "Size, % of normal; verticals are gates", paint, height=2.0)


_COLOURS: Mapping[str, str] = {
    "PASS": GOOD,
    "GO": GOOD,
    "WARNING": WARNING,
    "INCONCLUSIVE": WARNING,
    "gate": GOOD,
    "warning": WARNING,
    "pre-trip": WARNING,
}
"""Of verdicts and limits; what is not named is bad."""


def _limits(story: Story, metric: str) -> dict[str, float]:
    """By name, the mildest first, as the plan of the run had them; empty where its journal does not say."""
    return {name: float(limit) for name, limit in story.header.get("limits", {}).get(metric, {}).items()}


def _draw_limits(axes: Axes, limits: Mapping[str, float], unit: str) -> None:
    for name, level in limits.items():
        colour, label = _COLOURS.get(name, BAD), f"{name} {level:g} {unit}"
        axes.axhline(level, color=colour, lw=1, ls="--")
        axes.annotate(label, (0, level), (4, 3), ("axes fraction", "data"), "offset points", color=colour)


def _svg(story: Story, title: str, paint: Any, height: float = 2.6) -> bytes:
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # the stub lists every key as a literal
        figure = Figure(figsize=(8, height), layout="constrained")
        axes = figure.subplots()
        paint(axes)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlim(_day(story.started), _day(story.until))
        ticks = AutoDateLocator(minticks=3, maxticks=12)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(ticks)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(ticks))  # type: ignore[no-untyped-call]
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def _day(moment: datetime) -> float:
    """Days since the epoch, as matplotlib counts them."""
    return float(date2num(moment))  # type: ignore[no-untyped-call]


def _days(moments: Iterable[datetime]) -> list[float]:
    return [_day(moment) for moment in moments]
