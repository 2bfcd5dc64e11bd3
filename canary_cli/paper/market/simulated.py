"""The market that walks along a source's candles on a grid of plan time, and keeps all pairs in step."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from canary_cli.core.model import Book
from canary_cli.paper.market.bars import (
    CLOSE,
    DAY,
    HIGH,
    INTERVALS,
    LOW,
    MINUTE,
    OPEN,
    QUOTE,
    TRADES,
    VOLUME,
    candle_open,
    resample,
    stack,
    to_klines,
    with_flow,
)
from canary_cli.paper.market.model import Day, Funding, Kline, Listing, Settlement, Shock, Tick
from canary_cli.paper.market.shocks import Shocks
from canary_cli.paper.market.source import FUNDING_SECONDS, Source
from canary_cli.paper.market.tape import STRETCH
from canary_cli.paper.market.track import Track

GRIDS = (1, 2, 3, 4, 5, 6, 10, 12, 15)  # seconds; a minute holds a whole number of each, and at least four
_FUNDING_DIGITS = Decimal("0.00000001")


class SimulatedMarket:
    """A `Market` over a `Source`, from `start` on, with a tick every `grid` seconds.

    Equal sources, starts, grids and shocks give equal markets, byte for byte. Where a recording ends, ticks end.
    Raises ValueError for a grid that is not in `GRIDS`, KeyError for a pair it does not have.
    """

    def __init__(self, source: Source, start: datetime, grid: int = 1) -> None:
        if grid not in GRIDS:
            raise ValueError(f"a grid of {grid} s does not fit a minute: take one of {GRIDS}")
        self._source, self._grid = source, grid
        self._second = int(start.timestamp()) // grid * grid
        self._shocks = Shocks()
        begin = self._second // STRETCH * STRETCH
        self._roll_at = begin + STRETCH
        self._tracks = {symbol: Track(source, symbol, begin, grid, self._shocks) for symbol in source.listings}

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._tracks)

    @property
    def listings(self) -> Mapping[str, Listing]:
        return self._source.listings

    @property
    def now(self) -> datetime:
        return _instant(self._second)

    @property
    def grid(self) -> timedelta:
        return timedelta(seconds=self._grid)

    def advance(self, until: datetime) -> Iterator[Tick]:
        end = int(until.timestamp())
        if self._source.end is not None:
            end = min(end, self._source.end - self._grid)
        while self._second + self._grid <= end:
            self._step()
            now, second = self.now, self._second
            for track in self._tracks.values():
                yield track.tick(second, now)

    def _step(self) -> None:
        following = self._second + self._grid
        if following >= self._roll_at:
            for track in self._tracks.values():
                track.roll(self._roll_at)
            self._roll_at += STRETCH
        self._second = following

    def last(self, symbol: str) -> Decimal:
        return self._tick(symbol).last

    def mark(self, symbol: str) -> Decimal:
        return self._tick(symbol).mark

    def index(self, symbol: str) -> Decimal:
        return self._tick(symbol).index

    def _tick(self, symbol: str) -> Tick:
        return self._tracks[symbol].tick(self._second, self.now)

    def status(self, symbol: str) -> str:
        halted = self._shocks.halted(symbol, self._second)
        return "TRADING_HALT" if halted else self._source.listings[symbol].rules.status

    def book(self, symbol: str, levels: int, at: datetime | None = None) -> Book:
        second = self._second if at is None else int(at.timestamp())
        return self._tracks[symbol].book(second, levels)

    def klines(
        self, symbol: str, interval: str, start: datetime | None = None, end: datetime | None = None, limit: int = 500
    ) -> list[Kline]:
        """See `Market.klines`. Raises KeyError for an interval that is not in `INTERVALS`."""
        track = self._tracks[symbol]
        until = self._second if end is None else min(int(end.timestamp()), self._second)
        since = _ceiling(start, interval) if start else 0
        if start:
            until = min(until, since + (limit - 1) * INTERVALS[interval])
        bars = stack(track.layers(self._second), interval, since, until, None if start else limit)
        if not len(bars):
            return []
        joined = resample(with_flow(bars, track.trade_steps), interval)
        joined = joined[(joined[:, 0] >= since) & (joined[:, 0] <= until)]
        return to_klines(joined[:limit] if start else joined[-limit:], interval, track.units)

    def day(self, symbol: str) -> Day:
        track, start = self._tracks[symbol], self._second // MINUTE * MINUTE - DAY + MINUTE
        bars = stack(track.layers(self._second), "1m", start, self._second, None)
        flow = with_flow(bars, track.trade_steps)
        units = track.units
        return Day(
            _instant(start),
            self.now,
            units.price(int(bars[0, OPEN])),
            units.price(int(bars[:, HIGH].max())),
            units.price(int(bars[:, LOW].min())),
            units.price(int(bars[-1, CLOSE])),
            units.quantity(int(bars[:, VOLUME].sum())),
            units.quote(int(flow[:, QUOTE].sum())),
            int(flow[:, TRADES].sum()),
        )

    def funding(self, symbol: str) -> Funding:
        following = (self._second // FUNDING_SECONDS + 1) * FUNDING_SECONDS
        return Funding(self._rate(symbol, following), _instant(following), FUNDING_SECONDS // 3600)

    def funding_history(
        self, symbol: str, start: datetime | None = None, end: datetime | None = None, limit: int = 100
    ) -> list[Settlement]:
        first = max(self._source.funding_since(symbol), int(start.timestamp()) if start else 0)
        until = self._second if end is None else min(int(end.timestamp()), self._second)
        times = range(-(-first // FUNDING_SECONDS) * FUNDING_SECONDS, until + 1, FUNDING_SECONDS)
        return [self._settlement(symbol, time) for time in (times[:limit] if start else times[-limit:])]

    def _settlement(self, symbol: str, time: int) -> Settlement:
        track = self._tracks[symbol]
        ticks = track.close_at(time, self._second)
        mark = track.units.price(ticks) if ticks else Decimal(0)
        return Settlement(_instant(time), self._rate(symbol, time), mark)

    def _rate(self, symbol: str, time: int) -> Decimal:
        return Decimal(repr(self._source.funding_rate(symbol, time))).quantize(_FUNDING_DIGITS)

    def shock(self, shock: Shock) -> None:
        unknown = set(shock.symbols) - set(self._tracks)
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        self._shocks.add(shock, self.now + timedelta(seconds=self._grid))
        for track in self._tracks.values():
            track.shake()


def _instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _ceiling(start: datetime, interval: str) -> int:
    """The first candle that opens at or after `start`, or the one that contains it in the calendar's intervals."""
    length = INTERVALS[interval] if interval not in ("1w", "1M") else 1
    whole = np.array([-int(-start.timestamp() // length * length)])
    return int(candle_open(whole, interval)[0])
