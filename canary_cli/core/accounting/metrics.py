"""What a phase is judged by: its orders, its signals, and how long it could see at all.

Execution evidence counts probes, strategy evidence never does. Every update makes a new value; what is computed from
orders or signals is computed once per change, so that a tick costs next to nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.execution import FILLING, Became, Execution
from canary_cli.core.accounting.numbers import finite, mean
from canary_cli.core.accounting.reading import Reading
from canary_cli.core.model import ZERO

__all__ = ["Metrics", "Reading", "Seen", "readings"]

RATE_WINDOW = timedelta(hours=24)
SPACED = timedelta(hours=2)
"""A signal that repeats the last counted one of its pair and side within this time, the engine's cooldown, is not new:
one that nobody may act on comes again at every bar."""

SIGNALS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """One signal: confluence of 4, confidence of 100, structure alignment in percent."""

    time: datetime
    confluence: Decimal
    confidence: Decimal
    alignment: Decimal
    symbol: str = ""
    side: str = ""


@dataclass(frozen=True)
class Signals:
    """Strategy evidence: how many bars were judged, and the last of the `count` signals they gave.

    `fresh` are those of the last day that repeat none before them.
    """

    evaluations: int = 0
    seen: tuple[Seen, ...] = ()
    count: int = 0
    begun: int = 0
    fresh: tuple[Seen, ...] = ()

    def after(self, seen: Seen | None) -> "Signals":
        if seen is None:
            return replace(self, evaluations=self.evaluations + 1)
        kept = (*self.seen, seen)[-SIGNALS_KEPT:]
        fresh = self._fresh(seen)
        return replace(self, evaluations=self.evaluations + 1, seen=kept, count=self.count + 1, fresh=fresh)

    def _fresh(self, seen: Seen) -> tuple[Seen, ...]:
        """The new signals of the last day, as the definition of their rate counts them."""
        last = next((one for one in reversed(self.fresh) if one.symbol == seen.symbol), None)
        if last is not None and last.side == seen.side and seen.time - last.time < SPACED:
            return self.fresh
        return (*(one for one in self.fresh if seen.time - one.time <= RATE_WINDOW), seen)

    def afresh(self) -> "Signals":
        """What looks back forgets the signals until now; the figures of the phase forget none."""
        return replace(self, begun=self.count)

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        n, window = len(self.seen), f"last {SIGNALS_KEPT} of the phase"
        recent = self.seen[max(self.begun - (self.count - n), 0) :]
        lately = mean([seen.confluence for seen in recent])
        return (
            Reading("confluence_recent", lately, len(recent), "signals", f"last {SIGNALS_KEPT}"),
            Reading("confluence", mean([seen.confluence for seen in self.seen]), n, "signals", window),
            Reading("confidence", mean([seen.confidence for seen in self.seen]), n, "signals", window),
            Reading("alignment", mean([seen.alignment for seen in self.seen]), n, "signals", window),
            Reading("evaluations", Decimal(self.evaluations), self.evaluations, "closed decision bars", "phase"),
        )


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts since the phase began. Seconds are plan seconds; `crossings` are warning thresholds crossed.

    `asked_seconds` is how long the plan gives the phase, None without an end.
    `differing` of the `compared` decisions of the last hour are not the batch engine's; None where nobody could tell.
    """

    execution: Execution = field(default_factory=Execution)
    signals: Signals = field(default_factory=Signals)
    crossings: int = 0
    liquidations: int = 0
    fresh_seconds: Decimal = ZERO
    stale_seconds: Decimal = ZERO
    asked_seconds: Decimal | None = None
    differing: int | None = None
    compared: int = 0

    def ordered(
        self,
        client_id: str,
        symbol: str,
        purpose: str,
        latency_ms: float | None,
        quantity: Decimal,
        send_ms: float | None = None,
    ) -> "Metrics":
        """The exchange acknowledged an order, `latency_ms` after the decision and `send_ms` after the sending."""
        told = self.execution.told(
            client_id,
            symbol,
            purpose,
            Became.CONFIRMED,
            latency_ms=finite(latency_ms),
            quantity=quantity,
            send_ms=finite(send_ms),
        )
        return replace(self, execution=told)

    def rejected(self, client_id: str, symbol: str, purpose: str) -> "Metrics":
        """The exchange refused an order: an error, and one warning. What we deny ourselves is neither."""
        return replace(self, execution=self.execution.told(client_id, symbol, purpose, Became.REJECTED))

    def unknown(
        self,
        client_id: str,
        symbol: str,
        purpose: str,
        quantity: Decimal | None = None,
        latency_ms: float | None = None,
    ) -> "Metrics":
        """Nobody knows what became of an order: an error until it is found, and for good as slow as `latency_ms`."""
        waited = finite(latency_ms)
        told = self.execution.told(client_id, symbol, purpose, Became.UNKNOWN, quantity=quantity, latency_ms=waited)
        return replace(self, execution=told)

    def unanswered(self, client_id: str, symbol: str, purpose: str, quantity: Decimal) -> "Metrics":
        """No answer, by our own death or not yet: no error, unless the exchange, asked, knows no such order."""
        told = self.execution.told(client_id, symbol, purpose, Became.PENDING, quantity=quantity)
        return replace(self, execution=told)

    def resolved(self, client_id: str, *, found: bool) -> "Metrics":
        return replace(self, execution=self.execution.resolved(client_id, found))

    def filled(
        self,
        client_id: str,
        symbol: str,
        purpose: str,
        quantity: Decimal,
        slippage_bps: Decimal | None,
        latency_ms: float | None = None,
    ) -> "Metrics":
        """One trade of ours, told once. Fills of stops, targets and strangers say nothing about our market orders."""
        if purpose not in FILLING:
            return self
        bps, after = finite(slippage_bps), finite(latency_ms)
        filled = self.execution.filled(client_id, symbol, purpose, quantity, bps, after)
        return replace(self, execution=filled)

    def ended(self, client_id: str) -> "Metrics":
        """The order is over: what has not filled by now will not."""
        return replace(self, execution=self.execution.ended(client_id))

    def evaluated(self, seen: Seen | None) -> "Metrics":
        """One closed decision bar was judged; `seen` is present when it gave a signal."""
        return replace(self, signals=self.signals.after(seen))

    def afresh(self, metric: str, pair: str = "") -> "Metrics":
        """A named human released what was held on a figure that looks back: it begins again, and no other does."""
        if metric == "confluence_recent":
            return replace(self, signals=self.signals.afresh())
        return replace(self, execution=self.execution.afresh(metric, pair))

    def repeated(self, compared: int, differing: int | None) -> "Metrics":
        """The batch engine has been over the decisions of the last hour."""
        return replace(self, compared=compared, differing=differing)

    def warned(self) -> "Metrics":
        """One crossing of a warning threshold."""
        return replace(self, crossings=self.crossings + 1)

    def liquidated(self) -> "Metrics":
        return replace(self, liquidations=self.liquidations + 1)

    def fresh(self, seconds: Decimal) -> "Metrics":
        """Plan time that passed while readings were fresh; only this earns evidence."""
        return replace(self, fresh_seconds=self.fresh_seconds + seconds)

    def stale(self, seconds: Decimal) -> "Metrics":
        return replace(self, stale_seconds=self.stale_seconds + seconds)


def readings(metrics: Metrics, curve: Curve, now: datetime) -> dict[str, Reading]:
    """Every figure that the session itself measures, by the name a plan may use. Unmeasured is None, never zero."""
    found = dict(metrics.execution.readings)
    singles = (*metrics.signals.readings, *_money(metrics, curve), _signal_rate(metrics, now), _parity(metrics))
    for reading in (*singles, _covered(metrics), _warnings(metrics)):
        found[reading.metric] = reading
    return found


def _money(metrics: Metrics, curve: Curve) -> Iterable[Reading]:
    intraday = None if curve.equity is None else curve.intraday_pct
    yield Reading("drawdown", curve.drawdown_pct, 1, "account equity since deployment start", "now")
    yield Reading("intraday_drawdown", intraday, 1, "account equity since midnight UTC", "day")
    yield Reading("liquidations", Decimal(metrics.liquidations), 1, "positions closed by force", "phase")


def _signal_rate(metrics: Metrics, now: datetime) -> Reading:
    """Signals an hour over the last day; `n` is the whole hours watched, and a day must have been."""
    hours = (metrics.fresh_seconds + metrics.stale_seconds) / 3600
    recent = sum(now - seen.time <= RATE_WINDOW for seen in metrics.signals.fresh)
    rate = Decimal(recent) / 24 if hours >= 24 else None
    return Reading("signals_per_hour", rate, int(hours), "new signals", "last 24 h")


def _parity(metrics: Metrics) -> Reading:
    differing = None if metrics.differing is None else Decimal(metrics.differing)
    return Reading("parity_recent", differing, metrics.compared, "live decisions", "last hour compared")


def _covered(metrics: Metrics) -> Reading:
    """Of the time that the phase asks for: what was stale, or slept through, can be made good by going on longer."""
    whole = metrics.fresh_seconds + metrics.stale_seconds
    asked = whole if metrics.asked_seconds is None else min(whole, metrics.asked_seconds)
    share = min(metrics.fresh_seconds / asked, Decimal(1)) * 100 if asked else None
    return Reading("covered", share, int(whole), "plan seconds", "phase")


def _warnings(metrics: Metrics) -> Reading:
    count = metrics.crossings + metrics.execution.rejected
    return Reading("warnings", Decimal(count), metrics.execution.count, "crossings and rejected orders", "phase")
