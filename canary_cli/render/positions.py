"""What is open, as a table, and as a few lines under another verb."""

from typing import Any

from canary_cli.core.model import Side
from canary_cli.render import output
from canary_cli.render.figures import mark, money, percent, price
from canary_cli.steps.positions import Exposure, Open


def show(account: str, exposure: Exposure) -> None:
    """On stdout: positions, orders, open risk."""
    if not exposure.positions:
        output.line(f"NOTHING OPEN on {account}")
    else:
        output.stdout().print(_table(exposure))
    snapshot = exposure.snapshot
    output.line(f"orders: {len(snapshot.orders)} regular, {len(snapshot.algo_orders)} conditional")
    output.line(f"equity: {money(snapshot.balance.margin)}, wallet {money(snapshot.balance.wallet)}")
    if exposure.positions:
        output.line(risk(exposure), style="bold red" if exposure.unprotected else "")


NARROW = 100
"""Columns of a screen under which the table leaves out what the others tell between them."""


def _table(exposure: Exposure) -> Any:
    leave_out = {"entry", "value"} if output.stdout().width < NARROW else set()
    rows = [{name: cell for name, cell in _cells(one).items() if name not in leave_out} for one in exposure.positions]
    table = output.table(*rows[0])
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*row.values())
    return table


def _cells(one: Open) -> dict[str, str]:
    held = one.position
    return {
        "pair": held.symbol,
        "side": _direction(one),
        "quantity": f"{abs(held.quantity):f}",
        "entry": mark(held.entry_price),
        "mark": mark(held.mark_price),
        "value": money(held.notional),
        "P&L": money(held.unrealized, signed=True),
        "stop": "NO STOP" if one.stop is None else price(one.stop),
        "at risk": money(one.at_risk),
    }


def _direction(one: Open) -> str:
    return "LONG" if one.position.quantity > 0 else "SHORT"


def risk(exposure: Exposure) -> str:
    """`open risk: $12.40 (0.12% of equity) if every stop fills at its price`, or what has no stop and is not known."""
    if exposure.unprotected:
        naked = ", ".join(exposure.unprotected)
        return f"open risk: NOT KNOWN, NO STOP: {naked}; {money(exposure.at_stops)} at the stops of the others"
    share = percent(exposure.open_risk)
    return f"open risk: {money(exposure.at_risk)} ({share} of equity) if every stop fills at its price"


def document(account: str, exposure: Exposure) -> dict[str, Any]:
    snapshot = exposure.snapshot
    return {
        "account": account,
        "positions": [
            {
                "symbol": one.position.symbol,
                "side": Side.BUY if one.position.quantity > 0 else Side.SELL,
                "quantity": one.position.quantity,
                "position_side": one.position.position_side,
                "entry_price": one.position.entry_price,
                "mark_price": one.position.mark_price,
                "notional": one.position.notional,
                "unrealized": one.position.unrealized,
                "stop": one.stop,
                "at_risk": one.at_risk,
            }
            for one in exposure.positions
        ],
        "orders": len(snapshot.orders),
        "algo_orders": len(snapshot.algo_orders),
        "equity": snapshot.balance.margin,
        "at_risk": exposure.at_risk,
        "open_risk_pct": exposure.open_risk,
        "unprotected": exposure.unprotected,
    }
