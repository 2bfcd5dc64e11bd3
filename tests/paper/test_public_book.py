"""The book on the streams and the book over REST are one: whatever the market and our own orders do to it."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

import pytest

from canary_cli.core.model import OrderType, Side, TimeInForce
from canary_cli.paper.orders import NewOrder
from canary_cli.paper.problems import Problem
from canary_cli.paper.public_book import PublicBook
from tests.paper.conftest import START, new_engine
from tests.paper.wire import Wire

BTC = "BTCUSDT"
DIFF, TICKER, TOP = "btcusdt@depth", "btcusdt@bookTicker", "btcusdt@depth5@100ms"
FIELDS = {
    TICKER: dict.fromkeys(["e", "s", "ps", "b", "B", "a", "A"], str) | dict.fromkeys(["u", "E", "T", "st"], int),
    TOP: dict.fromkeys(["e", "s", "ps"], str)
    | dict.fromkeys("ba", list)
    | dict.fromkeys(["E", "T", "U", "u", "pu", "st"], int),
}


class LocalBook:
    """What a client keeps by the documentation: a snapshot, then events that each follow the one before."""

    def __init__(self, snapshot: Any) -> None:
        self.last, self.begun = snapshot["lastUpdateId"], False
        self.sides = [{Decimal(p): Decimal(q) for p, q in snapshot[side]} for side in ("bids", "asks")]

    def take(self, event: Any) -> None:
        if event["u"] < self.last:
            return
        assert event["U"] <= self.last <= event["u"] if not self.begun else event["pu"] == self.last
        self.last, self.begun = event["u"], True
        for side, rows in zip(self.sides, (event["b"], event["a"]), strict=True):
            for price, quantity in rows:
                side.pop(Decimal(price), None)
                if Decimal(quantity):
                    side[Decimal(price)] = Decimal(quantity)

    def top(self, count: int) -> list[list[tuple[Decimal, Decimal]]]:
        bids, asks = self.sides
        return [sorted(bids.items(), reverse=True)[:count], sorted(asks.items())[:count]]


def snapshot(book: PublicBook, levels: int) -> Any:
    """As REST has it."""
    seen = book.state.book(BTC, levels)
    return {"lastUpdateId": book.update_id(BTC), "bids": seen.bids, "asks": seen.asks}


def deeds(luck: Random) -> Iterator[tuple[str, Decimal, str]]:
    """A side, an amount, and how far from the last price."""
    while True:
        away = luck.choice(["0.9999", "1.0001", "0.9995", "1.0005", "0.999", "1.001", "0", "0"])
        yield luck.choice(["BUY", "SELL"]), Decimal(luck.randint(1, 400)) / 100, away


@pytest.mark.parametrize("seed", range(2))
def test_a_book_kept_from_the_diffs_is_the_book_whatever_we_do(seed: int) -> None:
    """Orders close to the best, deep in the book, through it, cancelled, and prices that jump: twenty levels agree."""
    engine, luck = new_engine(seed, 10**9), Random(seed)
    book = PublicBook(engine.state)
    book.follow(DIFF)
    local = LocalBook(snapshot(book, 1000))
    for step, (side, amount, away) in enumerate(islice(deeds(luck), 80)):
        if luck.random() < 0.4:
            ticked = bool(engine.advance(engine.now + timedelta(seconds=luck.choice([1, 1, 2, 30]))))
        else:
            ticked = False
            engine.at(engine.now + timedelta(milliseconds=luck.randint(1, 300)))
            price = engine.state.listing(BTC).rules.round_price(engine.state.lasts[BTC] * Decimal(away), up=False)
            kind, force = (OrderType.LIMIT, TimeInForce.GTC) if price else (OrderType.MARKET, None)
            try:
                engine.place(NewOrder(BTC, Side(side), kind, amount, price or None, force))
            except Problem:
                engine.cancel_all(BTC)
            if engine.drain():
                book.changed(BTC)
        for _, event in book.publications({BTC} if ticked else (), [DIFF]):
            local.take(event)
        seen = snapshot(book, 1000 if step % 10 == 0 else 100)
        assert local.last == seen["lastUpdateId"]
        assert local.top(20) == [list(seen["bids"][:20]), list(seen["asks"][:20])]
        for order in engine.state.orders.open(BTC):
            (kept,) = [s[order.price] for s in local.sides if order.price in s] or [None]
            shown = dict(seen["bids"] + seen["asks"]).get(order.price)
            assert shown is None or kept == shown


@pytest.mark.parametrize("name", FIELDS)
def test_fields_and_types_are_the_exchanges(name: str) -> None:
    engine = new_engine()
    engine.advance(START + timedelta(seconds=2))
    ((told, payload),) = PublicBook(engine.state).publications({BTC}, [name])
    assert told == name
    assert {key: type(value) for key, value in payload.items()} == FIELDS[name]


def test_all_book_tickers_come_one_by_one() -> None:
    engine = new_engine()
    book = PublicBook(engine.state)
    symbols = engine.state.market.symbols
    assert [payload["s"] for _, payload in book.publications(set(symbols), ["!bookTicker"])] == list(symbols)
    book.changed("ETHUSDT")  # a change that the best does not show
    assert list(book.publications((), ["!bookTicker"])) == []


async def test_our_own_order_is_seen_on_every_public_stream_and_goes_again(wire: Wire) -> None:
    """A bid above the best, on a market that stands still: nothing but the order moves the book."""
    wire.server.venue.hold()
    sockets = {name: await wire.http.ws_connect(f"{wire.base}/public/ws/{name}") for name in (DIFF, TICKER, TOP)}

    for ws in sockets.values():  # whose answer says that the exchange knows the socket
        await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        assert (await asyncio.wait_for(ws.receive(), 10)).json()["id"] == 1

    async def told() -> dict[str, Any]:
        return {name: (await asyncio.wait_for(ws.receive(), 10)).json() for name, ws in sockets.items()}

    def snapshot_of(reply: Any) -> list[Any]:
        return [reply["bids"][0], reply["asks"][0], reply["lastUpdateId"]]

    book = (await wire.raw("GET", f"/fapi/v1/depth?symbol={BTC}&limit=5")).body
    bid, ask = Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])
    price = bid if ask - bid == Decimal("0.1") else bid + Decimal("0.1")
    placed = (await wire.limit(price, quantity="0.123", timeInForce="GTX")).body
    heard = await told()
    after = (await wire.raw("GET", f"/fapi/v1/depth?symbol={BTC}&limit=5")).body
    quote = (await wire.raw("GET", f"/fapi/v1/ticker/bookTicker?symbol={BTC}")).body
    best, top, diff = heard[TICKER], heard[TOP], heard[DIFF]
    assert [[best["b"], best["B"]], [best["a"], best["A"]], best["u"]] == snapshot_of(after)
    assert [quote["bidPrice"], quote["bidQty"]] == [best["b"], best["B"]]
    assert (top["b"], top["a"], top["u"]) == (after["bids"], after["asks"], after["lastUpdateId"])
    assert (diff["pu"], diff["u"]) == (book["lastUpdateId"], after["lastUpdateId"])
    assert [str(price), after["bids"][0][1]] in diff["b"]
    await wire.call("DELETE", "/fapi/v1/order", symbol=BTC, orderId=placed["orderId"])
    heard = await told()
    assert heard[TOP]["b"] == book["bids"]
    assert heard[DIFF]["pu"] == diff["u"]
