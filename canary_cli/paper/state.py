"""All that the exchange holds at one moment. One owner (the engine); everything else reads or is handed it."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from canary_cli.core.model import ZERO, Book, PositionSide, Side, SymbolRules
from canary_cli.paper import problems
from canary_cli.paper.account import MARGIN_ASSET, Account
from canary_cli.paper.algo import Conditionals
from canary_cli.paper.margin import order_margin
from canary_cli.paper.market.model import Funding, Listing, Market
from canary_cli.paper.matching import Depletion, Level, merged, uncrossed, without
from canary_cli.paper.orders import Event, IncomeRow, RestingOrder, Trade
from canary_cli.paper.store import Orders

DEPTHS = (200, 1000, 10_000)  # levels read where fewer do not hold what is asked
KEPT = 20_000  # trades and income rows that stay queryable; the real exchange keeps three months


@dataclass(slots=True)
class Fees:
    """VIP 0; `discount` is what paying in BNB saves."""

    maker: Decimal = Decimal("0.0002")
    taker: Decimal = Decimal("0.0005")
    discount: Decimal = Decimal("0.1")


@dataclass(slots=True)
class State:
    """`now` is plan time. `marks` and `lasts` are of the newest tick of each pair.

    `called` names the margin pools that have had their margin call; `liquidating` while one of them is still short.
    """

    market: Market
    rng: Random
    account: Account
    now: datetime
    listings: dict[str, Listing]
    next_order: int
    next_algo: int
    next_trade: int
    next_transaction: int
    marks: dict[str, Decimal] = field(default_factory=dict)
    lasts: dict[str, Decimal] = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    conditionals: Conditionals = field(default_factory=Conditionals)
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=KEPT))
    income: deque[IncomeRow] = field(default_factory=lambda: deque(maxlen=KEPT))
    forced: deque[RestingOrder] = field(default_factory=lambda: deque(maxlen=1000))
    depletions: dict[tuple[str, Side], Depletion] = field(default_factory=dict)
    fundings: dict[str, Funding] = field(default_factory=dict)
    countdowns: dict[str, datetime] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    fees: Fees = field(default_factory=Fees)
    books: dict[tuple[str, int], tuple[datetime, Book]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    liquidating: bool = False
    called: set[str] = field(default_factory=set)
    locked: bool = False

    def listing(self, symbol: str) -> Listing:
        try:
            return self.listings[symbol]
        except KeyError:
            raise problems.bad_symbol() from None

    def status(self, symbol: str) -> str:
        return self.statuses.get(symbol) or self.market.status(symbol)

    def change_rules(self, symbol: str, **changes: object) -> SymbolRules:
        """A filter change: from now on orders are judged by it and `exchangeInfo` shows it."""
        listing = self.listing(symbol)
        rules = replace(listing.rules, **changes)  # type: ignore[arg-type]
        self.listings[symbol] = replace(listing, rules=rules)
        return rules

    def levels(self, symbol: str, side: Side, count: int) -> list[Level]:
        """The market's best `count` levels of one side, less what we took, less what would cross our own orders."""
        taken, own = self.depletions.get((symbol, side)), self.resting(symbol, side.opposite)
        left = taken.left(self.market.now, self.listing(symbol).rules.step) if taken else ZERO
        for depth in (count, *(deeper for deeper in DEPTHS if deeper > count)):
            raw = self._raw_levels(symbol, side, depth)
            found = list(uncrossed(side, without(raw, left), own))
            if len(found) >= count or len(raw) < depth:
                break
        return found[:count]

    def _raw_levels(self, symbol: str, side: Side, count: int) -> tuple[Level, ...]:
        """The market's book does not change between two ticks, so it is drawn once for each."""
        drawn = self.books.get((symbol, count))
        if drawn is None or drawn[0] != self.market.now:
            drawn = self.books[symbol, count] = (self.market.now, self.market.book(symbol, count))
        return drawn[1].bids if side is Side.BUY else drawn[1].asks

    def resting(self, symbol: str, side: Side) -> list[RestingOrder]:
        """Our orders that stand in the book."""
        return [order for order in self.orders.open(symbol, side) if order.resting]

    def book(self, symbol: str, count: int) -> Book:
        """The book as everybody sees it, our own resting orders in it."""
        bids, asks = (
            merged(side, self.levels(symbol, side, count), self.resting(symbol, side), count) for side in Side
        )
        return Book(symbol, bids, asks, self.now)

    def order_margin(self) -> Decimal:
        """What open orders have reserved, all symbols."""
        return sum((self.order_margin_of(symbol) for symbol in self.orders.symbols_with_open()), ZERO)

    def order_margin_of(self, symbol: str, extra: tuple[Decimal, Decimal] = (ZERO, ZERO)) -> Decimal:
        """The same of one symbol, with `extra` (bid, ask) notional on top."""
        bids, asks = self.open_notionals(symbol)
        leverage = self.account.config(symbol).leverage
        if self.account.hedge:
            return (bids + asks + sum(extra, ZERO)) / leverage
        held = self.account.quantity(symbol, PositionSide.BOTH) * self.marks[symbol]
        return order_margin(held, bids + extra[0], asks + extra[1], leverage)

    def open_notionals(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Notional of open orders that may open something: (buys, sells)."""
        totals = {Side.BUY: ZERO, Side.SELL: ZERO}
        for order in self.orders.open(symbol):
            if not order.reduce_only and not closes(order.side, order.position_side):
                totals[order.side] += order.remaining * order.price
        return totals[Side.BUY], totals[Side.SELL]

    @property
    def available(self) -> Decimal:
        return self.account.available(self.marks, self.order_margin())

    def new_transaction(self) -> int:
        self.next_transaction += 1
        return self.next_transaction


def closes(side: Side, position_side: PositionSide) -> bool:
    """In hedge mode: selling a LONG or buying a SHORT back."""
    return (side, position_side) in ((Side.SELL, PositionSide.LONG), (Side.BUY, PositionSide.SHORT))


def initial_state(market: Market, rng: Random, balance: Decimal) -> State:
    """A fresh account with `balance` USDT on a market at its present time. Ids start where the seed says."""
    listings = dict(market.listings)
    account = Account(listings, {MARGIN_ASSET: balance}, updated=market.now)
    return State(
        market,
        rng,
        account,
        market.now.astimezone(UTC),
        listings,
        next_order=rng.randrange(10**9, 9 * 10**9),
        next_algo=4_000_000_000_000_000 + rng.randrange(10**9),
        next_trade=rng.randrange(10**8, 9 * 10**8),
        next_transaction=rng.randrange(10**12, 9 * 10**12),
        marks={symbol: market.mark(symbol) for symbol in market.symbols},
        lasts={symbol: market.last(symbol) for symbol in market.symbols},
        fundings={symbol: market.funding(symbol) for symbol in market.symbols},
    )
