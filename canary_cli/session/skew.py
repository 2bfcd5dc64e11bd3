"""How far this machine's clock is from the exchange's, and the condition that holds entries while that is too far.

Requests are stamped with the exchange's time, so orders pass; but bars, silences and schedules go by our own clock.
"""

from collections.abc import Callable

from canary_cli.core.clock import Clock
from canary_cli.core.trading.inputs import ConditionChanged, Input
from canary_cli.errors import ExchangeUnreachable
from canary_cli.session.exchange import Market

SKEW = "clock-skew"
SKEW_LIMIT_MS = 1000.0
"""Binance refuses requests dated more than 1000 ms ahead of it (-1021)."""

LOOK_EVERY = 30.0
"""Wall seconds between two looks at the exchange's clock."""


async def clock_skew(market: Market, clock: Clock) -> tuple[float, float]:
    """One round trip in seconds, and how many ms our wall clock is ahead. Raises ExchangeUnreachable."""
    sent, began = clock.wall(), clock.monotonic()
    server = await market.server_time()
    trip = clock.monotonic() - began
    return trip, 1000 * ((sent - server).total_seconds() + trip / 2)


async def watch_skew(market: Market, clock: Clock, post: Callable[[Input], None]) -> None:
    """Tell the session for ever whether its clock can be trusted. An exchange that does not answer says nothing of it.

    A slow round trip proves nothing either: it may be as far off as it took long.
    """
    while True:
        try:
            trip, skew = await clock_skew(market, clock)
        except ExchangeUnreachable:
            pass
        else:
            is_off = abs(skew) - 500 * trip > SKEW_LIMIT_MS
            detail = (
                f"this machine is {abs(skew):.0f} ms {'ahead' if skew > 0 else 'behind'}: timedatectl" if is_off else ""
            )
            post(ConditionChanged(clock.now(), SKEW, is_off, detail))
        await clock.pause(LOOK_EVERY)
