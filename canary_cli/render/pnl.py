"""Profit and loss on the screen: the short block first, then what it is made of."""

import csv
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

from rich.table import Table

from canary_cli.core.accounting.pnl import Pnl, Tally
from canary_cli.render import figures, output
from canary_cli.steps.pnl import Report

_COLUMNS = ("pair", "side", "opened", "closed", "quantity", "gross", "fees", "net", "slippage_cost", "fills", "probe")


def show(report: Report, *, as_json: bool) -> None:
    if as_json:
        output.print_document(_document(report))
        return
    _block(report.pnl)
    output.stdout().print(_parts(report.pnl))
    if report.pnl.pairs:
        output.stdout().print(_pairs(report.pnl))
    _comparison(report.pnl)
    output.notice(f"{'; '.join(report.sources)}. Unrealised profit is not in Net P&L.")
    for what in report.missing:
        output.notice(f"MISSING: {what}", style="yellow")


def _block(pnl: Pnl) -> None:
    """The lines every report, alert and post-mortem quotes."""
    output.line(f"Total trades: {pnl.trades}")
    output.line(f"Profitable: {_tally(pnl.profitable)}")
    output.line(f"Loss-making: {_tally(pnl.losing)}")
    output.line(f"Net P&L: {figures.money(pnl.net)}")
    output.line(f"Duration: {_minutes(pnl.duration)}")


def _tally(tally: Tally) -> str:
    return f"{tally.count} ({figures.money(tally.net, signed=True)})"


def _minutes(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    if hours >= 48:
        return f"{hours // 24}d {hours % 24:02d}h"
    return f"{hours}h {minutes:02d}min" if hours else f"{minutes}min"


def _parts(pnl: Pnl) -> Table:
    made = output.table("of which", "amount", "note")
    made.columns[1].justify = "right"
    shortfall = "" if pnl.shortfall_bps is None else f"implementation shortfall {pnl.shortfall_bps:.1f} bps"
    rows: list[tuple[str, Decimal | None, str]] = [
        ("probes", pnl.probes.net, f"{_counted(pnl.probes.count, 'round trip')}, execution evidence"),
        ("open positions", pnl.open.net, f"{_counted(pnl.open.count, 'position')}: realised so far, less fees"),
        ("funding", pnl.funding, ""),
        ("fees", -pnl.fees, "in the lines above"),
        ("slippage", -pnl.slippage_cost, f"in the prices; {shortfall}".rstrip("; ")),
        ("rollback itself", -pnl.rollback_cost, "slippage and fees of kill orders, in the lines above"),
        ("unrealised", pnl.unrealized, "not in Net P&L"),
        *((kind.lower(), amount, "not in Net P&L") for kind, amount in pnl.apart.items()),
    ]
    for name, amount, note in rows:
        made.add_row(name, figures.money(amount, signed=True), note)
    made.add_row("max drawdown", figures.percent(pnl.max_drawdown_pct), "of equity, from its peak")
    if pnl.net_pct is not None:
        made.add_row("return", figures.percent(pnl.net_pct), "Net P&L over equity at the start")
    if pnl.even:
        made.add_row("break-even", str(pnl.even), "trades that neither won nor lost")
    for asset, amount in pnl.unconverted.items():
        made.add_row("fees", f"{figures.number(amount)} {asset}", "no price known: not in any figure")
    return made


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _pairs(pnl: Pnl) -> Table:
    made = output.table("pair", "trades", "profitable", "net", "fees", "funding", "slippage")
    for column in made.columns[1:]:
        column.justify = "right"
    for pair in pnl.pairs:
        money = (pair.net, -pair.fees, pair.funding, -pair.slippage_cost)
        made.add_row(
            pair.symbol, str(pair.trades), str(pair.profitable), *(figures.money(one, signed=True) for one in money)
        )
    return made


def _comparison(pnl: Pnl) -> None:
    if pnl.agrees is None:
        output.line("exchange: NOT ASKED", style="yellow")
        return
    for one in pnl.comparisons:
        word = "agrees" if abs(one.difference) < Decimal("0.01") else f"DIFFERS by {figures.money(one.difference)}"
        style = "" if word == "agrees" else "bold red"
        amounts = f"{figures.money(one.exchange, signed=True)}, our fills {figures.money(one.ours, signed=True)}"
        output.line(f"exchange {one.type}: {amounts}: {word}", style=style)
    if pnl.is_provisional:
        output.line("provisional: the exchange may still be booking; ask again in a minute", style="yellow")


def _document(report: Report) -> dict[str, Any]:
    pnl = report.pnl
    document: dict[str, Any] = output.plain(pnl)
    comparisons = [{**output.plain(one), "difference": one.difference} for one in pnl.comparisons]
    return {
        "account": report.account,
        **document,
        "comparisons": comparisons,
        "trades": pnl.trades,
        "duration_seconds": pnl.duration,
        "is_provisional": pnl.is_provisional,
        "sources": report.sources,
        "missing": report.missing,
        "exit_code": 0,
    }


def show_csv(report: Report) -> None:
    """Times are RFC 3339 UTC, amounts exact USDT."""
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for trip in report.pnl.trips:
        figures_of = (trip.largest, trip.gross, trip.fees, trip.net, trip.slippage_cost)
        amounts = (f"{value:f}" for value in figures_of)
        times = (output.plain(trip.opened), output.plain(trip.closed))
        lines.writerow((trip.symbol, trip.side.value, *times, *amounts, trip.fills, int(trip.is_probe)))
