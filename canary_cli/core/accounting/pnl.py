"""Profit and loss of a span of time: round trips, fees, funding, slippage, drawdown, and whether the exchange agrees.

Net P&L = profitable trades + loss-making trades + probes + what open positions have realised + funding. Commission is
in each of the first four. The exchange's own sums (REALIZED_PNL, COMMISSION) stand beside ours; a difference is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.accounting.round_trips import Rate, RoundTrip, Taken, Trade, Trips, only_usdt, round_trips
from canary_cli.core.model import ZERO, Income

FUNDING = frozenset({"FUNDING_FEE", "SPECIAL_FUNDING_FEE"})
TRANSFERS = frozenset(
    {
        "TRANSFER", "INTERNAL_TRANSFER", "CROSS_COLLATERAL_TRANSFER", "STRATEGY_UMFUTURES_TRANSFER", "WELCOME_BONUS",
        "COIN_SWAP_DEPOSIT", "COIN_SWAP_WITHDRAW", "AUTO_EXCHANGE",
    }
)  # fmt: skip
"""Income types that move money in or out of the account: no profit, no loss."""


@dataclass(frozen=True, slots=True)
class EquitySample:
    """One reading of equity as the session journalled it; `drawdown_pct` against its peak since deployment start."""

    time: datetime
    equity: Decimal | None
    unrealized: Decimal | None
    drawdown_pct: Decimal | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Some round trips together, USDT."""

    count: int
    net: Decimal


@dataclass(frozen=True, slots=True)
class PairPnl:
    """`net` holds fees and funding; `slippage_cost` is in the prices already."""

    symbol: str
    trades: int
    profitable: int
    net: Decimal
    fees: Decimal
    funding: Decimal
    slippage_cost: Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of income as the exchange booked it and as our fills have it, USDT."""

    type: str
    exchange: Decimal
    ours: Decimal

    @property
    def difference(self) -> Decimal:
        return self.exchange - self.ours


@dataclass(frozen=True, slots=True)
class Pnl:
    """USDT. `shortfall_bps` is slippage and fees over the notional decided on. `apart` are incomes that no trade made.

    `agrees` is None where the exchange was not asked; `is_provisional`: it disagrees, as it does
    for the seconds in which it has not booked a fill yet. `rollback_cost`: slippage and fees of kill orders.
    """

    start: datetime
    end: datetime
    profitable: Tally
    losing: Tally
    even: int
    probes: Tally
    open: Tally
    net: Decimal
    net_pct: Decimal | None
    unrealized: Decimal | None
    fees: Decimal
    funding: Decimal
    slippage_cost: Decimal
    shortfall_bps: Decimal | None
    rollback_cost: Decimal
    max_drawdown_pct: Decimal | None
    pairs: tuple[PairPnl, ...]
    comparisons: tuple[Comparison, ...]
    agrees: bool | None
    apart: Mapping[str, Decimal]
    unconverted: Mapping[str, Decimal]
    trips: tuple[RoundTrip, ...]

    @property
    def trades(self) -> int:
        return self.profitable.count + self.losing.count + self.even

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @property
    def is_provisional(self) -> bool:
        return self.agrees is False


def pnl(
    start: datetime,
    end: datetime,
    trades: Iterable[Trade],
    income: Iterable[Income] | None,
    equity: Iterable[EquitySample],
    rate: Rate = only_usdt,
    taken: Iterable[Taken] = (),
) -> Pnl:
    """What was won and lost from `start` to `end`. `income` None: not asked.

    `trades` and positions `taken` over from before the start say what was open then.
    """
    known = sorted({(t.symbol, t.trade_id): t for t in trades if t.time <= end}.values(), key=_in_order)
    within = [trade for trade in known if trade.time >= start]
    moves: list[Trade | Taken] = [*known, *(one for one in taken if one.time <= end)]
    trips = round_trips(sorted(moves, key=lambda move: move.time), rate, since=start)
    booked = _booked(income or (), start, end)
    samples = [sample for sample in equity if start <= sample.time <= end]
    real = [trip for trip in trips.closed if not trip.is_probe]
    probing = [trip for trip in trips.closed if trip.is_probe]
    every = (*trips.closed, *trips.open)
    funding = _in_usdt((row for row in booked if row.type in FUNDING), rate)
    net = sum((trip.net for trip in every), ZERO) + funding
    comparisons = () if income is None else _compared(booked, within, trips, rate)
    return Pnl(
        start=start,
        end=end,
        profitable=_tally([trip for trip in real if trip.net > 0]),
        losing=_tally([trip for trip in real if trip.net < 0]),
        even=sum(trip.net == 0 for trip in real),
        probes=_tally(probing),
        open=_tally(trips.open),
        net=net,
        net_pct=_share(net, next((s.equity for s in samples if s.equity is not None), None)),
        unrealized=_unrealized(samples, within, trips),
        fees=sum((trip.fees for trip in every), ZERO),
        funding=funding,
        slippage_cost=sum((trip.slippage_cost for trip in every), ZERO),
        shortfall_bps=_shortfall(within, rate),
        rollback_cost=_rollback_cost(within, rate),
        max_drawdown_pct=min((s.drawdown_pct for s in samples if s.drawdown_pct is not None), default=None),
        pairs=_pairs(every, booked, rate),
        comparisons=comparisons,
        agrees=None if income is None else all(abs(one.difference) < Decimal("0.01") for one in comparisons),
        apart=_apart(booked, rate),
        unconverted=trips.unconverted,
        trips=trips.closed,
    )


def _in_order(trade: Trade) -> tuple[datetime, str, int]:
    return (trade.time, trade.symbol, trade.trade_id)


def _booked(income: Iterable[Income], start: datetime, end: datetime) -> list[Income]:
    """Each row once, by type and id; transfers are no income."""
    rows = {(row.type, row.id): row for row in income if start <= row.time <= end and row.type not in TRANSFERS}
    return list(rows.values())


def _in_usdt(rows: Iterable[Income], rate: Rate) -> Decimal:
    return sum((row.amount * (rate(row.asset, row.time) or ZERO) for row in rows), ZERO)


def _tally(trips: Sequence[RoundTrip]) -> Tally:
    return Tally(len(trips), sum((trip.net for trip in trips), ZERO))


def _share(net: Decimal, equity: Decimal | None) -> Decimal | None:
    return None if not equity else net / equity * 100


def _unrealized(samples: Sequence[EquitySample], trades: Sequence[Trade], trips: Trips) -> Decimal | None:
    """The last that was written down; what a later fill closed has none left."""
    if not samples:
        return None
    is_outdated = bool(trades) and trades[-1].time > samples[-1].time
    return ZERO if is_outdated and not trips.open else samples[-1].unrealized


def _compared(booked: Sequence[Income], trades: Sequence[Trade], trips: Trips, rate: Rate) -> tuple[Comparison, ...]:
    """Our side of REALIZED_PNL is worked out from prices, so a fill we missed shows."""
    gross = sum((trip.gross for trip in (*trips.closed, *trips.open)), ZERO)
    paid = sum((trade.commission * (rate(trade.commission_asset, trade.time) or ZERO) for trade in trades), ZERO)
    return tuple(
        Comparison(kind, _in_usdt((row for row in booked if row.type == kind), rate), ours)
        for kind, ours in (("REALIZED_PNL", gross), ("COMMISSION", -paid))
    )


def _shortfall(trades: Sequence[Trade], rate: Rate) -> Decimal | None:
    """Perold's measure over what was filled: what was not filled has no fill to be compared with."""
    decided = [trade for trade in trades if trade.decision_price]
    notional = sum((trade.quantity * (trade.decision_price or ZERO) for trade in decided), ZERO)
    return sum((_cost(trade, rate) for trade in decided), ZERO) / notional * 10_000 if notional else None


def _cost(trade: Trade, rate: Rate) -> Decimal:
    return (trade.slippage_cost or ZERO) + trade.commission * (rate(trade.commission_asset, trade.time) or ZERO)


def _rollback_cost(trades: Sequence[Trade], rate: Rate) -> Decimal:
    return sum((_cost(trade, rate) for trade in trades if trade.purpose == "kill"), ZERO)


def _pairs(trips: Sequence[RoundTrip], booked: Sequence[Income], rate: Rate) -> tuple[PairPnl, ...]:
    symbols = dict.fromkeys(sorted({trip.symbol for trip in trips} | {r.symbol for r in booked if r.type in FUNDING}))
    return tuple(_pair(symbol, trips, booked, rate) for symbol in symbols)


def _pair(symbol: str, trips: Sequence[RoundTrip], booked: Sequence[Income], rate: Rate) -> PairPnl:
    ours = [trip for trip in trips if trip.symbol == symbol]
    real = [trip for trip in ours if trip.closed is not None and not trip.is_probe]
    funding = _in_usdt((row for row in booked if row.symbol == symbol and row.type in FUNDING), rate)
    return PairPnl(
        symbol,
        len(real),
        sum(trip.net > 0 for trip in real),
        sum((trip.net for trip in ours), ZERO) + funding,
        sum((trip.fees for trip in ours), ZERO),
        funding,
        sum((trip.slippage_cost for trip in ours), ZERO),
    )


def _apart(booked: Sequence[Income], rate: Rate) -> dict[str, Decimal]:
    """Insurance, rebates, bonuses: shown, and in no other figure."""
    kinds = sorted({row.type for row in booked} - FUNDING - {"REALIZED_PNL", "COMMISSION"})
    return {kind: _in_usdt((row for row in booked if row.type == kind), rate) for kind in kinds}
