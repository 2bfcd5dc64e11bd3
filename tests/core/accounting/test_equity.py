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


@given(
    peak=MONEY,
    lost=st.decimals(0, 1, places=4),
    transfer=st.decimals(Decimal("-0.999"), 100, places=3),
)
def test_fault_3_no_transfer_causes_a_drawdown_or_hides_one(peak: Decimal, lost: Decimal, transfer: Decimal) -> None:
    """The distance to the peak, in percent, is the same after it as before, whatever had been lost till then."""
    fallen = (peak + 10_000) * (1 - lost * Decimal("0.9"))
    before = Curve().marked(peak + 10_000, NOON).marked(fallen, NOON)
    after = before.transferred(fallen, fallen * (1 + transfer)).marked(fallen * (1 + transfer), NOON)
    assert before.drawdown_pct is not None
    assert after.drawdown_pct is not None
    assert abs(after.drawdown_pct - before.drawdown_pct) < Decimal("0.000001")


def test_after_everything_was_withdrawn_the_curve_begins_anew() -> None:
    emptied = Curve().marked(Decimal(10_000), NOON).transferred(Decimal(10_000), Decimal(0))
    assert emptied.marked(Decimal(500), NOON).peak == 500
