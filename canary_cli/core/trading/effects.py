"""Everything a session can ask of the world, as values. `session.executor` turns each into a deed."""

from dataclasses import dataclass, field
from typing import Any

from canary_cli.core.trading.events import Stream
from canary_cli.core.trading.facts import Fact, Intended


@dataclass(frozen=True, slots=True)
class Journal:
    """Write this fact down. Facts are already applied; the shell only makes them durable."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Note:
    """Write something down that changes no state (a signal and its evidence, a step)."""

    event: str
    pair: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Send an order whose intent was journalled just before; the shell waits for the disk (an exit only so long)."""

    intent: Intended


@dataclass(frozen=True, slots=True)
class CancelAlgo:
    symbol: str
    algo_id: int
    client_id: str


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """Ask what became of an order, after `delay` wall seconds."""

    client_id: str
    symbol: str
    delay: float


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """Read the whole account by REST; answered by `AccountRead` or `ReadFailed`."""

    reason: str
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class ReopenStream:
    """Give up the line of a stream, whose silence is no proof of anything, and connect anew."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class ReadLeverage:
    """Ask for every pair's leverage; answered by `LeverageRead`, or by nothing."""


@dataclass(frozen=True, slots=True)
class ReadDepth:
    """Measure what a pair's market can take; answered by `DepthRead`, or by nothing."""

    symbol: str


@dataclass(frozen=True, slots=True)
class CountdownCancel:
    """Let the exchange cancel the pair's regular orders in so many milliseconds of its time; 0 stops the countdown."""

    symbol: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class SetLatch:
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """`severity`: INFO | WARNING | CRITICAL; `key` makes repeats one incident."""

    severity: str
    message: str
    key: str


@dataclass(frozen=True, slots=True)
class SnapshotBook:
    """Write down what the pair's book looks like now, and why it was asked for."""

    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class StartRollback:
    """Money trigger: flatten now, then run the rollback sequence."""

    cause: str
    detail: str


Effect = (
    Journal
    | Note
    | Place
    | CancelAlgo
    | QueryOrder
    | ReadAccount
    | ReopenStream
    | ReadLeverage
    | ReadDepth
    | CountdownCancel
    | SetLatch
    | RaiseAlert
    | SnapshotBook
    | StartRollback
)
