"""The book of every pair as everybody sees it, our own orders in it: `bookTicker`, `depth` and diff streams.

REST tells the same book under the same update ids: an id grows with every tick and with whatever our orders change
between two ticks, so a client that follows the diffs from a snapshot holds what the next snapshot says.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from canary_cli.core.model import ZERO, Book, Side
from canary_cli.paper.market_streams import Stream, parse
from canary_cli.paper.matching import Level
from canary_cli.paper.shapes import ms, plain
from canary_cli.paper.state import State

KINDS = ("bookTicker", "depth")

_WATCHED, _DEEPEST = 100, 1000  # levels a diff watches; where an order of ours lies deeper, as many as REST tells
_MOST_PASSED = 5000  # levels that a jump of the price deletes: a client's book starts from 1000
_SHALLOW = 5  # levels read for the best, as over REST
_UPDATES_A_SECOND = 1_000_000

Object = dict[str, Any]
Rows = tuple[Level, ...]


class Told(NamedTuple):
    """What the diffs of a pair have said so far."""

    book: Book
    id: int
    levels: int


@dataclass(slots=True)
class PublicBook:
    """`changed` says that our orders have changed the book of a pair since the last publication."""

    state: State
    _changes: dict[str, int] = field(default_factory=dict)
    _second: int = 0
    _changed: set[str] = field(default_factory=set)
    _told: dict[str, Told] = field(default_factory=dict)
    _best: dict[str, tuple[Level, Level]] = field(default_factory=dict)

    def changed(self, symbol: str) -> None:
        self._forget_earlier()
        self._changes[symbol] = self._changes.get(symbol, 0) + 1
        self._changed.add(symbol)

    def update_id(self, symbol: str) -> int:
        """`lastUpdateId` of a snapshot taken now."""
        self._forget_earlier()
        return self._second * _UPDATES_A_SECOND + self._changes.get(symbol, 0)

    def _forget_earlier(self) -> None:
        second = int(self.state.market.now.timestamp())
        if second != self._second:
            self._second, self._changes = second, {}

    def follow(self, name: str) -> None:
        """Somebody begins to hear this stream: a diff that comes tells what changes from here on."""
        stream = parse(name)
        if stream is not None and stream.symbol in self.state.listings and stream.kind == "depth":
            self._told.setdefault(stream.symbol, self._now(stream.symbol))

    def _now(self, symbol: str, least: int = _WATCHED) -> Told:
        levels = max(least, self._levels(symbol))
        return Told(self.state.book(symbol, levels), self.update_id(symbol), levels)

    def _levels(self, symbol: str) -> int:
        """How deep one must look to see all our orders that REST tells."""
        own = list(self.state.orders.open(symbol))
        if not own:
            return _WATCHED
        lowest, highest = (self.state.levels(symbol, side, _WATCHED)[-1][0] for side in (Side.BUY, Side.SELL))
        inside = all(lowest <= order.price <= highest for order in own)
        return _WATCHED if inside else _DEEPEST

    def publications(self, ticked: Collection[str], names: Collection[str]) -> Iterator[tuple[str, Object]]:
        """(stream name, payload) for every book stream of `names` whose pair has had a tick or been changed."""
        changed, self._changed = self._changed, set()
        touched = [symbol for symbol in self.state.market.symbols if symbol in ticked or symbol in changed]
        streams = [(name, stream) for name in names if (stream := parse(name)) is not None and stream.kind in KINDS]
        diffs = {stream.symbol for _, stream in streams if _is_diff(stream)}
        self._told = {symbol: told for symbol, told in self._told.items() if symbol in diffs}
        for symbol in touched:
            heard = [(name, stream) for name, stream in streams if stream.symbol in (None, symbol)]
            yield from self._of_pair(symbol, heard, ticked=symbol in ticked)

    def _of_pair(
        self, symbol: str, heard: Collection[tuple[str, Stream]], *, ticked: bool
    ) -> Iterator[tuple[str, Object]]:
        """The diff is made once for all who hear it; a best that our orders did not change is no news."""
        diff = self._diff(symbol) if any(_is_diff(stream) for _, stream in heard) else None
        ticker = self._ticker(symbol, ticked=ticked) if any(s.kind == "bookTicker" for _, s in heard) else None
        for name, stream in heard:
            if stream.argument:
                yield name, self._top(symbol, int(stream.argument))
            elif (payload := ticker if stream.kind == "bookTicker" else diff) is not None:
                yield name, payload

    def _ticker(self, symbol: str, *, ticked: bool) -> Object | None:
        book = self.state.book(symbol, _SHALLOW)
        (bid, bids), (ask, asks) = best = book.bids[0], book.asks[0]
        before, self._best[symbol] = self._best.get(symbol), best
        if best == before and not ticked:
            return None
        now = ms(self.state.now)
        head = {"e": "bookTicker", "u": self.update_id(symbol), "s": symbol, "ps": symbol}
        return head | {
            "b": plain(bid),
            "B": plain(bids),
            "a": plain(ask),
            "A": plain(asks),
            "T": now,
            "E": now,
            "st": 1,
        }

    def _top(self, symbol: str, levels: int) -> Object:
        book = self.state.book(symbol, max(levels, _SHALLOW))
        update = self.update_id(symbol)
        return self._depth(symbol, update, update, book.bids[:levels], book.asks[:levels])

    def _diff(self, symbol: str) -> Object:
        """What has changed since the last one."""
        before = self._told.get(symbol) or self._now(symbol)
        now = self._told[symbol] = self._now(symbol, before.levels)
        self._told[symbol] = now._replace(levels=self._levels(symbol))
        tick = self.state.listing(symbol).rules.tick
        bids = _changes(before.book.bids, now.book.bids, -tick)
        asks = _changes(before.book.asks, now.book.asks, tick)
        return self._depth(symbol, before.id, now.id, bids, asks)

    def _depth(self, symbol: str, before: int, update: int, bids: Iterable[Level], asks: Iterable[Level]) -> Object:
        now = ms(self.state.now)
        head = {"e": "depthUpdate", "E": now, "T": now, "s": symbol, "ps": symbol}
        return head | {"U": before, "u": update, "pu": before, "b": _rows(bids), "a": _rows(asks), "st": 1}


def _is_diff(stream: Stream) -> bool:
    return stream.kind == "depth" and not stream.argument


def _changes(then: Rows, now: Rows, step: Decimal) -> Iterator[Level]:
    """Levels of one side whose quantity is another, and zero for what is gone. `step`: from the best to the next."""
    known, present = dict(then), dict(now)
    direction = 1 if step > 0 else -1
    worst = now[-1][0] * direction
    passed = int((now[0][0] - then[0][0]) / step)
    gone = dict.fromkeys((then[0][0] + step * place for place in range(min(max(passed, 0), _MOST_PASSED))), ZERO)
    gone |= {price: ZERO for price in known if price * direction <= worst and price not in present}
    yield from gone.items()
    yield from ((price, quantity) for price, quantity in now if known.get(price) != quantity)


def _rows(rows: Iterable[Level]) -> list[list[str]]:
    return [[plain(price), plain(quantity)] for price, quantity in rows]
