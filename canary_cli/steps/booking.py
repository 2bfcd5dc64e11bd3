"""Writes into the journal what no session was there to see of a closing: its fills, stops before it, the equity after.

Part of the kill path, so it runs after the account is flat and imports nothing but the journal; a failure here changes
nothing about that.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from canary_cli.bootstrap import World
from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.pnl import TRANSFERS
from canary_cli.core.model import ZERO, Fill, Side
from canary_cli.core.trading.hands import closing_prefix
from canary_cli.errors import CanaryError
from canary_cli.journal.beat import is_beating
from canary_cli.journal.reader import last_run, newest, read
from canary_cli.journal.record import Entry, Record
from canary_cli.session.flattening import FlattenReport

EARLIER = timedelta(minutes=1)
"""How far before the last fill in the journal to look again: exchange and journal stamp a moment apart."""

PATIENCE = 5.0
"""Wall seconds the exchange may take to list the trades."""


async def book(world: World, report: FlattenReport, patience: float = PATIENCE) -> None:
    """Journal every trade since the last one known, what flat says of the rest, then equity.

    A living session books its own trades.
    """
    with suppress(CanaryError, OSError, TimeoutError):
        async with asyncio.timeout(patience):
            if not is_beating(world.account.state_dir, world.clock.wall()):
                await _book_fills(world, report)
            await book_equity(world, report)


async def book_equity(world: World, report: FlattenReport) -> None:
    """What the account is worth when flat, against the peak of the run that had it: what came between is told by marks.

    Money that was moved since the last mark moves the peak with it. Without a mark there is none, and nothing to say.
    """
    last = newest(world.account.log_dir, "equity")
    if report.balance is None or report.only or last is None:
        return
    rows = await world.exchange.income(last.timestamp)
    moved = sum((row.amount for row in rows if row.type in TRANSFERS and row.asset == "USDT"), ZERO)
    before, balance, now = Decimal(last.data["equity"]), report.balance, world.clock.now()
    curve = Curve(peak=Decimal(last.data["peak"])).transferred(before, before + moved).marked(balance.margin, now)
    told = {"wallet": balance.wallet, "unrealized": balance.unrealized, "equity": curve.equity, "peak": curve.peak}
    data = {**last.data, **told, "time": now.isoformat(), "drawdown_pct": curve.drawdown_pct}
    world.journal.append(
        Record(
            "equity",
            run_id=last.run_id,
            actor="close-all",
            phase=last.phase,
            drawdown_pct=curve.drawdown_pct,
            data=data,
        )
    )


async def _book_fills(world: World, report: FlattenReport) -> None:
    told = list(read(world.account.log_dir, events=("fill", "adopted")))
    fills = [entry for entry in told if entry.event == "fill"]
    since = (fills[-1].timestamp if fills else report.began) - EARLIER
    symbols = sorted({one for one, left in _held(told).items() if left} | {one.symbol for one in report.positions})
    pages = await asyncio.gather(*(world.exchange.trades(symbol, since) for symbol in symbols))
    known = {(entry.data["symbol"], entry.data["trade_id"]) for entry in fills}
    missed = [fill for page in pages for fill in page if (fill.symbol, fill.trade_id) not in known]
    missed.sort(key=lambda fill: (fill.time, fill.trade_id))
    run = last_run(world.account.log_dir)
    records = [_record(fill, report, run.run_id if run else "") for fill in missed]
    if report.is_flat and not report.only:
        as_of = max([world.clock.now(), *(fill.time for fill in missed)])
        records += _gone(_held([*told, *records]), report, as_of, run.run_id if run else "")
    for record in records:
        world.journal.append(record)


def _held(told: Iterable[Entry | Record]) -> dict[str, Decimal]:
    """What fills, and what was taken over as it stood, come to for each pair."""
    held: dict[str, Decimal] = {}
    for one in told:
        data, quantity = one.data, Decimal(one.data["quantity"])
        if one.event == "adopted":
            held[data["symbol"]] = quantity
        else:
            held[data["symbol"]] = held.get(data["symbol"], ZERO) + quantity * Side(data["side"]).sign
    return held


def _gone(held: Mapping[str, Decimal], report: FlattenReport, at: datetime, run_id: str) -> list[Record]:
    """The exchange said flat: what the fills we know leave open (others had opened it) is not there, and explains no
    difference ever after.
    """
    dust = {one.symbol for one in report.dust}
    told = {"time": at.isoformat(), "quantity": ZERO, "entry_price": ZERO, "by": "close-all"}
    return [
        Record(
            "adopted",
            pair=symbol,
            run_id=run_id,
            actor="close-all",
            data={"symbol": symbol, **told},
            reason="the exchange said flat; our fills did not",
        )
        for symbol, left in sorted(held.items())
        if left and symbol not in dust
    ]


def _record(fill: Fill, report: FlattenReport, run_id: str) -> Record:
    is_ours = fill.order_id in report.order_ids
    data: dict[str, Any] = {
        "time": fill.time.isoformat(),
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "client_id": closing_prefix(report.run, report.only) if is_ours else fill.client_id,
        "side": fill.side.value,
        "price": fill.price,
        "quantity": fill.quantity,
        "realized": fill.realized,
        "commission": fill.commission,
        "commission_asset": fill.commission_asset,
        "maker": fill.maker,
        "purpose": "kill" if is_ours else "foreign",
        "decision_price": ZERO,
        "slippage_bps": None,
        "position_side": fill.position_side.value,
    }
    return Record(
        "fill", pair=fill.symbol, order_id=str(fill.order_id), status="FILLED", fill_price=fill.price,
        quantity=fill.quantity, side=fill.side.value, run_id=run_id, actor="close-all", data=data,
    )  # fmt: skip
