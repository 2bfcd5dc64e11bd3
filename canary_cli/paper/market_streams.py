"""Payloads of Binance's public and market streams, as `btcusdt@kline_15m` or `!bookTicker`, made from ticks.

Field names and types follow the USD-M stream reference of 2026 (the `/public` and `/market` hosts): prices and
quantities are strings, times and ids whole numbers. Times are plan time.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from canary_cli.core.model import Side
from canary_cli.paper.market import Kline, Market, Tick
from canary_cli.paper.market.bars import INTERVALS, closings

Object = dict[str, Any]
Payload = Object | list[Object]

_PERIODS = {"markPrice": 3, "ticker": 2, "miniTicker": 2}  # seconds; other streams speak at every tick


class Batch(NamedTuple):
    """The ticks of one pair that came together; `since` is the instant of the tick before them, in epoch seconds."""

    market: Market
    first: Tick
    newest: Tick
    volume: Decimal
    since: int

    @property
    def symbol(self) -> str:
        return self.newest.symbol

    @property
    def until(self) -> int:
        return int(self.newest.time.timestamp())


def publications(market: Market, ticks: Iterable[Tick], names: Collection[str]) -> Iterator[tuple[str, Payload]]:
    """(stream name, payload) for every stream of `names` that these ticks touch; names that mean nothing are silent.

    `ticks` are those that one `Market.advance` gave, all of them: each stream speaks once, of the newest tick,
    but every candle that closed is told (`x` true) exactly once, before the running one. Books are `public_book`'s;
    liquidation orders are no market data of ours: see `force_order`.
    """
    batches = _by_pair(market, ticks)
    for name in names:
        stream = parse(name)
        if stream is None or stream.kind not in _MAKERS or not batches:
            continue
        if stream.symbol is None:
            payloads = [payload for batch in batches.values() for payload in _payloads(batch, stream)]
            if stream.whole and payloads:
                yield name, payloads
            else:
                yield from ((name, payload) for payload in payloads)
        elif stream.symbol in batches:
            yield from ((name, payload) for payload in _payloads(batches[stream.symbol], stream))


def _by_pair(market: Market, ticks: Iterable[Tick]) -> dict[str, Batch]:
    batches: dict[str, Batch] = {}
    for tick in ticks:
        batch = batches.get(tick.symbol)
        if batch is None:
            since = int((tick.time - market.grid).timestamp())
            batches[tick.symbol] = Batch(market, tick, tick, tick.volume, since)
        else:
            batches[tick.symbol] = batch._replace(newest=tick, volume=batch.volume + tick.volume)
    return batches


class Stream(NamedTuple):
    """What a name asks for. No `symbol`: all pairs, `whole` in one array. `argument`: an interval, or levels."""

    kind: str
    symbol: str | None
    argument: str = ""
    period: int = 1
    whole: bool = False


_NAME = re.compile(
    r"(?P<pair>[a-z0-9_]+)@(?:"
    r"(?P<kline>kline)_(?P<interval>\w+)|(?P<continuous>continuousKline)_(?P<interval2>\w+)"
    r"|(?P<mark>markPrice)(?P<fast>@1s)?|(?P<depth>depth)(?P<levels>5|10|20)?(?:@(?:100|250|500)ms)?"
    r"|(?P<plain>aggTrade|trade|bookTicker|ticker|miniTicker))"
)
_ALL = {
    "!bookTicker": Stream("bookTicker", None),
    "!markPrice@arr": Stream("markPrice", None, period=3, whole=True),
    "!markPrice@arr@1s": Stream("markPrice", None, whole=True),
    "!ticker@arr": Stream("ticker", None, whole=True),
    "!miniTicker@arr": Stream("miniTicker", None, whole=True),
}


@lru_cache(maxsize=4096)
def parse(name: str) -> Stream | None:
    """The stream of a name; None where the exchange has none of that name."""
    if name in _ALL:
        return _ALL[name]
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    found = {key: value for key, value in match.groupdict().items() if value}
    kind = next(found[key] for key in ("kline", "continuous", "mark", "depth", "plain") if key in found)
    pair, _, contract = found["pair"].partition("_")
    interval = found.get("interval") or found.get("interval2") or ""
    if (interval and interval not in INTERVALS) or (contract == "perpetual") != (kind == "continuousKline"):
        return None
    period = 1 if "fast" in found else _PERIODS.get(kind, 1)
    return Stream(kind, pair.upper(), interval or found.get("levels", ""), period)


def _payloads(batch: Batch, stream: Stream) -> Iterator[Object]:
    if batch.until // stream.period > batch.since // stream.period:
        yield from _MAKERS[stream.kind](batch, stream.argument)


def force_order(
    symbol: str, side: Side, quantity: Decimal, price: Decimal, average: Decimal, time: datetime
) -> tuple[str, Object]:
    """A liquidation, with the name of its pair's stream (`!forceOrder@arr` carries the same)."""
    order: Object = {"s": symbol, "S": side.value, "o": "LIMIT", "f": "IOC", "q": str(quantity), "p": str(price)}
    order |= {"ap": str(average), "X": "FILLED", "l": str(quantity), "z": str(quantity), "T": _ms(time)}
    return f"{symbol.lower()}@forceOrder", {"e": "forceOrder", "E": _ms(time), "o": order, "st": 1}


def _klines(batch: Batch, interval: str) -> Iterator[Object]:
    for event, candle in _candles(batch, interval):
        yield {
            "e": "kline",
            "E": event,
            "s": batch.symbol,
            "k": _candle(candle, interval, event, {"s": batch.symbol}),
        }


def _continuous(batch: Batch, interval: str) -> Iterator[Object]:
    for event, candle in _candles(batch, interval):
        head = {"e": "continuous_kline", "E": event, "ps": batch.symbol, "ct": "PERPETUAL"}
        yield head | {"k": _candle(candle, interval, event, {})}


def _candles(batch: Batch, interval: str) -> Iterator[tuple[int, Kline]]:
    """Candles and when they are told, in milliseconds: those that closed, as they did; the running one, now."""
    for opened, closed in closings(batch.since, batch.until, interval):
        start = datetime.fromtimestamp(opened, UTC)
        yield from ((closed * 1000, candle) for candle in batch.market.klines(batch.symbol, interval, start, limit=1))
    yield _ms(batch.newest.time), batch.market.klines(batch.symbol, interval, limit=1)[-1]


def _candle(candle: Kline, interval: str, event: int, symbol: Object) -> Object:
    return {
        "t": candle.open_time,
        "T": candle.close_time,
        **symbol,
        "i": interval,
        "f": candle.open_time,
        "L": candle.open_time + max(0, candle.trades - 1),
        "o": str(candle.open),
        "c": str(candle.close),
        "h": str(candle.high),
        "l": str(candle.low),
        "v": str(candle.volume),
        "n": candle.trades,
        "x": candle.close_time < event,
        "q": str(candle.quote_volume),
        "V": str(candle.taker_base),
        "Q": str(candle.taker_quote),
        "B": "0",
    }


def _mark(batch: Batch, _: str) -> Iterator[Object]:
    tick, funding = batch.newest, batch.market.funding(batch.symbol)
    mark, index = str(tick.mark), str(tick.index)
    head = {"e": "markPriceUpdate", "E": _ms(tick.time), "s": tick.symbol, "p": mark, "ap": mark, "i": index}
    yield head | {"P": index, "r": str(funding.rate), "T": _ms(funding.next_time), "st": 1}


def _aggregate(batch: Batch, _: str) -> Iterator[Object]:
    if not batch.volume:
        return
    tick, quantity, identity = batch.newest, str(batch.volume), batch.until
    head = {"e": "aggTrade", "E": _ms(tick.time), "s": tick.symbol, "a": identity, "p": str(tick.last)}
    trades = {"f": identity, "l": identity, "T": _ms(tick.time), "m": _sold(batch), "st": 1}
    yield head | {"q": quantity, "nq": quantity} | trades


def _trade(batch: Batch, _: str) -> Iterator[Object]:
    if not batch.volume:
        return
    tick, now = batch.newest, _ms(batch.newest.time)
    head = {"e": "trade", "E": now, "T": now, "s": tick.symbol, "t": batch.until, "p": str(tick.last)}
    yield head | {"q": str(batch.volume), "X": "MARKET", "m": _sold(batch), "st": 1}


def _sold(batch: Batch) -> bool:
    """Whether the buyer was the maker: the last price is the bid's."""
    return batch.market.book(batch.symbol, 1, batch.newest.time).bids[0][0] == batch.newest.last


def _ticker(batch: Batch, _: str) -> Iterator[Object]:
    day, now = batch.market.day(batch.symbol), _ms(batch.newest.time)
    change = day.last - day.open
    average = day.quote_volume / day.volume if day.volume else day.last
    yield {
        "e": "24hrTicker",
        "E": now,
        "s": batch.symbol,
        "ps": batch.symbol,
        "p": str(change),
        "P": f"{100 * change / day.open:.3f}",
        "w": str(average.quantize(day.last)),
        "c": str(day.last),
        "Q": str(batch.newest.volume),
        "o": str(day.open),
        "h": str(day.high),
        "l": str(day.low),
        "v": str(day.volume),
        "q": str(day.quote_volume),
        "O": _ms(day.start),
        "C": now,
        "F": int(day.start.timestamp()),
        "L": batch.until,
        "n": day.trades,
        "st": 1,
    }


def _mini(batch: Batch, _: str) -> Iterator[Object]:
    day = batch.market.day(batch.symbol)
    head = {"e": "24hrMiniTicker", "E": _ms(batch.newest.time), "s": batch.symbol, "ps": batch.symbol}
    prices = {"c": str(day.last), "o": str(day.open), "h": str(day.high), "l": str(day.low)}
    yield head | prices | {"v": str(day.volume), "q": str(day.quote_volume), "st": 1}


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


_MAKERS: dict[str, Callable[[Batch, str], Iterator[Object]]] = {
    "kline": _klines,
    "continuousKline": _continuous,
    "markPrice": _mark,
    "aggTrade": _aggregate,
    "trade": _trade,
    "ticker": _ticker,
    "miniTicker": _mini,
}
