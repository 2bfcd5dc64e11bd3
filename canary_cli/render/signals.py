"""Signals as text: why a bar did or did not give one, and what whole windows gave."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from rich.table import Table

from canary_cli.core.signals import Component, Evaluation, SignalSettings, Structure, to_record
from canary_cli.core.signals.model import FairValueGap, OrderBlock, StructureBreak, Sweep, Swing
from canary_cli.errors import Result
from canary_cli.render import figures, output
from canary_cli.render.output import Mark, glyph, table
from canary_cli.steps.parity import Parity
from canary_cli.steps.signals import Explanation

NO_EDGE = "No edge was found in these heuristics: a signal is no forecast (docs/signals.md)."
VOTE_MARKS = {"agree": Mark.GOOD, "abstain": Mark.NEUTRAL, "oppose": Mark.BAD}
VOTERS = ("structure", "break", "block", "gap", "sweep")
SIGNS = {1: "+", 0: "0", -1: "-"}


def show_explanation(explanation: Explanation, settings: SignalSettings, *, as_json: bool) -> None:
    """The verdict, the components, the rules and the levels, on stdout."""
    if as_json:
        output.print_document(_explanation_document(explanation))
        return
    console, evaluation = output.stdout(), explanation.evaluation
    frame = settings.decision_frame
    output.line(f"{evaluation.symbol}  {frame} bar closed {figures.instant(evaluation.time)}  at {evaluation.close:g}")
    output.line(verdict(explanation), style="bold green" if explanation.signal else "bold")
    console.print(_components(evaluation, settings))
    console.print(_rules(explanation))
    console.print(_levels(evaluation.evidence.structure))
    output.notice(f"candles: {explanation.source}; cooldown as if every signal had been traded and flat at once")
    output.notice(NO_EDGE)


def verdict(explanation: Explanation) -> str:
    signal, evaluation = explanation.signal, explanation.evaluation
    if signal is None:
        side = f" for {evaluation.direction}" if evaluation.direction else ""
        return f"NO SIGNAL{side}: {evaluation.reason}"
    prices = f"entry {signal.entry:f}  stop {signal.stop:f}  target {signal.target:f}"
    return f"SIGNAL {signal.side}  {prices}  (tick {explanation.tick:f})"


def _components(evaluation: Evaluation, settings: SignalSettings) -> Table:
    console = output.stdout()
    made = table("component", "vote", "strength", "weight", "figures")
    weights = (settings.smc_weight, settings.ema_weight, settings.rsi_weight, settings.adx_weight)
    for part, weight in zip(evaluation.components, weights, strict=True):
        mark = VOTE_MARKS[part.vote]
        vote = f"{glyph(mark, console)} {part.vote}s"
        name = f"EMA {'/'.join(map(str, settings.ema_periods))}" if part.name == "ema" else part.name.upper()
        made.add_row(name, vote, f"{part.strength:.2f}", f"{weight:.2f}", _figures(part, settings))
    made.add_section()
    direction = evaluation.direction or "neither side"
    made.add_row("score", f"{evaluation.confluence:g} of 4", f"{evaluation.confidence:.2f} %", "", f"for {direction}")
    return made


def _figures(part: Component, settings: SignalSettings) -> str:
    if not part.values:
        return "not enough history"
    if part.name == "smc":
        return ", ".join(f"{name} {SIGNS[int(vote)]}" for name, vote in zip(VOTERS, part.values, strict=True))
    if part.name == "ema":
        return "\n".join(_stack(part.values, settings))
    if part.name == "rsi":
        return f"RSI {part.values[0]:.2f}"
    adx, plus, minus = part.values
    return f"ADX {adx:.2f}, +DI {plus:.2f}, -DI {minus:.2f}"


def _stack(values: Sequence[float], settings: SignalSettings) -> Iterator[str]:
    """`1h 96777.4 < 98036.2 < 99773`, a line for each frame, fast average first."""
    count = len(settings.ema_periods)
    for index, frame in enumerate(settings.trend_frames):
        levels = values[index * count : (index + 1) * count]
        text = f"{levels[0]:.6g}"
        for before, level in pairwise(levels):
            text += f" {'>' if before > level else '<' if before < level else '='} {level:.6g}"
        yield f"{frame} {text}"


def _rules(explanation: Explanation) -> Table:
    console = output.stdout()
    made = table("rule", "this bar", "needed", "")
    for rule in explanation.rules:
        mark = Mark.GOOD if rule.kept else Mark.BAD
        made.add_row(
            rule.name, rule.observed, rule.needed, f"{glyph(mark, console)} {'kept' if rule.kept else 'broken'}"
        )
    return made


def _levels(structure: Structure) -> Table:
    """What the structure votes rest on: the price, and the bar (by its open) at which it became known or came from."""
    made = table("level", "price", "bar", "")
    for swing in structure.swings:
        made.add_row(f"swing {'high' if swing.direction > 0 else 'low'}", f"{swing.level:g}", _bar(swing))
    if (event := structure.last_break) is not None:
        made.add_row(f"{event.kind} {'up' if event.direction > 0 else 'down'}", f"{event.level:g}", _bar(event))
    if (block := structure.block) is not None:
        made.add_row(f"{_side(block)} order block", f"{block.low:g} to {block.high:g}", _bar(block), block.state)
    if (gap := structure.gap) is not None:
        made.add_row(f"{_side(gap)} fair value gap", f"{gap.low:g} to {gap.high:g}", _bar(gap))
    if (sweep := structure.sweep) is not None:
        swept = {1: "lows", -1: "highs", 0: "both sides"}[sweep.direction]
        made.add_row(f"swept {swept}", f"{sweep.level:g}", _bar(sweep))
    return made


def _bar(level: Swing | StructureBreak | OrderBlock | FairValueGap | Sweep) -> str:
    return f"{level.time:%m-%d %H:%M}"


def _side(zone: OrderBlock | FairValueGap) -> str:
    return "bullish" if zone.direction > 0 else "bearish"


def _explanation_document(explanation: Explanation) -> dict[str, Any]:
    signal = explanation.signal
    return {
        "symbol": explanation.evaluation.symbol,
        "source": explanation.source,
        "tick": explanation.tick,
        "signal": signal and {name: getattr(signal, name) for name in ("side", "entry", "stop", "target")},
        "rules": explanation.rules,
        "evaluation": to_record(explanation.evaluation),
        "reason": explanation.evaluation.reason,
        "exit_code": 0,
    }


def show_parity(found: Parity, result: Result, *, as_json: bool) -> None:
    mismatches = found.mismatches
    if as_json:
        ending = {"reason": result.word, "exit_code": result.code}
        output.print_document({"compared": found.compared, "mismatches": mismatches, **ending})
        return
    output.line(f"{found.compared} recorded decisions, {len(mismatches)} mismatches")
    made = table("bar closed", "pair", "field", "recorded", "batch")
    for one in mismatches[:20]:
        made.add_row(figures.instant(one.time), one.symbol, one.field, one.recorded[:40], one.batch[:40])
    if mismatches:
        output.stdout().print(made)
    if len(mismatches) > 20:
        output.notice(f"and {len(mismatches) - 20} more; --json has them all")
