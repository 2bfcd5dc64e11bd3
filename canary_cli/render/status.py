"""`status`, `why` and `monitor` as text, as JSON, and as a picture."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.console import ConsoleDimensions

from canary_cli.errors import ExitCode, Result
from canary_cli.journal.record import Entry
from canary_cli.render import figures, output
from canary_cli.render.lines import event_document, event_line, print_line, result_document
from canary_cli.render.live import LiveView, frame
from canary_cli.render.output import STYLES, Mark
from canary_cli.render.panels import HEADLINES
from canary_cli.session.view import RunView
from canary_cli.steps.monitor import Eyes
from canary_cli.steps.positions import Exposure
from canary_cli.steps.status import Source, Status
from canary_cli.steps.why import Reasons

NO_ANSWER = "NO ANSWER"


def result_of(status: Status) -> Result:
    """7 where the exchange is silent: then nobody may take anything for flat."""
    if status.exchange.answer is None:
        return Result("NO_ANSWER", ExitCode.EXCHANGE_UNREACHABLE)
    return Result(status.headline[0])


def show(status: Status) -> Result:
    """Headline, then a line per source with its age, then the next command on stderr."""
    word, why = status.headline
    mark = HEADLINES.get(word, Mark.UNKNOWN)
    output.line(f"{output.glyph(mark, output.stdout())} {word}  {why}".rstrip(), style=f"bold {STYLES[mark]}")
    for name, source, text in _rows(status):
        told = text.replace("\n", "\n" + " " * 27)  # below itself
        output.line(f"{name:<9} {_age(source):<16} {told}", style=STYLES[Mark.BAD] if source.failure else "")
    output.notice(f"next:  {status.next_command}")
    return result_of(status)


def _rows(status: Status) -> Iterator[tuple[str, Source[Any], str]]:
    yield "exchange", status.exchange, status.exchange.failure or _exchange(status)
    yield "session", status.session, _session(status.session.answer)
    latches = ", ".join(f"{latch.source} by {latch.by}" for latch in status.latches)
    yield "latch", Source(status.latches), f"set: {latches}" if latches else "not set"
    entry = status.journal.answer
    yield (
        "journal",
        status.journal,
        status.journal.failure or (f"line {entry.seq}: {entry.event}" if entry else "empty"),
    )
    yield "ledger", status.ledger, status.ledger.failure or _ledger(status)


def _exchange(status: Status) -> str:
    exposure = status.exchange.answer
    assert exposure is not None
    held, snapshot = exposure.positions, exposure.snapshot
    counted = f"{len(held)} positions, {len(snapshot.orders)} orders, {len(snapshot.algo_orders)} conditional"
    equity = figures.money(snapshot.balance.margin)
    return f"{counted}\nequity {equity}" + (f"\n{_risk(exposure)}" if held else "")


def _risk(exposure: Exposure) -> str:
    if exposure.unprotected:
        return f"open risk NOT KNOWN, NO STOP: {', '.join(exposure.unprotected)}"
    return f"open risk {figures.money(exposure.at_risk)} ({figures.percent(exposure.open_risk)} of equity) at the stops"


def _session(view: RunView | None) -> str:
    if view is None:
        return "none is running"
    return f"run {view.run_id}, {view.step}, drawdown {figures.percent(view.drawdown_pct)}, breaker {view.breaker}"


def _ledger(status: Status) -> str:
    held, entry = status.ledger.answer, status.journal.answer
    behind = entry.seq - (held or 0) if entry else 0
    told = "none yet" if held is None else f"holds line {held}"
    return told + (f", {behind} behind the journal" if behind > 0 else "")


def _age(source: Source[Any]) -> str:
    if source.failure:
        return NO_ANSWER
    return "now" if source.age is None else f"{figures.duration(source.age)} old"


def document(status: Status) -> dict[str, Any]:
    """Everything `show` says, for programs; a source without an answer has `answer` null and says why."""
    word, why = status.headline
    exposure, entry = status.exchange.answer, status.journal.answer
    flat = None if exposure is None else not exposure.positions
    return {
        "account": status.account,
        "headline": word,
        "why": why,
        "flat": flat,
        "exchange": _source(status.exchange, exposure and _exposure_document(status)),
        "session": _source(status.session, status.session.answer),
        "latches": status.latches,
        "journal": _source(status.journal, entry and {"seq": entry.seq, "event": entry.event, "at": entry.timestamp}),
        "ledger": _source(status.ledger, status.ledger.answer),
        "next": status.next_command,
        "exit_code": result_of(status).code,
    }


def _exposure_document(status: Status) -> dict[str, Any]:
    from canary_cli.render import positions

    assert status.exchange.answer is not None
    return positions.document(status.account, status.exchange.answer)


def _source(source: Source[Any], answer: Any) -> Mapping[str, Any]:
    age = None if source.age is None else round(source.age / timedelta(seconds=1), 1)
    return {"answer": answer, "age_seconds": age, "failure": source.failure}


def show_reasons(reasons: Reasons) -> Result:
    """What stands in the way, hardest first; then what became of the bars."""
    for number, blocker in enumerate(reasons.blockers, 1):
        output.line(f"{number}. {blocker}", style=STYLES[Mark.BAD] if number == 1 else "")
    if not reasons.blockers:
        output.line("Nothing stands in the way: entries wait for signals.")
    told = reasons.refusals
    output.line(f"since {figures.instant(told.since)}: {told.bars} bars judged, {told.signals} signals")
    output.line(f"last signal {figures.instant(told.last_signal)}, last fill {figures.instant(told.last_fill)}")
    for title, counted in (("no signal", told.no_signal), ("refused by the risk gate", told.risk_gate)):
        for reason, count in counted:
            output.line(f"  {title}: {reason} x {count}")
    output.notice(f"next:  {reasons.next_command}")
    return result_of(reasons.status)


def reasons_document(reasons: Reasons) -> dict[str, Any]:
    word, why = reasons.status.headline
    return {
        "account": reasons.status.account,
        "headline": word,
        "why": why,
        "blockers": reasons.blockers,
        "refusals": reasons.refusals,
        "next": reasons.next_command,
        "exit_code": result_of(reasons.status).code,
    }


def show_once(view: RunView) -> None:
    """In a pipe whole, in one column; on a terminal cut to its size."""
    console = output.stdout()
    size = console.size if output.is_interactive() else ConsoleDimensions(min(console.width, 100), 1000)
    console.print(frame(view, console, size))


@contextmanager
def eyes(*, as_json: bool) -> Iterator[Eyes]:
    """A picture on a terminal, a line per event elsewhere, NDJSON for programs."""
    if as_json:
        yield Eyes(lambda _: None, _print_event)
    elif output.is_interactive():
        with LiveView(output.stdout()) as live:
            yield Eyes(live.show, lambda _: None)
    else:
        yield Eyes(lambda _: None, _print_entry)


def _print_event(entry: Entry) -> None:
    output.print_event(event_document(entry, entry.timestamp))


def _print_entry(entry: Entry) -> None:
    line = event_line(entry, entry.timestamp)
    if line is not None:
        print_line(line)


def print_result(result: Result) -> None:
    output.print_event(result_document(result.word, int(result.code)))
