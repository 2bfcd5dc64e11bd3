"""Equity curve: peaks, days, transfers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.accounting.equity import Curve, equity_of
from canary_cli.core.model import Position

NOON = datetime(2026, 2, 22, 12, tzinfo=UTC)
MONEY = st.decimals(1, 10**7, places=2)


def test_the_day_begins_anew_at_midnight_utc_and_the_deployment_does_not() -> None:
    curve = Curve().marked(Decimal(100), NOON).marked(Decimal(98), NOON)
    assert (curve.drawdown_pct, curve.intraday_pct) == (-2, -2)
    next_day = curve.marked(Decimal(98), NOON + timedelta(hours=12))
    assert (next_day.drawdown_pct, next_day.intraday_pct, next_day.max_drawdown_pct) == (-2, 0, -2)


def test_shorts_gain_when_the_mark_falls() -> None:
    short = Position("ETHUSDT", Decimal(-2), Decimal(2000), Decimal(0))
    assert equity_of(Decimal(1000), [short], {"ETHUSDT": Decimal(1900)}) == 1200


@given(values=st.lists(MONEY | st.none(), max_size=30))
def test_drawdown_is_never_positive_and_the_peak_never_falls(values: list[Decimal | None]) -> None:
    curve = Curve()
    for value in values:
        after = curve.marked(value, NOON)
        assert after.drawdown_pct is None or after.drawdown_pct <= 0
        assert after.peak is None or curve.peak is None or after.peak >= curve.peak
        assert after.max_drawdown_pct <= curve.max_drawdown_pct
        curve = after
    real = [value for value in values if value is not None]
    assert curve.peak == max(real, default=None)


@given(start=MONEY, profit=st.decimals(-1000, 1000, places=2), transfer=st.decimals(-(10**6), 10**6, places=2))
def test_fault_3_no_transfer_changes_what_was_won_or_lost(start: Decimal, profit: Decimal, transfer: Decimal) -> None:
    """The distance to the peak, in money, is the same with and without a transfer."""
    base = start + 10_000
    plain = Curve().marked(base, NOON).marked(base + profit, NOON)
    moved = Curve().marked(base, NOON).transferred(transfer)
    after = moved.marked(base + transfer + profit, NOON) if base + transfer + profit > 0 else None
    if after is not None and after.equity and after.peak and plain.peak and plain.equity:
        assert after.peak - after.equity == plain.peak - plain.equity
