"""A journal record as one line for people, and as one event for `--json`. Records nobody needs to watch have none."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.journal.record import Record
from canary_cli.render import figures, output
from canary_cli.render.output import STYLES, Mark
from canary_cli.session.view import EventLine

LEVELS = {"info": Mark.NEUTRAL, "good": Mark.GOOD, "warning": Mark.WARNING, "bad": Mark.BAD}

Data = Mapping[str, Any]
Said = tuple[str, str]
"""Level and text."""

_GOOD_ENDINGS = {"PASS", "GO", "DONE", "FLAT", "COMPLETED"}
_VERDICT_LEVELS = {"PASS": "good", "GO": "good", "WARNING": "warning", "INCONCLUSIVE": "warning"}


def event_line(record: Record, time: datetime) -> EventLine | None:
    """What a person is told of a record, or None where it is only for the file."""
    say = _SAYINGS.get(record.event)
    if say is None:
        return None
    try:
        said = say(record)
        return EventLine(time, *said) if said else None
    except (KeyError, TypeError, ValueError, ArithmeticError):  # written by another version: still worth a line
        return EventLine(time, "info", _joined(record.event.replace("_", " "), record.reason))


class Lines:
    """The lines of one run, in order. A reading that agrees again, right after one that did, is no news."""

    def __init__(self) -> None:
        self._before = ""

    def line(self, record: Record, time: datetime) -> EventLine | None:
        line = event_line(record, time)
        if line is None or (record.event == "reconcile" and line.text == self._before):
            return None
        self._before = line.text
        return line


def print_line(line: EventLine) -> None:
    """`2026-02-22T10:30:15Z ✓ gate 1: PASS` on stdout, never folded."""
    console = output.stdout()
    mark = LEVELS.get(line.level, Mark.UNKNOWN)
    style = STYLES[mark] if line.level in ("warning", "bad") else ""
    output.line(f"{line.time:%Y-%m-%dT%H:%M:%SZ} {output.glyph(mark, console)} {line.text}", style=style)


def event_document(record: Record, time: datetime) -> dict[str, Any]:
    """The record as a line of the `--json` stream: every record, also those without a line for people."""
    return {
        "type": "event",
        "time": time,
        "event": record.event,
        "run_id": record.run_id,
        "phase": record.phase,
        "data": record.data,
    }


def result_document(word: str, exit_code: int, reason: str = "", **more: Any) -> dict[str, Any]:
    """The last line of the stream."""
    return {"type": "result", "result": word, "exit_code": exit_code, "reason": reason, **more}


def _gate(record: Record) -> Said:
    data = record.data
    verdict = str(data.get("verdict", record.status))
    checks = data.get("checks", ())
    failed = [check_text(check) for check in checks if check.get("verdict", check.get("status")) in _NOT_FINE]
    number = data.get("phase", record.phase if record.phase is not None else 0)
    text = f"gate {number}: {verdict}, {len(checks)} checks"
    return _VERDICT_LEVELS.get(verdict, "bad"), f"{text}; {'; '.join(failed)}" if failed else text


_NOT_FINE = ("FAIL", "WARNING", "INCONCLUSIVE", "UNKNOWN")


def check_text(check: Data) -> str:
    """`slippage_mean 16.2, limit < 15 (n=42)`: value, operator, limit, count."""
    if "metric" not in check:
        return f"{check.get('name', '?')} {check.get('detail') or check.get('evidence', '')}".rstrip()
    value = figures.measured(check.get("value"))
    return f"{check['metric']} {value}, limit {check['op']} {check['limit']} (n={check['n']})"


def _step_finished(record: Record) -> Said | None:
    """A gate that said GO has told so itself."""
    data = record.data
    outcome = str(data.get("outcome", ""))
    if outcome == "GO":
        return None
    bad = outcome in ("NOT DONE", "WARNING", "INCONCLUSIVE", "FAIL") or data.get("detail") == "FAIL"
    level = "warning" if bad else "good" if outcome in _GOOD_ENDINGS else "info"
    return level, _joined(f"{data.get('step')}: {outcome}", data.get("detail"))


def _fill(record: Record) -> Said | None:
    """A probe is told once, when it is out again."""
    data, purpose = record.data, record.data.get("purpose", "")
    if purpose == "probe":
        return None
    slipped = data.get("slippage_bps")
    tail = f", {Decimal(str(slipped)):.1f} bps" if slipped is not None else ""
    if purpose == "probe_exit":
        return "info", f"{data['symbol']} probe of {data['quantity']} in and out{tail}"
    what = f"{data['symbol']} {purpose}".strip()
    return "info", f"{what} {data['side']} {data['quantity']} filled at {data['price']}{tail}"


def _refused(record: Record) -> Said:
    """Why, in words; its code is for the journal, and says the same."""
    data = record.data
    return "info", f"{data['symbol']} {data['side']} refused by the risk gate: {data['detail'] or data['code']}"


def _signal(record: Record) -> Said:
    confidence, confluence = (_rounded(value) for value in (record.signal_confidence, record.confluence_score))
    return "info", f"{record.pair} signal {record.side}: confidence {confidence}, confluence {confluence} of 4"


def _rounded(value: Any) -> str:
    return figures.number(None if value is None else round(Decimal(str(value)), 2))


def _trigger(record: Record) -> Said:
    data = record.data
    level = {"critical": "bad", "warning": "warning"}.get(data["level"], "info")
    measured = f"{_rounded(data['value'])}, limit {data['limit']} (n={data['n']})"
    return level, f"{data['name']} {data['level']}: {measured}: {data['action']}"


def _parity_checked(record: Record) -> Said | None:
    """Told where the hour was not the batch engine's: that it was is expected."""
    differing, compared = record.data["differing"], record.data["compared"]
    if differing is None:
        return "warning", "parity of the last hour is not known: its candles could not be read"
    return ("warning", f"parity: {differing} of {compared} decisions differ in the last hour") if differing else None


def _released(record: Record) -> Said:
    data = record.data
    return "good", f"let go by {data['by']}: what {', '.join(data['triggers'])} held: {data['reason']}"


def _breaker(record: Record) -> Said:
    data = record.data
    level = {"ARMED": "good", "PRE_TRIP": "warning"}.get(data["zone"], "bad")
    return level, f"breaker {data['zone']}: drawdown {_percent(data['drawdown_pct'])}, equity {data['equity']}"


def _reconcile(record: Record) -> Said:
    data = record.data
    differences = data.get("differences", ())
    if not differences:
        return "good", "reconciled with the exchange: no difference"
    return "bad", f"differs from the exchange: {'; '.join(map(str, differences))}"


def _phase(record: Record) -> Said:
    data = record.data
    pairs, fraction = data.get("pairs", ()), Decimal(str(data["fraction"]))
    until = _time(data.get("ends_at"))
    return (
        "info",
        f"phase {data['number']} {data['name']}: {figures.share(fraction)} of volume, {len(pairs)} pairs{until}",
    )


def _alert(record: Record) -> Said:
    to = f" to {record.data['channel']}" if record.data.get("channel") else ""
    return "info", f"alert {record.data['severity']}{to}: {record.data['message']}"


def _extended(record: Record) -> Said:
    return "warning", f"phase {record.data['number']} extended{_time(record.data.get('ends_at'))}"


def _incident(record: Record) -> Said | None:
    """Its state where that changed; who keeps watch over the rest is the incident's own list."""
    state = record.data.get("state")
    return ("info", _joined(f"incident {record.data['incident']}: {state}", record.reason)) if state else None


def _time(text: Any) -> str:
    return f", until {datetime.fromisoformat(text):%H:%M} UTC" if text else ""


def _percent(text: Any) -> str:
    return figures.percent(Decimal(str(text)))


def _joined(text: str, detail: Any) -> str:
    return f"{text}: {detail}" if detail else text


def _plain(level: str, template: str, *names: str) -> Callable[[Record], Said]:
    """A saying whose `{}` are filled from `data`, else from the record's own fields."""

    def say(record: Record) -> Said:
        values = (record.data.get(name, getattr(record, name, "")) for name in names)
        return level, template.format(*("" if value is None else value for value in values)).rstrip(" :,")

    return say


def _latch_cleared(record: Record) -> Said:
    """A person's line names all sources at once and says why; a session's names the one it takes over."""
    data = record.data
    sources = data["sources"] if "sources" in data else [data.get("source", "")]
    if not sources:
        return "good", _joined(f"trading enabled by {data.get('by', '')}", data.get("reason"))
    return "good", f"latch of {', '.join(sources)} cleared {record.data.get('reason') or record.reason}".rstrip()


_SAYINGS: Mapping[str, Callable[[Record], Said | None]] = {
    "run_started": _plain("info", "run {} of plan {} started on {}", "run_id", "plan", "account"),
    "run_ended": _plain("info", "run ended: {}", "outcome"),
    "step_started": _plain("info", "{} begins", "step"),
    "step_finished": _step_finished,
    "phase_entered": _phase,
    "phase_extended": _extended,
    "gate": _gate,
    "approval": _plain("good", "approved by {}: {}", "by", "what"),
    "signal": _signal,
    "risk_refused": _refused,
    "order_rejected": _plain("warning", "order {} rejected: {} {}", "client_id", "code", "message"),
    "order_unknown": _plain("warning", "order {} unknown: {}", "client_id", "reason"),
    "order_denied": _plain("warning", "order {} denied: {}", "client_id", "reason"),
    "order_resolved": _plain("info", "order {} resolved: {}", "client_id", "outcome"),
    "fill": _fill,
    "liquidation": _plain("bad", "{} was closed by force by the exchange", "symbol"),
    "foreign_order": _plain("bad", "{}: order {} is not ours", "symbol", "client_id"),
    "condition_set": _plain("warning", "no entries: {} {}", "name", "detail"),
    "condition_cleared": _plain("good", "condition {} cleared", "name"),
    "latch_set": _plain("bad", "latched by {}: {}", "source", "reason"),
    "latch_cleared": _latch_cleared,
    "breaker": _breaker,
    "trigger": _trigger,
    "triggers_released": _released,
    "parity_checked": _parity_checked,
    "warning": _plain("warning", "{} {}", "name", "detail"),
    "flatten_started": _plain("bad", "flatten: {}", "cause"),
    "flatten_wave": _plain("info", "flatten wave {}", "wave"),
    "flat": _plain("good", "FLAT, verified at the exchange"),
    "flat_confirmed": _plain("good", "FLAT CONFIRMED"),
    "flatten_incomplete": _plain("bad", "NOT FLAT, left: {}", "left"),
    "reconcile": _reconcile,
    "incident_opened": _plain("bad", "incident {} opened: {}", "incident", "cause"),
    "incident_updated": _incident,
    "decision_kept": _plain("good", "no rollback for {}, decided by {}: {}", "trigger", "by", "reason"),
    "control_api": _plain("info", "{}", "message"),
    "alert": _alert,
    "command": _plain("info", "typed: {} {}", "verb", "args"),
    "error": _plain("bad", "error in {}: {}", "where", "message"),
    "drill": _plain("info", "drill {}: {} s, {}", "kind", "seconds", "outcome"),
}
