"""Money, percentages, times and durations as text, the same on every screen and in every report."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

MISSING = "-"
_MONTHS = ("JAN", "FEV", "MAR", "ABR", "MAI", "JUN", "JUL", "AGO", "SET", "OUT", "NOV", "DEZ")


def money(amount: Decimal | None, *, signed: bool = False) -> str:
    """`-$124.32`, `$1,204.00`; `+$342.50` where `signed`."""
    if amount is None:
        return MISSING
    rounded = round(amount, 2)
    sign = "-" if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}${abs(rounded):,.2f}"


def percent(value: Decimal | None, places: int = 2) -> str:
    """A value that already is in percent: `-0.84%`; never `-0.00%`."""
    return MISSING if value is None else f"{round(value, places) + 0:.{places}f}%"


def share(fraction: Decimal | None, places: int = 0) -> str:
    """A fraction of one as percent: 0.1 is `10%`."""
    return MISSING if fraction is None else f"{fraction * 100:.{places}f}%"


def number(value: Decimal | float | None) -> str:
    """No trailing zeros, no exponent, at most six decimals: `245`, `3.5`, `0.002`."""
    if value is None:
        return MISSING
    text = f"{value:,.6f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def measured(text: object) -> str:
    """A figure as a journal holds it, rounded as `number` does; `unmeasured` for None."""
    if text is None:
        return "unmeasured"
    try:
        return number(Decimal(str(text)))
    except ArithmeticError:
        return str(text)


def price(value: Decimal | None) -> str:
    """A price with the decimals the exchange gave it."""
    return MISSING if value is None else f"{value:,f}"


def mark(value: Decimal | None) -> str:
    """A price that the exchange computed: its zeros beyond the cents say nothing."""
    if value is None:
        return MISSING
    whole, _, decimals = f"{value:,f}".partition(".")
    return f"{whole}.{decimals[:2]:0<2}{decimals[2:].rstrip('0')}"


def clock(instant: datetime | None) -> str:
    """`10:30:15`, in UTC."""
    return MISSING if instant is None else f"{instant.astimezone(UTC):%H:%M:%S}"


def instant(moment: datetime | None) -> str:
    """`2026-02-22 10:30:15 UTC`."""
    return MISSING if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def day(moment: datetime) -> str:
    """`22 FEV`: the day in UTC, with the month as the team's procedures write it."""
    utc = moment.astimezone(UTC)
    return f"{utc.day:02d} {_MONTHS[utc.month - 1]}"


def duration(span: timedelta | None) -> str:
    """`850 ms`, `45 s`, `12 min 05 s`, `3 h 07 min`, `2 d 04 h`; negative spans keep their sign."""
    if span is None:
        return MISSING
    seconds = span.total_seconds()
    if seconds < 0:
        return "-" + duration(-span)
    if seconds < 10:
        return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    whole = int(seconds)
    for size, unit, small, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // small:02d} {small_unit}"
    return f"{whole} s"
