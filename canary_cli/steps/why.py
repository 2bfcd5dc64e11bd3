"""Why nothing trades: what stands in the way now, and what refused the signals there were."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from canary_cli.bootstrap import World
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry
from canary_cli.steps.incidents import obstacle, of_account
from canary_cli.steps.plan import rollback_to_run
from canary_cli.steps.status import Status, read_status
from canary_cli.steps.story import entries_of

WINDOW = timedelta(hours=24)
KEEP = "canary keep --by NAME --reason WHY --account {}"
ENABLE = "canary trading enable --by NAME --reason WHY --account {}"


@dataclass(frozen=True, slots=True)
class Refusals:
    """What became of closed bars since `since`: why they gave no signal, and what the risk gate said of signals."""

    since: datetime
    bars: int
    signals: int
    no_signal: tuple[tuple[str, int], ...]
    risk_gate: tuple[tuple[str, int], ...]
    last_signal: datetime | None
    last_fill: datetime | None


@dataclass(frozen=True, slots=True)
class Reasons:
    """`blockers` empty: nothing stands in the way, so only signals are missing."""

    status: Status
    blockers: tuple[str, ...]
    refusals: Refusals
    next_command: str


async def find_reasons(world: World) -> Reasons:
    status = await read_status(world)
    entries = entries_of(read(world.account.log_dir))
    incident, way_out = obstacle(of_account(world.account), rollback_to_run(world.home)[0].tree, world.account.name)
    told = tuple(blockers(status, incident))
    return Reasons(status, told, refusals(entries, world.clock.now() - WINDOW), _next(status, way_out))


def _next(status: Status, way_out: str) -> str:
    """What is open comes first, then the incident, then the latch; `why` itself is where one is."""
    if status.next_command.startswith("canary close-all"):
        return status.next_command
    if way_out:
        return way_out
    view = status.session.answer
    is_held = view is not None and status.is_running and any(not hold.waits for hold in view.holds)
    if status.latches or is_held or _is_tripped(status):
        return ENABLE.format(status.account)
    return status.next_command


def _is_tripped(status: Status) -> bool:
    return status.session.answer is not None and status.is_running and status.session.answer.breaker != "ARMED"


def blockers(status: Status, incident: str = "") -> Iterator[str]:
    """Hardest first. `incident` is one that lets no run begin."""
    for latch in status.latches:
        yield f"latched by {latch.source} since {latch.at:%Y-%m-%d %H:%M} UTC ({latch.by}): {latch.reason}"
    if incident:
        yield f"no run begins: incident {incident}"
    if not status.is_running:
        yield "no session is running" if status.session.answer is None else "the session is silent and may be dead"
    if status.exchange.answer is None:
        yield f"the exchange gives no answer: {status.exchange.failure}"
    view = status.session.answer
    if view is None or not status.is_running:
        return
    if view.headline != "RUNNING" and not status.latches:
        yield f"{view.headline}: {view.why}"
    for hold in view.holds:
        ends = (f"{KEEP} answers it" if hold.waits else ENABLE).format(status.account)
        yield f"{hold.what} held by a trigger, which does not end by itself: {hold.detail}; {ends}"
    if view.breaker != "ARMED":
        yield f"breaker {view.breaker}: only a named human arms it again"
    if not any(phase.status == "running" for phase in view.phases):
        yield f"no phase is running: {view.step}"


def refusals(entries: Iterable[Entry], since: datetime) -> Refusals:
    recent = [entry for entry in entries if entry.timestamp >= since]
    signals = [entry for entry in recent if entry.event == "signal"]
    without = [entry for entry in recent if entry.event == "signal_refused"]
    risk = [str(entry.data.get("code", entry.risk_gate)) for entry in recent if entry.event == "risk_refused"]
    fills = [entry for entry in recent if entry.event == "fill"]
    return Refusals(
        since,
        len(signals) + len(without),
        len(signals),
        _counted(entry.reason or "unsaid" for entry in without),
        _counted(risk),
        signals[-1].timestamp if signals else None,
        fills[-1].timestamp if fills else None,
    )


def _counted(words: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(words).most_common())
