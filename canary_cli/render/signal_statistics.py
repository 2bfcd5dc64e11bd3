"""How many signals there were, as a table, and a bar on the screen while they are counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from canary_cli.core.signals import Reason
from canary_cli.core.signals.outcome import Outcome
from canary_cli.render import output
from canary_cli.render.output import table
from canary_cli.render.signals import NO_EDGE
from canary_cli.steps.signal_statistics import PairStatistics, total_per_hour


def counted(statistics: Iterable[PairStatistics], total: int) -> list[PairStatistics]:
    """All of them, with a bar on stderr while they are computed (nothing where stderr is no terminal)."""
    console = output.stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading candles", total=total)
        gathered = []
        for one in statistics:
            gathered.append(one)
            progress.update(task, advance=1, description=f"{one.symbol} {one.source}")
    return gathered


def show_statistics(every: Sequence[PairStatistics], *, as_json: bool) -> None:
    if as_json:
        output.print_document(_statistics_document(every))
        return
    output.stdout().print(_pairs(every))
    output.stdout().print(_reasons(every))
    rated = len({one.symbol for one in every if one.warm})
    output.line(f"{rated} pairs together: {total_per_hour(every):.2f} signals an hour")
    output.line(_outcomes(every))
    cold = [f"{one.symbol} ({one.source})" for one in every if not one.warm]
    if cold:
        output.notice(f"never warm, as not every frame has 250 closed bars up to then: {', '.join(cold)}")
    output.notice(NO_EDGE)


def _pairs(every: Sequence[PairStatistics]) -> Table:
    """A line for each pair under the name of the folder its candles come from: whole words fit 80 columns so."""
    made = table("pair", "hours", "signals", "/ hour", "confidence", "confluence", "alignment")
    for column in made.columns[1:]:
        column.justify = "right"
    for source, pairs in groupby(every, key=lambda one: one.source):
        made.add_section()
        made.add_row(source)
        for one in pairs:
            made.add_row(one.symbol, f"{one.hours:,.0f}", *_averages(one))
    return made


def _outcomes(every: Sequence[PairStatistics]) -> str:
    """How often the target came before the stop, with the share that pays for the stops, costs left out."""
    reached, stopped = (sum(one.outcomes[end] for one in every) for end in (Outcome.TARGET, Outcome.STOP))
    share = f"{100 * reached / (reached + stopped):.1f} %" if reached + stopped else "-"
    return f"target before stop: {share} of {reached + stopped} ended signals (40 % breaks even before costs)"


def _averages(one: PairStatistics) -> tuple[str, ...]:
    if not one.signals:
        return (str(one.signals), "-" if one.per_hour is None else "0.000", "-", "-", "-")
    sums = (one.confidence / one.signals, one.confluence / one.signals, one.alignment / one.signals)
    return (str(one.signals), f"{one.per_hour:.3f}", f"{sums[0]:.1f}", f"{sums[1]:.2f}", f"{sums[2]:.0f} %")


def _reasons(every: Sequence[PairStatistics]) -> Table:
    """Share of each refusal among all bars, most frequent first."""
    reasons: Counter[Reason] = Counter()
    for one in every:
        reasons += one.reasons
    made = table("refused for", "bars", "share")
    made.columns[1].justify = made.columns[2].justify = "right"
    bars = sum(one.bars for one in every)
    for reason, count in reasons.most_common():
        made.add_row(reason, f"{count:,}", f"{100 * count / bars:.1f} %")
    return made


def _statistics_document(every: Sequence[PairStatistics]) -> dict[str, Any]:
    pairs = [
        {
            "symbol": one.symbol,
            "source": one.source,
            "first": one.first,
            "last": one.last,
            "bars": one.bars,
            "warm_hours": one.hours,
            "signals": one.signals,
            "per_hour": one.per_hour,
            "confidence": one.confidence / one.signals if one.signals else None,
            "confluence": one.confluence / one.signals if one.signals else None,
            "alignment": one.alignment / one.signals if one.signals else None,
            "outcomes": one.outcomes,
            "refused": one.reasons,
        }
        for one in every
    ]
    return {"pairs": pairs, "per_hour": total_per_hour(every), "reason": "DONE", "exit_code": 0}
