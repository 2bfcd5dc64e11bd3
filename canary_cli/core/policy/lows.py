"""The worst book of a rolling day, kept as the lowest of each hour, however often somebody looks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from canary_cli.core.model import Frame
from canary_cli.core.policy.sizing import Depth

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Low:
    """The thinnest book of an hour, USDT; `time` is when the first of that hour was measured."""

    time: datetime
    book: Decimal


@dataclass(frozen=True, slots=True)
class Lows:
    """A pair's thinnest books by hour, oldest first and never empty, and the newest figure of a thin minute, USDT."""

    hours: tuple[Low, ...]
    minute: Decimal

    def is_news(self, time: datetime, book: Decimal) -> bool:
        """The first book of an hour, or one that is thinner than those before it."""
        last = self.hours[-1]
        return _hour(last.time) != _hour(time) or book < last.book

    def over_a_day(self, now: datetime) -> Depth:
        """The worst that is known, and for how long the pair has been watched."""
        return Depth(min(low.book for low in self.hours), self.minute, min(DAY, now - self.hours[0].time))


def with_one_more(lows: Lows | None, time: datetime, book: Decimal, minute: Decimal) -> Lows:
    """What lies a day back falls away, but only for something newer: a question without an answer lifts no cap."""
    hours = tuple(low for low in lows.hours if time - low.time < DAY + Frame.H1.duration) if lows else ()
    if hours and _hour(hours[-1].time) == _hour(time):
        *before, last = hours
        return Lows((*before, Low(last.time, min(last.book, book))), minute)
    return Lows((*hours, Low(time, book)), minute)


def _hour(time: datetime) -> datetime:
    return Frame.H1.floor(time)
