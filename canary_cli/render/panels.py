"""The parts of the live view: each a list of lines, so that a frame can be cut to the terminal's height."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.text import Text

from canary_cli.core.policy.gates import CheckResult
from canary_cli.render import figures, spark
from canary_cli.render.lines import LEVELS
from canary_cli.render.output import STYLES, Mark
from canary_cli.session.view import EventLine, PhaseLine, PositionLine, RunView

CURVE_ROWS = 4
BAR = 11

HEADLINES = {"RUNNING": Mark.GOOD, "REDUCE-ONLY": Mark.WARNING, "STOPPED": Mark.BAD}
PHASES = {
    "waiting": Mark.WAITING,
    "running": Mark.RUNNING,
    "passed": Mark.GOOD,
    "warned": Mark.WARNING,
    "failed": Mark.BAD,
    "inconclusive": Mark.UNKNOWN,
    "stopped": Mark.PAUSED,
}
VERDICTS = {"PASS": Mark.GOOD, "WARNING": Mark.WARNING, "FAIL": Mark.BAD, "INCONCLUSIVE": Mark.UNKNOWN}
_RANK = {"FAIL": 0, "INCONCLUSIVE": 1, "WARNING": 2}
ZONES = {"ARMED": "green", "PRE_TRIP": "bold yellow", "TRIGGERED": "bold red"}


@dataclass(frozen=True, slots=True)
class Pen:
    """How wide to draw, and with which marks."""

    width: int
    glyph: Callable[[Mark], str]
    is_unicode: bool


def head(view: RunView, pen: Pen) -> list[Text]:
    mark = HEADLINES.get(view.headline, Mark.UNKNOWN)
    headline = Text(f"{pen.glyph(mark)} {view.headline}", style=f"bold {STYLES[mark]}")
    if view.why:
        headline.append(f"  {view.why}", style="not bold default")
    elapsed = view.now - view.started_at
    clock = f"{figures.instant(view.now)}  plan {figures.duration(elapsed)}"
    if view.speed != 1:
        clock += f"  wall {figures.duration(elapsed / view.speed)}  speed {view.speed:g}x"
    name = f"{view.plan_name} {view.plan_sha256[:10]}  run {view.run_id}"
    return [
        _ends(headline, Text(view.account.removeprefix("ACCOUNT "), style="bold"), pen),
        _ends(Text(clock), Text(name, style="dim"), pen) if pen.width >= 110 else Text(clock),
        *([] if pen.width >= 110 else [Text(name, style="dim")]),
    ]


def phases(view: RunView, pen: Pen) -> list[Text]:
    lines = [_phase(line, view.now, pen) for line in view.phases]
    sizes = f"size {figures.share(view.size_intended)} intended, {view.size_actual:.2f} x equity open"
    return [title(f"PLAN: {view.step}", pen, sizes), *lines]


def _phase(line: PhaseLine, now: datetime, pen: Pen) -> Text:
    mark = PHASES.get(line.status, Mark.UNKNOWN)
    row = Text("  ")
    row.append(f"{pen.glyph(mark)} {line.number} ", style=STYLES[mark])
    row.append(f"{_fit(line.name, 14)} {figures.share(line.fraction):>4}", style="bold" if mark is Mark.RUNNING else "")
    end = f"{line.ends_at:%H:%M}" if line.ends_at else "     "
    row.append(f"  {line.starts_at:%H:%M}-{end}  ")
    row.append(f"{line.status:<12}", style=STYLES[mark])
    row.append(_countdown(line, now, pen), style="" if mark is Mark.RUNNING else "dim")
    return row


def _countdown(line: PhaseLine, now: datetime, pen: Pen) -> str:
    if line.status == "waiting":
        return f"in {figures.duration(line.starts_at - now)}" if line.starts_at > now else ""
    if line.status != "running" or line.ends_at is None:
        return ""
    share = (now - line.starts_at) / (line.ends_at - line.starts_at)
    full, empty = ("━", "╌") if pen.is_unicode else ("#", "-")
    done = round(min(max(share, 0.0), 1.0) * BAR)
    left = f"{figures.duration(line.ends_at - now)} left" if line.ends_at > now else "gate is due"
    return f"{full * done}{empty * (BAR - done)} {left}"


def money(view: RunView, pen: Pen, *, tall: bool) -> list[Text]:
    """Equity, and the drawdown against the breaker's lines."""
    figure = Text("  ")
    figure.append(figures.money(view.equity), style="bold")
    figure.append("  drawdown ")
    figure.append(figures.percent(view.drawdown_pct), style=ZONES.get(view.breaker, ""))
    figure.append("  breaker ")
    figure.append(view.breaker, style=ZONES.get(view.breaker, ""))
    return [title("EQUITY", pen, f"peak {figures.money(view.peak)}"), figure, *_curve(view, pen, tall=tall)]


def _curve(view: RunView, pen: Pen, *, tall: bool) -> list[Text]:
    values = spark.drawdowns([equity for _, equity in view.equity_series])
    width, trip = pen.width - 24, view.limits.trip
    if len(values) < 2:
        return [Text("  drawdown curve: no readings yet", style="dim")]
    if not pen.is_unicode or not tall:
        return [Text(f"  [{spark.ascii_curve(values, width, float(trip), 0.0):<{width}}] 0 to {trip} %")]
    style = ZONES.get(view.breaker, "")
    labels = {0: "0 %", int(CURVE_ROWS * view.limits.pre_trip / trip): f"{view.limits.pre_trip} % pre-trip"}
    rows = [
        Text.assemble("  ", (f"{row:<{width}}", style), (f" {labels.get(index, '')}", "dim"))
        for index, row in enumerate(spark.curve(values, width, CURVE_ROWS, float(trip), 0.0))
    ]
    return [*rows, Text.assemble("  ", ("┄" * width, "red"), (f" {trip} % breaker", "red"))]


def checks(results: Sequence[CheckResult], pen: Pen, room: int) -> list[Text]:
    """What is wrong comes first; passing checks that find no room are counted."""
    if not results:
        return [title("GATE", pen), Text("  no readings yet", style="dim")]
    ordered = sorted(results, key=lambda result: _RANK.get(result.verdict, 3))
    counted = ", ".join(f"{n} {word}" for word in VERDICTS if (n := sum(result.verdict == word for result in results)))
    return [title("GATE", pen, counted), *_cut([_check(result, pen) for result in ordered], room, "checks")]


def _check(result: CheckResult, pen: Pen) -> Text:
    mark = VERDICTS.get(result.verdict, Mark.UNKNOWN) if result.counts else Mark.NEUTRAL
    row = Text("  ")
    row.append(f"{pen.glyph(mark)} {_fit(str(result.metric), 20)} ", style="" if mark is Mark.GOOD else STYLES[mark])
    row.append(_fit(_value(result.value), 8, right=True), style="bold")
    row.append(f" {result.op!s:<2} {_fit(_value(result.limit), 6)} n={result.n!s:<5}")
    row.append(str(result.window) if mark is Mark.GOOD else result.detail, style="dim")
    return row


def positions(held: Sequence[PositionLine], pen: Pen, room: int) -> list[Text]:
    if not held:
        return [title("POSITIONS", pen), Text("  none open", style="dim")]
    total = sum((position.unrealized for position in held), Decimal(0))
    naked = sorted(held, key=lambda position: position.stop is not None)
    summed = f"{len(held)} open, {figures.money(total, signed=True)}"
    return [title("POSITIONS", pen, summed), *_cut([_position(line, pen) for line in naked], room, "positions")]


def _position(position: PositionLine, pen: Pen) -> Text:
    """A short position's quantity is negative."""
    row = Text(f"  {_fit(position.symbol, 9)} {_fit(figures.price(position.quantity), 8, right=True)}")
    row.append(f" @ {_fit(figures.price(position.entry_price), 10)}")
    gain = figures.money(position.unrealized, signed=True)
    row.append(f"{gain:>9} ", style="red" if position.unrealized < 0 else "green")
    if position.stop is None:
        row.append(f"{pen.glyph(Mark.BAD)} NO STOP", style=STYLES[Mark.BAD])
    else:
        row.append(f"stop {figures.price(position.stop)}", style="dim")
    return row


def events(lines: Sequence[EventLine], pen: Pen, room: int) -> list[Text]:
    if not lines:
        return [title("EVENTS", pen), Text("  none yet", style="dim")]
    return [title("EVENTS", pen), *(_event(line, pen) for line in list(lines)[-max(room, 1) :])]


def _event(line: EventLine, pen: Pen) -> Text:
    mark = LEVELS.get(line.level, Mark.UNKNOWN)
    row = Text("  ")
    row.append(f"{figures.clock(line.time)} ", style="dim")
    row.append(f"{pen.glyph(mark)} ", style=STYLES[mark])
    row.append(line.text, style="" if line.level in ("info", "good") else STYLES[mark])
    return row


def next_command(view: RunView, pen: Pen) -> list[Text]:
    return [Text.assemble((f"{pen.glyph(Mark.NEXT)} next  ", STYLES[Mark.NEXT]), (view.next_command or "-", "bold"))]


def title(text: str, pen: Pen, right: str = "") -> Text:
    """A heading with a rule, and what sums the part up at its end."""
    rule = ("─" if pen.is_unicode else "-") * max(pen.width - len(text) - len(right) - (2 if right else 1), 0)
    return Text.assemble((text, "bold"), (f" {rule}", "dim"), (f" {right}" if right else "", ""))


def _ends(left: Text, right: Text, pen: Pen) -> Text:
    """`left` and `right` at the two ends of a line; `left` gives way."""
    left.truncate(max(pen.width - len(right) - 2, 0), overflow="ellipsis")
    return Text.assemble(left, " " * (pen.width - len(left) - len(right)), right)


def _cut(lines: list[Text], room: int, what: str) -> list[Text]:
    if len(lines) <= room:
        return lines
    shown = lines[: max(room - 1, 1)]
    return [*shown, Text(f"    and {len(lines) - len(shown)} more {what}", style="dim")]


def _value(value: Decimal | None) -> str:
    return figures.number(None if value is None else round(value, 3))


def _fit(text: str, width: int, *, right: bool = False) -> str:
    cut = text if len(text) <= width else text[: max(width - 1, 0)] + "~"
    return f"{cut:>{width}}" if right else f"{cut:<{width}}"
