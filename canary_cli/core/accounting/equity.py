"""Equity on mark prices, its running peak, and drawdown: what the breaker and the gates judge money by.

Equity is wallet balance plus unrealised profit (Binance: totalMarginBalance). Drawdown is the distance to the highest
transfer-adjusted equity since the deployment started, in percent, zero or negative: -2.5 means 2.5 % below the peak.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from canary_cli.core.accounting.numbers import finite
from canary_cli.core.model import ZERO


class Held(Protocol):
    """An open position: `quantity` is signed, negative is short."""

    @property
    def symbol(self) -> str: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def entry_price(self) -> Decimal: ...


def equity_of(wallet: Decimal | None, held: Iterable[Held], marks: Mapping[str, Decimal]) -> Decimal | None:
    """Wallet plus every position at its mark; None where any part is missing, no number, or makes no sense.

    Equity at or below zero is None too: an account that trades has money, so such a reading is broken data, and a real
    loss of everything is told by the liquidation that came with it.
    """
    total = finite(wallet)
    for position in held:
        mark = finite(marks.get(position.symbol))
        if total is None or mark is None or mark <= 0:
            return None
        total += position.quantity * (mark - position.entry_price)
    total = finite(total)
    return total if total is not None and total > 0 else None


def drawdown_pct(equity: Decimal | None, peak: Decimal | None) -> Decimal | None:
    """Percent below the peak, zero or negative; None where either is missing or no number."""
    now, top = finite(equity), finite(peak)
    if now is None or top is None or top <= 0:
        return None
    return min(ZERO, (now - top) / top * 100)


@dataclass(frozen=True, slots=True)
class Curve:
    """Equity as it went: `peak` since the start, `day_peak` since midnight UTC, the worst distance to each in percent.

    Peaks move with deposits and withdrawals in proportion, so neither can cause a drawdown or hide one: a fund counts
    its net asset value in the same way, by units, which money that comes or goes buys or redeems.
    """

    equity: Decimal | None = None
    peak: Decimal | None = None
    max_drawdown_pct: Decimal = ZERO
    day: date | None = None
    day_peak: Decimal | None = None
    intraday_pct: Decimal = ZERO

    @property
    def drawdown_pct(self) -> Decimal | None:
        return drawdown_pct(self.equity, self.peak)

    def marked(self, equity: Decimal | None, now: datetime) -> "Curve":
        """After one reading. A missing reading changes nothing but `equity`: peaks and worst values stay."""
        value = finite(equity)
        if value is None or value <= 0:
            return replace(self, equity=None)
        day = self._on(now.date())
        peak, day_peak = max(self.peak or value, value), max(day.day_peak or value, value)
        return replace(
            day,
            equity=value,
            peak=peak,
            day_peak=day_peak,
            max_drawdown_pct=min(self.max_drawdown_pct, drawdown_pct(value, peak) or ZERO),
            intraday_pct=min(day.intraday_pct, drawdown_pct(value, day_peak) or ZERO),
        )

    def transferred(self, before: Decimal, after: Decimal) -> "Curve":
        """A deposit or withdrawal took equity from `before` to `after`, USDT; emptied, the curve begins anew."""

        def moved(peak: Decimal | None) -> Decimal | None:
            return None if peak is None or after <= 0 or before <= 0 else round(peak * after / before, 8)

        equity = after if self.equity is not None and after > 0 else None
        return replace(self, equity=equity, peak=moved(self.peak), day_peak=moved(self.day_peak))

    def _on(self, day: date) -> "Curve":
        return self if day == self.day else replace(self, day=day, day_peak=None, intraday_pct=ZERO)
