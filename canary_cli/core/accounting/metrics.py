"""What a phase is judged by: its orders, its signals, and how long it could see at all.

Execution evidence counts probes, strategy evidence never does. Every update makes a new value; figures about orders are
computed once per change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.execution import Became, Execution
from canary_cli.core.accounting.numbers import finite, mean
from canary_cli.core.accounting.reading import Reading
from canary_cli.core.model import ZERO

__all__ = ["Metrics", "Reading", "Seen", "readings"]

RATE_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Seen:
    """One signal: confluence of 4, confidence of 100, structure alignment in percent."""

    time: datetime
    confluence: Decimal
    confidence: Decimal
    alignment: Decimal


@dataclass(frozen=True)
class Metrics:
    """Counts since the phase began. Seconds are plan seconds; `warnings` are threshold crossings."""

    execution: Execution = field(default_factory=Execution)
    signals: tuple[Seen, ...] = ()
    evaluations: int = 0
    crossings: int = 0
    liquidations: int = 0
    fresh_seconds: Decimal = ZERO
    stale_seconds: Decimal = ZERO

    @classmethod
    def empty(cls) -> "Metrics":
        return cls()

    def ordered(
        self, client_id: str, symbol: str, purpose: str, latency_ms: float | None, quantity: Decimal
    ) -> "Metrics":
        """The exchange acknowledged an order; `latency_ms` is decision to acknowledgement."""
        told = self.execution.told(
            client_id, symbol, purpose, Became.CONFIRMED, latency_ms=finite(latency_ms), quantity=quantity
        )
        return replace(self, execution=told)

    def rejected(self, client_id: str, symbol: str, purpose: str) -> "Metrics":
        return replace(self, execution=self.execution.told(client_id, symbol, purpose, Became.REJECTED))

    def unknown(self, client_id: str, symbol: str, purpose: str) -> "Metrics":
        return replace(self, execution=self.execution.told(client_id, symbol, purpose, Became.UNKNOWN))

    def resolved(self, client_id: str, *, found: bool) -> "Metrics":
        return replace(self, execution=self.execution.resolved(client_id, found))

    def filled(
        self, client_id: str, symbol: str, purpose: str, quantity: Decimal, slippage_bps: Decimal | None
    ) -> "Metrics":
        return replace(self, execution=self.execution.filled(client_id, symbol, purpose, quantity, slippage_bps))

    def ended(self, client_id: str) -> "Metrics":
        """The order is over: what has not filled by now will not."""
        return replace(self, execution=self.execution.ended(client_id))

    def evaluated(self, seen: Seen | None) -> "Metrics":
        """One closed decision bar was judged; `seen` is present when it gave a signal."""
        signals = self.signals if seen is None else (*self.signals, seen)
        return replace(self, evaluations=self.evaluations + 1, signals=signals)

    def warned(self) -> "Metrics":
        return replace(self, crossings=self.crossings + 1)

    def liquidated(self) -> "Metrics":
        return replace(self, liquidations=self.liquidations + 1)

    def fresh(self, seconds: Decimal) -> "Metrics":
        return replace(self, fresh_seconds=self.fresh_seconds + seconds)

    def stale(self, seconds: Decimal) -> "Metrics":
        return replace(self, stale_seconds=self.stale_seconds + seconds)


def readings(metrics: Metrics, curve: Curve, now: datetime) -> dict[str, Reading]:
    """Every figure that the session itself measures, by the name a plan may use."""
    found = dict(metrics.execution.readings)
    for reading in (*_money(metrics, curve), *_signals(metrics, now), _covered(metrics), _warnings(metrics)):
        found[reading.metric] = reading
    return found


def _money(metrics: Metrics, curve: Curve) -> Iterable[Reading]:
    who = "account equity since deployment start"
    yield Reading("drawdown", curve.drawdown_pct, 1, who, "now")
    yield Reading("intraday_drawdown", curve.intraday_pct, 1, "account equity since midnight UTC", "day")
    yield Reading("liquidations", Decimal(metrics.liquidations), 1, "positions closed by force", "phase")


def _signals(metrics: Metrics, now: datetime) -> Iterable[Reading]:
    signals, n = metrics.signals, len(metrics.signals)
    yield Reading("confluence", mean([seen.confluence for seen in signals]), n, "signals", "phase")
    yield Reading("confidence", mean([seen.confidence for seen in signals]), n, "signals", "phase")
    yield Reading("alignment", mean([seen.alignment for seen in signals]), n, "signals", "phase")
    yield Reading("evaluations", Decimal(metrics.evaluations), metrics.evaluations, "closed decision bars", "phase")
    hours = (metrics.fresh_seconds + metrics.stale_seconds) / 3600
    recent = sum(now - seen.time <= RATE_WINDOW for seen in signals)
    rate = Decimal(recent) / 24 if hours >= 24 else None
    yield Reading("signals_per_hour", rate, recent, "signals", "24 h")


def _covered(metrics: Metrics) -> Reading:
    whole = metrics.fresh_seconds + metrics.stale_seconds
    share = metrics.fresh_seconds / whole * 100 if whole else None
    return Reading("covered", share, int(whole), "plan seconds", "phase")


def _warnings(metrics: Metrics) -> Reading:
    count = metrics.crossings + metrics.execution.rejected
    return Reading("warnings", Decimal(count), metrics.execution.count, "crossings and rejected orders", "phase")
