"""After a closing: looking again for what came back late, and what the closes cost."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from canary_cli.core.clock import Clock
from canary_cli.core.model import ZERO, SymbolRules
from canary_cli.core.trading.flatten import Outcome
from canary_cli.errors import CanaryError
from canary_cli.session.exchange import Exchange
from canary_cli.session.flattening import FlattenReport, flatten

RECHECKS = (2.0, 10.0, 60.0)
"""Plan seconds after flat at which the account is looked at again for fills that came late."""

CLOCKS_APART = timedelta(minutes=10)
"""How far our clock may be ahead of the time stamps of the exchange's fills, which are told apart by order anyway."""


async def confirm_flat(
    exchange: Exchange,
    clock: Clock,
    rules: Mapping[str, SymbolRules],
    on_report: Callable[[FlattenReport], None],
    *,
    wanted: Callable[[], bool] = lambda: True,
) -> bool:
    """Look again after `RECHECKS`, closing what came back, until all looks in a row find nothing open.

    Each look is told to `on_report`; one that had something to close starts the row again. Returns False when
    `wanted` (asked before each look) says that somebody has allowed trading again.
    """
    looked, since = 0, clock.now()
    while looked < len(RECHECKS):
        await clock.sleep(RECHECKS[looked] - (clock.now() - since).total_seconds())
        if not wanted():
            return False
        report = await flatten(exchange, clock, None, rules, "re-check", lambda _progress: None, None)
        on_report(report)
        if report.outcome is Outcome.NOTHING_OPEN:
            looked += 1
        else:
            looked, since = 0, clock.now()
    return True


async def execution_cost(exchange: Exchange, report: FlattenReport) -> Decimal | None:
    """Realised profit less commission of the closes, in USDT; None where it is not known what there was, or the fills.

    Commission in another asset (BNB) is left out.
    """
    if not report.is_flat and not report.positions:
        return None
    symbols = sorted({one.symbol for one in report.positions})
    since = report.began - CLOCKS_APART
    try:
        pages = await asyncio.gather(*(exchange.trades(symbol, since) for symbol in symbols))
    except CanaryError:
        return None
    fills = [fill for page in pages for fill in page if fill.order_id in report.order_ids]
    fees = sum((fill.commission for fill in fills if fill.commission_asset == "USDT"), ZERO)
    return sum((fill.realized for fill in fills), ZERO) - fees
