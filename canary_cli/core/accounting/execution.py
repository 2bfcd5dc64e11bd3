"""How well orders were carried out: what each became, and the figures a gate or trigger reads from them.

Definitions (docs: live-trading practice, Perold 1988): latency is decision to acknowledgement in ms, where none came
the time that was waited in vain, or the slowest would be in no figure; slippage is
sign x (average fill - decision price) / decision price in basis points, positive when it cost us; the fill rate is the
mean of each settled order's filled share; an error is an order rejected, or unknown until it turns out to exist.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from canary_cli.core.accounting.numbers import finite, mean, percentile
from canary_cli.core.accounting.reading import Reading
from canary_cli.core.model import ZERO, Side

KEPT = 500
"""Orders a phase remembers; older ones count in its totals only."""

ROLLING = 100
"""Orders a rolling rate looks back."""

PROBES = frozenset({"probe", "probe_exit"})
FILLING = frozenset({"entry", "exit"}) | PROBES
"""Purposes of market orders: those that should fill at once. Stops and targets rest."""


_JUDGED_BY = {"errors_recent": "order_error_rate_recent"}
"""A count looks back as far as the rate it stands behind."""


def _key(metric: str, pair: str) -> str:
    """The name of a figure, which where it is of one pair is that of the metric and the pair."""
    return f"{metric} {pair}" if pair else metric


def slippage_bps(side: Side, fill: Decimal, decision: Decimal) -> Decimal | None:
    """Basis points lost (positive) or gained against the decision price; None without one."""
    return None if decision <= 0 else side.sign * (fill - decision) / decision * 10_000


class Became(StrEnum):
    PENDING = "pending"  # the stream told of it before the acknowledgement, or a crash cut that off
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_error(self) -> bool:
        return self in (Became.REJECTED, Became.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Sent:
    """One order sent. `quantity` is None where nobody said it; `cost` is filled quantity x slippage in bps.

    `latency_ms` is decision to acknowledgement, `send_ms` sending to acknowledgement, `fill_ms` decision to first fill.
    """

    client_id: str
    symbol: str
    purpose: str
    became: Became
    latency_ms: Decimal | None = None
    send_ms: Decimal | None = None
    fill_ms: Decimal | None = None
    quantity: Decimal | None = None
    filled: Decimal = ZERO
    cost: Decimal | None = None
    ended: bool = False

    @property
    def is_probe(self) -> bool:
        return self.purpose in PROBES

    @property
    def is_market(self) -> bool:
        """An acknowledged market order: what evidence of execution is counted in."""
        return self.became is Became.CONFIRMED and self.purpose in FILLING

    @property
    def is_entry(self) -> bool:
        return self.became is Became.CONFIRMED and self.purpose == "entry"

    @property
    def filled_share(self) -> Decimal | None:
        """The share that filled, in percent; None while it may still fill, for resting orders, and where unknown."""
        if not self.is_market or not self.quantity:
            return None
        share = min(self.filled / self.quantity, Decimal(1)) * 100
        return share if self.ended or share == 100 else None

    @property
    def slippage(self) -> Decimal | None:
        return None if self.cost is None or not self.filled else self.cost / self.filled


@dataclass(frozen=True)
class Execution:
    """Every order of a phase, probes included. Totals cover orders that are no longer kept too.

    `begun` says of figures that only look back how many orders were told when they were last begun afresh.
    """

    sent: tuple[Sent, ...] = ()
    count: int = 0
    latency_max: Decimal | None = None
    forgotten_errors: int = 0
    forgotten_rejected: int = 0
    forgotten_entries: int = 0
    forgotten_market: int = 0
    begun: Mapping[str, int] = field(default_factory=dict)

    def told(
        self,
        client_id: str,
        symbol: str,
        purpose: str,
        became: Became,
        *,
        latency_ms: Decimal | None = None,
        quantity: Decimal | None = None,
        send_ms: Decimal | None = None,
    ) -> "Execution":
        """What became of an order; a fill may have told of it before."""
        there = self._find(client_id) or Sent(client_id, symbol, purpose, became)
        known = replace(
            there,
            became=became,
            latency_ms=there.latency_ms if latency_ms is None else latency_ms,
            send_ms=there.send_ms if send_ms is None else send_ms,
            quantity=there.quantity if quantity is None else quantity,
        )
        slowest = max((ms for ms in (self.latency_max, latency_ms) if ms is not None), default=None)
        return replace(self._with(known), latency_max=slowest)

    def filled(
        self,
        client_id: str,
        symbol: str,
        purpose: str,
        quantity: Decimal,
        bps: Decimal | None,
        after_ms: Decimal | None = None,
    ) -> "Execution":
        """One trade. It proves that an order nobody answered for exists."""
        there = self._find(client_id) or Sent(client_id, symbol, purpose, Became.PENDING)
        cost = there.cost if bps is None else (there.cost or ZERO) + quantity * bps
        became = Became.CONFIRMED if there.became is Became.UNKNOWN else there.became
        first = after_ms if there.fill_ms is None else there.fill_ms
        return self._with(replace(there, filled=there.filled + quantity, cost=cost, became=became, fill_ms=first))

    def resolved(self, client_id: str, found: bool) -> "Execution":
        """An unknown order turned out to exist, or never to have been: then it stays an error, and is rejected."""
        there = self._find(client_id)
        if there is None or there.became not in (Became.UNKNOWN, Became.PENDING):
            return self
        return self._with(replace(there, became=Became.CONFIRMED if found else Became.REJECTED))

    def ended(self, client_id: str) -> "Execution":
        """The order is over; what has not filled by now will not fill."""
        there = self._find(client_id)
        return self if there is None else self._with(replace(there, ended=True))

    def afresh(self, metric: str, pair: str = "") -> "Execution":
        """A figure that looks back forgets the orders told until now; the figures of the phase forget none."""
        return replace(self, begun={**self.begun, _key(_JUDGED_BY.get(metric, metric), pair): self.count})

    def _first(self, metric: str, pair: str = "") -> int:
        """Which of the orders kept is the first that such a figure still looks at."""
        return max(self.begun.get(_key(metric, pair), 0) - (self.count - len(self.sent)), 0)

    def _since(self, metric: str) -> tuple[Sent, ...]:
        return self.sent[self._first(metric) :]

    def _find(self, client_id: str) -> Sent | None:
        index = self._index(client_id)
        return None if index is None else self.sent[index]

    def _index(self, client_id: str) -> int | None:
        """Where an order is kept; the newest are asked for most. An order without an id is never found again."""
        if not client_id:
            return None
        return next((i for i in range(len(self.sent) - 1, -1, -1) if self.sent[i].client_id == client_id), None)

    def _with(self, order: Sent) -> "Execution":
        index = self._index(order.client_id)
        if index is not None:
            return replace(self, sent=(*self.sent[:index], order, *self.sent[index + 1 :]))
        grown = replace(self, sent=(*self.sent, order), count=self.count + 1)
        return grown if len(grown.sent) <= KEPT else grown._forget()

    def _forget(self) -> "Execution":
        first = self.sent[0]
        return replace(
            self,
            sent=self.sent[1:],
            forgotten_errors=self.forgotten_errors + first.became.is_error,
            forgotten_rejected=self.forgotten_rejected + (first.became is Became.REJECTED),
            forgotten_entries=self.forgotten_entries + first.is_entry,
            forgotten_market=self.forgotten_market + first.is_market,
        )

    @cached_property
    def rejected(self) -> int:
        return self.forgotten_rejected + sum(order.became is Became.REJECTED for order in self.sent)

    @cached_property
    def readings(self) -> dict[str, Reading]:
        """Every figure there is about orders; computed once per change, read at every tick."""
        every = (*self._latencies(), *self._fills(), *self._errors())
        return {_key(reading.metric, reading.pair): reading for reading in every}

    @cached_property
    def who(self) -> str:
        probes = sum(order.is_probe for order in self.sent)
        return f"{self.count} orders, {probes} of them probes"

    def _latencies(self) -> tuple[Reading, ...]:
        values = [order.latency_ms for order in self.sent if order.latency_ms is not None]
        n, five = len(values), sorted(self._latest("latency_3_of_5", 5), reverse=True)
        last, twenty = self._latest("latency_last", 1), self._latest("latency_p50", 20)
        return (
            Reading("latency_max", self.latency_max, n, self.who, "phase"),
            Reading("latency_p95", percentile(values, 95), n, self.who, "phase"),
            Reading("latency_last", last[0] if last else None, n, "last order", "last order"),
            Reading("latency_3_of_5", five[2] if len(five) >= 3 else None, n, "third slowest of 5 orders", "last 5"),
            Reading("latency_p50", percentile(twenty, 50), len(twenty), "orders", "last 20"),
            *self._legs(),
        )

    def _latest(self, metric: str, count: int) -> list[Decimal]:
        return [order.latency_ms for order in self._since(metric) if order.latency_ms is not None][-count:]

    def _legs(self) -> tuple[Reading, ...]:
        """Where the time went: in our hands before the sending, on the way and at the exchange, and until the fill."""
        answered = [(o.latency_ms, o.send_ms) for o in self.sent if o.latency_ms is not None and o.send_ms is not None]
        legs = {
            "latency_send_p95": [decided - sent for decided, sent in answered],
            "latency_ack_p95": [sent for _, sent in answered],
            "latency_fill_p95": [order.fill_ms for order in self.sent if order.fill_ms is not None],
        }
        return tuple(Reading(name, percentile(ms, 95), len(ms), self.who, "phase") for name, ms in legs.items())

    def _fills(self) -> tuple[Reading, ...]:
        numbered = [(i, order.symbol, order.filled_share) for i, order in enumerate(self.sent)]
        shares = [(symbol, share) for _, symbol, share in numbered if share is not None]
        first = self._first("fill_rate_recent")
        recent = [share for i, _, share in numbered if share is not None and i >= first][-ROLLING:]
        by_pair: dict[str, list[Decimal]] = {}
        for symbol, share in shares:
            by_pair.setdefault(symbol, []).append(share)
        worst, pair = min(((mean(of) or ZERO, symbol) for symbol, of in by_pair.items()), default=(None, "no pair"))
        return (
            Reading("fill_rate", mean([share for _, share in shares]), len(shares), "settled market orders", "phase"),
            Reading("fill_rate_worst_pair", worst, len(shares), pair, "phase"),
            Reading("fill_rate_recent", mean(recent), len(recent), "settled market orders", f"last {ROLLING}"),
            *self._slippages(),
        )

    def _slippages(self) -> tuple[Reading, ...]:
        numbered = [(i, order.symbol, order.slippage) for i, order in enumerate(self.sent)]
        slipped = [(symbol, bps) for _, symbol, bps in numbered if bps is not None]
        last = dict(slipped)
        worst, pair = max(((bps, symbol) for symbol, bps in last.items()), default=(None, "no pair"))
        return (
            Reading("slippage_mean", mean([bps for _, bps in slipped]), len(slipped), "filled market orders", "phase"),
            Reading("slippage_worst_pair", worst, len(last), pair, "last order of each pair"),
            *self._by_pair(numbered),
        )

    def _by_pair(self, numbered: Sequence[tuple[int, str, Decimal | None]]) -> Iterator[Reading]:
        """The slippage of each pair's last order; `n` counts the orders of the pair since it was last let go."""
        first: dict[str, int] = {}
        own: dict[str, list[Decimal]] = {}
        for i, pair, bps in numbered:
            if pair not in first:
                first[pair] = self._first("slippage_last", pair)
            if bps is not None and i >= first[pair]:
                own.setdefault(pair, []).append(bps)
        for pair, slipped in own.items():
            yield Reading("slippage_last", slipped[-1], len(slipped), "filled market orders", "last order", pair)

    def _errors(self) -> tuple[Reading, ...]:
        kept = sum(order.became.is_error for order in self.sent)
        errors, recent = kept + self.forgotten_errors, self._since("order_error_rate_recent")[-ROLLING:]
        lately = sum(order.became.is_error for order in recent)
        rate = finite(Decimal(100 * errors) / self.count) if self.count else None
        entries = self.forgotten_entries + sum(order.is_entry for order in self.sent)
        market = self.forgotten_market + sum(order.is_market for order in self.sent)
        return (
            Reading("errors", Decimal(errors), self.count, self.who, "phase"),
            Reading("errors_recent", Decimal(lately), len(recent), "orders sent", f"last {ROLLING}"),
            Reading("order_error_rate", rate, self.count, self.who, "phase"),
            Reading("order_success", None if rate is None else 100 - rate, self.count, self.who, "phase"),
            Reading(
                "order_error_rate_recent",
                Decimal(100 * lately) / len(recent) if recent else None,
                len(recent),
                "orders sent",
                f"last {ROLLING}",
            ),
            Reading("orders", Decimal(market), market, self.who, "phase"),
            Reading("strategy_orders", Decimal(entries), entries, "entries by signal", "phase"),
        )
