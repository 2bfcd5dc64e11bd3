"""What is open, as a table, and as a few lines under another verb."""

from typing import Any

from canary_cli.core.model import Side
from canary_cli.render import output
from canary_cli.render.figures import money, percent, price
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


def _table(exposure: Exposure) -> Any:
    table = output.table("pair", "side", "quantity", "entry", "mark", "value", "P&L", "stop", "at risk")
    for column in table.columns[2:]:
        column.justify = "right"
    for one in exposure.positions:
        held = one.position
        table.add_row(held.symbol, _direction(one), str(abs(held.quantity)), price(held.entry_price),
                      price(held.mark_price), money(held.notional), money(held.unrealized, signed=True),
                      price(one.stop) if one.stop is not None else "NO STOP", money(one.at_risk))  # fmt: skip
    return table


def _direction(one: Open) -> str:
    return "LONG" if one.position.quantity > 0 else "SHORT"


def risk(exposure: Exposure) -> str:
    """`open risk: $12.40 (0.12% of equity) if every stop fills at its price`, and what has no stop."""
    share = percent(exposure.open_risk)
    said = f"open risk: {money(exposure.at_risk)} ({share} of equity) if every stop fills at its price"
    return said + (f"; NO STOP: {', '.join(exposure.unprotected)}" if exposure.unprotected else "")


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
