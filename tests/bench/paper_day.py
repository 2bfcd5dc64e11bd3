"""A day of 20 pairs in process, an order a minute (reference 60 s): `python tests/bench/paper_day.py`."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from canary_cli.core.model import OrderType, Side
from canary_cli.paper.engine import Engine
from canary_cli.paper.market import synthetic_market
from canary_cli.paper.orders import NewOrder

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTES = 1440


def main() -> None:
    engine = Engine(synthetic_market(START, 1), Random(1))
    began, ticks = time.perf_counter(), 0
    for minute in range(1, MINUTES + 1):
        ticks += len(engine.advance(START + timedelta(minutes=minute)))
        side = Side.BUY if minute % 2 else Side.SELL
        engine.place(NewOrder("BTCUSDT", side, OrderType.MARKET, Decimal("0.01")))
        engine.drain()
    took = time.perf_counter() - began
    print(f"paper exchange: a day of 20 pairs in process {took:.1f} s, {ticks / took:,.0f} ticks/s (reference 60 s)")  # noqa: T201


if __name__ == "__main__":
    main()
