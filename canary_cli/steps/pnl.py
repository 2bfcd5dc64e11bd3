"""Profit and loss: our fills from the ledger (or, where that is away, the journal) beside the exchange's own books."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from canary_cli.bootstrap import World
from canary_cli.core.accounting.pnl import FUNDING, EquitySample, Pnl
from canary_cli.core.accounting.pnl import pnl as account_for
from canary_cli.core.accounting.round_trips import Rate, Taken, Trade, only_usdt
from canary_cli.core.model import Frame, Income, PositionSide, Side
from canary_cli.core.policy.fields import parse_instant
from canary_cli.core.trading.hands import is_closing
from canary_cli.errors import CanaryError, DatabaseError, UsageError
from canary_cli.journal.reader import last_run, read
from canary_cli.steps.trips import taken_over

DEPLOYMENT_START = "deploymentstart"
NOW = "now"


@dataclass(frozen=True, slots=True)
class Request:
    """From when to when, plan time."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """`sources` say where fills and incomes came from; `missing` what could not be had, in words."""

    account: str
    pnl: Pnl
    equity: tuple[EquitySample, ...]
    sources: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What was written down: fills, incomes, equity, positions taken over."""

    source: str
    trades: tuple[Trade, ...]
    income: tuple[Income, ...]
    equity: tuple[EquitySample, ...]
    taken: tuple[Taken, ...] = ()


def request(world: World, start: str, end: str) -> Request:
    """`--from deploymentstart|INSTANT --to now|INSTANT`. Raises UsageError."""
    now = world.clock.now()
    made = Request(_start(world, start), now if end == NOW else _instant("--to", end))
    if made.start > made.end:
        raise UsageError(f"--from {made.start:%Y-%m-%d %H:%M} is after --to {made.end:%Y-%m-%d %H:%M}", "swap them")
    return made


async def report(world: World, asked: Request) -> Report:
    """The account's P&L. Nothing that is away stops it: what could not be had is said."""
    told, missing = _told(world)
    income: tuple[Income, ...] | None
    try:
        await world.exchange.connect()
        income, source = await world.exchange.income(asked.start), "incomes from the exchange"
        rate = await _rates(world, told.trades, income)
    except CanaryError as error:
        income, source, rate = None, f"incomes from the {told.source}", only_usdt
        missing = (*missing, f"the exchange gave no answer, so nothing is compared: {error.message}")
    return pnl(world.account.name, asked, told, income, rate, (f"fills from the {told.source}", source), missing)


def pnl(
    account: str,
    asked: Request,
    told: Told,
    income: tuple[Income, ...] | None,
    rate: Rate,
    sources: tuple[str, ...] = (),
    missing: tuple[str, ...] = (),
) -> Report:
    """Pure. Without the exchange's incomes funding is taken from what was written down, and nothing is compared."""
    booked = told.income if income is None else income
    found = account_for(asked.start, asked.end, told.trades, booked, told.equity, rate, told.taken)
    if income is None:
        found = replace(found, comparisons=(), agrees=None)
    equity = tuple(sample for sample in told.equity if asked.start <= sample.time <= asked.end)
    return Report(account, found, equity, sources, missing)


def _start(world: World, text: str) -> datetime:
    if text != DEPLOYMENT_START:
        return _instant("--from", text)
    run = last_run(world.account.log_dir)
    if run is None:
        raise UsageError(f"no run was ever started on {world.account.name}", "add --from 2026-02-22T10:00Z")
    return parse_instant(run.data.get("deployment_start")) or run.timestamp


def _instant(flag: str, text: str) -> datetime:
    moment = parse_instant(text)
    if moment is None:
        raise UsageError(f"{flag} {text}: no instant with a zone", f"write it like {flag} 2026-02-22T10:00Z")
    return moment


def _told(world: World) -> tuple[Told, tuple[str, ...]]:
    folder = world.account.log_dir
    taken = _taken(folder)
    try:
        return replace(_from_ledger(world, folder), taken=taken), ()
    except DatabaseError as error:
        return replace(_from_journal(folder), taken=taken), (
            f"the ledger is away, so the journal was read: {error.message}",
        )


def _from_ledger(world: World, folder: Path) -> Told:
    """The ledger's rows, and the journal's lines that it has not caught up with yet."""
    ledger = world.ledger
    newer = _from_journal(folder, ledger.caught_up_to())
    trades = (*map(_trade, ledger.stream("trades", "at")), *newer.trades)
    income = (*map(_income, ledger.stream("income", "at")), *newer.income)
    equity = (*map(_sample, ledger.stream("equity", "at")), *newer.equity)
    return Told("ledger", trades, income, equity)


def _from_journal(folder: Path, after_seq: int = 0) -> Told:
    trades: list[Trade] = []
    income: list[Income] = []
    equity: list[EquitySample] = []
    for event, row in _lines(folder, after_seq):
        if event == "fill":
            trades.append(_trade(row))
        elif event == "equity":
            equity.append(_sample(row))
        elif row["reason"] in FUNDING:
            income.append(_income({**row, "type": row["reason"], "amount": row["change"]}))
    return Told("journal", tuple(trades), tuple(income), tuple(equity))


def _taken(folder: Path) -> tuple[Taken, ...]:
    """Only the journal tells of these, and there are few."""
    entries = read(folder, events=("adopted",)) if folder.is_dir() else ()
    return tuple(taken_over(entry) for entry in entries)


def _lines(folder: Path, after_seq: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if not folder.is_dir():
        return
    for entry in read(folder, after_seq=after_seq, events=("fill", "wallet", "equity")):
        at = parse_instant(entry.data.get("time")) or entry.timestamp
        yield entry.event, {**entry.data, "id": entry.seq, "at": at}


def _trade(row: Mapping[str, Any]) -> Trade:
    return Trade(
        symbol=row["symbol"],
        trade_id=int(row["trade_id"]),
        time=row["at"],
        side=Side(row["side"]),
        price=Decimal(row["price"]),
        quantity=Decimal(row["quantity"]),
        commission=Decimal(row.get("commission") or 0),
        commission_asset=row.get("commission_asset") or "USDT",
        realized=Decimal(row.get("realized") or 0),
        purpose="kill" if is_closing(str(row.get("client_id"))) else row.get("purpose") or "",
        decision_price=_decimal(row.get("decision_price")),
        position_side=PositionSide(row.get("position_side") or "BOTH"),
    )


def _income(row: Mapping[str, Any]) -> Income:
    amount = Decimal(row["amount"])
    return Income(row["type"], int(row["id"]), row.get("symbol") or "", row.get("asset") or "USDT", amount, row["at"])


def _sample(row: Mapping[str, Any]) -> EquitySample:
    return EquitySample(
        row["at"], _decimal(row.get("equity")), _decimal(row.get("unrealized")), _decimal(row.get("drawdown_pct"))
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value in (None, "") else Decimal(value)


async def _rates(world: World, trades: Iterable[Trade], income: Iterable[Income]) -> Rate:
    """Prices in USDT of every other asset that fees or incomes came in, at the minute they did."""
    moments = {(t.commission_asset, Frame.M1.floor(t.time)) for t in trades}
    moments |= {(row.asset, Frame.M1.floor(row.time)) for row in income}
    prices: dict[tuple[str, datetime], Decimal] = {}
    for asset, minute in sorted(moments):
        if asset not in ("USDT", ""):
            price = await _price(world, asset, minute)
            if price is not None:
                prices[asset, minute] = price

    def rate(asset: str, at: datetime) -> Decimal | None:
        return Decimal(1) if asset in ("USDT", "") else prices.get((asset, Frame.M1.floor(at)))

    return rate


async def _price(world: World, asset: str, minute: datetime) -> Decimal | None:
    """The close of the asset's one-minute candle that ended last by then; None where it has no such pair."""
    try:
        candles = await world.exchange.candles(
            f"{asset}USDT", Frame.M1, 1, minute.astimezone(UTC) + timedelta(minutes=1)
        )
    except CanaryError:
        return None
    return Decimal(str(candles[-1].close)) if candles else None
