"""Candles of one pair with what the structure saw in them, as SVG. The same input gives the same bytes."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from canary_cli.core.signals.bars import instant
from canary_cli.core.signals.model import FairValueGap, OrderBlock, Swing
from canary_cli.errors import UsageError
from canary_cli.steps.signals import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UP, DOWN, INK = "#2a7f62", "#b5413a", "#3b4252"
BLOCK, GAP = "#5b7db1", "#c9a227"
SIZE = (12, 6)


def plot(explanation: Explanation, path: Path) -> None:
    """Draw the last day's candles, swings, order blocks, fair value gaps, and the prices where there is a signal.

    Raises UsageError where the file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "canary", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        _draw_candles(axes, explanation)
        _draw_zones(axes, explanation)
        _draw_swings(axes, explanation)
        _draw_breaks(axes, explanation)
        _draw_signal(axes, explanation)
        _label(axes, explanation)
        try:
            figure.savefig(path, format=path.suffix.lstrip(".") or "svg", metadata={"Date": None})
        except (OSError, ValueError) as error:
            raise UsageError(f"--plot {path}: {error}", "name an .svg file in a folder that exists") from None


def _draw_candles(axes: "Axes", explanation: Explanation) -> None:
    bars = explanation.bars
    colours = [UP if close >= open_ else DOWN for open_, close in zip(bars.open, bars.close, strict=True)]
    places = range(len(bars))
    axes.vlines(places, bars.low, bars.high, colors=colours, linewidth=0.8)
    axes.bar(places, bars.close - bars.open, 0.7, bars.open, color=colours, linewidth=0)


def _draw_zones(axes: "Axes", explanation: Explanation) -> None:
    """Each zone from its own bar to the last at which it cast a vote."""
    places = _places(explanation)
    for zone, last in _lives(explanation):
        first = max(0, places.get(zone.time, 0))
        colour = BLOCK if isinstance(zone, OrderBlock) else GAP
        axes.fill_between((first - 0.5, last + 0.5), zone.low, zone.high, color=colour, alpha=0.25, linewidth=0)


def _lives(explanation: Explanation) -> Iterator[tuple[OrderBlock | FairValueGap, int]]:
    """Blocks and gaps that voted in the picture, with the number of the last bar at which they did."""
    last: dict[tuple[type, datetime], tuple[OrderBlock | FairValueGap, int]] = {}
    for number, evaluation in enumerate(explanation.recent):
        structure = evaluation.evidence.structure
        for zone in (structure.block, structure.gap):
            if zone is not None:
                last[type(zone), zone.time] = (zone, number)
    yield from last.values()


def _draw_swings(axes: "Axes", explanation: Explanation) -> None:
    places = _places(explanation)
    seen: set[Swing] = {swing for one in explanation.recent for swing in one.evidence.structure.swings}
    for swing in sorted(seen, key=lambda swing: (swing.time, swing.direction)):
        if swing.time in places:
            marker, offset = ("v", 1) if swing.direction > 0 else ("^", -1)
            reach = 0.012 * (explanation.bars.high.max() - explanation.bars.low.min()) * offset
            axes.plot(places[swing.time], swing.level + reach, marker, color=INK, markersize=5, zorder=3)


def _draw_breaks(axes: "Axes", explanation: Explanation) -> None:
    """The level that a close went through, up to the bar that did."""
    places = _places(explanation)
    breaks = {event.bar: event for one in explanation.recent if (event := one.evidence.structure.last_break)}
    for event in breaks.values():
        if event.time in places:
            place, side = places[event.time], "bottom" if event.direction > 0 else "top"
            start = max(-0.5, place - 6)
            axes.hlines(event.level, start, place, colors=INK, linewidth=0.8, linestyles="dotted")
            axes.text(start, event.level, event.kind.value, color=INK, va=side, fontsize=7)


def _draw_signal(axes: "Axes", explanation: Explanation) -> None:
    if (signal := explanation.signal) is None:
        return
    last = len(explanation.bars) - 1
    for name, price, colour in (
        ("entry", signal.entry, INK),
        ("stop", signal.stop, DOWN),
        ("target", signal.target, UP),
    ):
        axes.hlines(float(price), last - 8, last + 8, colors=colour, linewidth=1.4)
        axes.text(last + 8.5, float(price), f"{name} {price:f}", color=colour, va="center", fontsize=9)


def _label(axes: "Axes", explanation: Explanation) -> None:
    bars, evaluation = explanation.bars, explanation.evaluation
    ticks = range(0, len(bars), 12)
    axes.set_xticks(ticks, [f"{instant(int(bars.open_time[place])):%m-%d\n%H:%M}" for place in ticks], fontsize=8)
    axes.set_xlim(-1, len(bars) + (22 if explanation.signal else 1))
    for name, colour in (("order block", BLOCK), ("fair value gap", GAP)):
        axes.fill_between((), (), (), color=colour, alpha=0.25, linewidth=0, label=name)
    axes.plot((), (), "v", color=INK, markersize=5, label="swing")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8, frameon=False)
    outcome = f"signal {evaluation.direction}" if explanation.signal else f"no signal: {evaluation.reason}"
    title = f"{evaluation.symbol} {bars.frame}, bar closed {evaluation.time:%Y-%m-%d %H:%M} UTC, {outcome}"
    axes.set_title(title, loc="left", fontsize=11)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _places(explanation: Explanation) -> dict[datetime, int]:
    return {instant(opened): place for place, opened in enumerate(explanation.bars.open_time.tolist())}
