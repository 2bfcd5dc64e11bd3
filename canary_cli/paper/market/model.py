"""What a market is to the rest of the paper exchange: ticks, candles, books, funding, and the shocks it can be given.

Prices and quantities are `Decimal` on the pair's tick and step; times are aware UTC and are plan time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from canary_cli.core.model import Book, SymbolRules


@dataclass(frozen=True, slots=True)
class Tick:
    """The state of one pair at one instant of the grid. `volume`: base asset traded since the tick before."""

    symbol: str
    time: datetime
    last: Decimal
    mark: Decimal
    index: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Bracket:
    """One row of `leverageBracket`: up to `cap` USDT of notional, maintenance = notional * `maintenance` - `cum`."""

    number: int
    leverage: int
    floor: Decimal
    cap: Decimal
    maintenance: Decimal
    cum: Decimal


@dataclass(frozen=True, slots=True)
class Listing:
    """What `exchangeInfo` and `leverageBracket` say of a pair. `rules.status` is as listed: see `Market.status`."""

    rules: SymbolRules
    base_asset: str
    price_precision: int
    quantity_precision: int
    min_price: Decimal
    max_price: Decimal
    brackets: tuple[Bracket, ...]
    liquidation_fee: Decimal
    market_take_bound: Decimal
    trigger_protect: Decimal
    onboard: datetime

    @property
    def symbol(self) -> str:
        return self.rules.symbol


class Kline(NamedTuple):
    """A candle in Binance's fields and order; times are milliseconds, `close_time` is the last one inside."""

    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time: int
    quote_volume: Decimal
    trades: int
    taker_base: Decimal
    taker_quote: Decimal

    def row(self) -> list[int | str]:
        """The 12 items of a row of `/fapi/v1/klines`."""
        values = [value if isinstance(value, int) else str(value) for value in self]
        return [*values, "0"]


@dataclass(frozen=True, slots=True)
class Funding:
    """What will be paid at `next_time`, were it now; a positive rate is paid by longs."""

    rate: Decimal
    next_time: datetime
    interval_hours: int = 8


class Settlement(NamedTuple):
    """A funding payment that has been."""

    time: datetime
    rate: Decimal
    mark: Decimal


class Day(NamedTuple):
    """The last 24 hours of a pair."""

    start: datetime
    end: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int


_LARGEST_MOVE = 100.0  # as a share of the price


class ShockKind(StrEnum):
    GAP = "gap"  # price jumps by `move` at once
    CRASH = "crash"  # price slides by `move` over `duration`
    RECOVER = "recover"  # what earlier gaps and crashes moved is undone over `duration`
    FLAT = "flat"  # price stands still and nothing trades for `duration`, then catches up at once
    THIN = "thin"  # the book holds `depth` of its usual quantity for `duration`, and its spread widens as much
    HALT = "halt"  # as FLAT, and the status is TRADING_HALT


@dataclass(frozen=True, slots=True)
class Shock:
    """Something that happens to prices or books. `at` None means now; no `symbols` means all; `move` -0.08 is -8 %.

    Raises ValueError for what cannot happen.
    """

    kind: ShockKind
    at: datetime | None = None
    duration: timedelta = timedelta(0)
    symbols: tuple[str, ...] = ()
    move: float = 0.0
    depth: float = 0.1

    def __post_init__(self) -> None:
        if not -1 < self.move <= _LARGEST_MOVE:
            raise ValueError(f"move must be above -1, for a price stays positive, and at most {_LARGEST_MOVE:g}")
        if not 0 < self.depth <= 1:
            raise ValueError("depth must be above 0 and at most 1")
        if self.duration < timedelta(0):
            raise ValueError("what lasts cannot end before it begins")


class Market(Protocol):
    """A market that only moves when told to. Equal seeds and shocks give equal markets, however it is advanced."""

    @property
    def symbols(self) -> tuple[str, ...]: ...

    @property
    def listings(self) -> Mapping[str, Listing]: ...

    @property
    def now(self) -> datetime:
        """Time of the last tick given."""
        ...

    @property
    def grid(self) -> timedelta:
        """From one tick to the next."""
        ...

    def advance(self, until: datetime) -> Iterable[Tick]:
        """Every tick after `now` up to and including `until`, in time order, all pairs at each instant.

        `now` moves as they are taken, so that prices and books read in between fit the tick in hand.
        """
        ...

    def last(self, symbol: str) -> Decimal: ...

    def mark(self, symbol: str) -> Decimal: ...

    def index(self, symbol: str) -> Decimal: ...

    def status(self, symbol: str) -> str:
        """`TRADING`, or `TRADING_HALT` while a halt lasts."""
        ...

    def book(self, symbol: str, levels: int, at: datetime | None = None) -> Book:
        """The book now, or at an earlier tick of the last hour; `Book.time` is the tick's."""
        ...

    def klines(
        self, symbol: str, interval: str, start: datetime | None = None, end: datetime | None = None, limit: int = 500
    ) -> list[Kline]:
        """Candles that opened in [start, end], oldest first; without `start` the newest. The last may be running."""
        ...

    def day(self, symbol: str) -> Day: ...

    def funding(self, symbol: str) -> Funding: ...

    def funding_history(
        self, symbol: str, start: datetime | None = None, end: datetime | None = None, limit: int = 100
    ) -> list[Settlement]:
        """Payments in [start, end], oldest first; without `start` the newest."""
        ...

    def shock(self, shock: Shock) -> None:
        """Let it happen, at `shock.at` if that is still to come, else from the next tick on. KeyError: no such pair."""
        ...
