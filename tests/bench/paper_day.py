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
    began, used, ticks = time.perf_counter(), time.process_time(), 0
    for minute in range(1, MINUTES + 1):
        ticks += len(engine.advance(START + timedelta(minutes=minute)))
        side = Side.BUY if minute % 2 else Side.SELL
        engine.place(NewOrder("BTCUSDT", side, OrderType.MARKET, Decimal("0.01")))
        engine.drain()
    took, used = time.perf_counter() - began, time.process_time() - used
    print(  # noqa: T201
        f"paper exchange: a day of 20 pairs in process {took:.1f} s, {used:.1f} s of processor time,"
        f" {ticks / used:,.0f} ticks/s (reference 60 s)"
    )


if __name__ == "__main__":
    main()
