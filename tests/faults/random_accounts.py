"""Accounts as nobody would think of them: both modes, any size, every kind of order, dust, thin books, and faults."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from canary_cli.core.model import ZERO, OrderRequest, OrderType, PositionSide, Side, floor_to
from canary_cli.core.trading.flatten import Style
from tests.faults.desk import PAIRS, Desk

Fault = tuple[str, dict[str, Any]]

BRIEF: tuple[Fault, ...] = (
    ("lost_reply", {"on": "orders", "probability": 0.3}),
    ("lost_reply", {"on": "cancels", "probability": 0.3}),
    ("drop", {"on": "all", "probability": 0.1}),
    ("error", {"on": "all", "wording": "unavailable", "probability": 0.2}),
    ("error", {"on": "orders", "wording": "unknown", "first": 3}),
    ("error", {"on": "cancels", "wording": "timeout", "first": 2}),
    ("reject", {"on": "orders", "code": -1008, "status": 503, "msg": "Request throttled.", "first": 4}),
    ("reject", {"on": "orders", "code": -4131, "msg": "PERCENT_PRICE", "first": 2}),
    ("reject", {"on": "orders", "code": -2022, "msg": "ReduceOnly Order is rejected.", "first": 2}),
    ("reject", {"on": "cancels", "code": -2011, "msg": "Unknown order sent.", "first": 2}),
    ("ack_only", {"on": "cancels", "first": 2}),
    ("rate_limit", {"on": "reads", "first": 1, "retry_after": 1}),
    ("latency", {"on": "all", "milliseconds": 1, "to_milliseconds": 150}),
    ("clock_skew", {"milliseconds": 4000}),
)
FOR_EVER: tuple[Fault, ...] = (
    ("reject", {"on": "orders", "code": -2019, "msg": "Margin is insufficient.", "symbols": ["SOLUSDT"]}),
    ("reject", {"on": "orders", "code": -1008, "status": 503, "msg": "Request throttled."}),
    ("reject", {"on": "cancels", "code": -1000, "status": 503, "msg": "Unknown error."}),
    ("error", {"on": "reads", "wording": "unavailable"}),
)


@dataclass(frozen=True)
class Held:
    symbol: str
    is_long: bool
    notional: int


@dataclass(frozen=True)
class Resting:
    """`kind`: entry, exit (reduce-only limits); guard (closePosition), stop, target (conditional with a quantity)."""

    symbol: str
    kind: str
    is_long: bool


@dataclass(frozen=True)
class RandomAccount:
    """`thin` books hold this share of their depth, `split` pairs sell at most a third at once, `coarse` ones leave
    dust. `known`: what the closing is told at first: nothing, the truth, or what was true before the orders came."""

    hedge: bool
    held: tuple[Held, ...]
    resting: tuple[Resting, ...]
    thin: dict[str, float]
    split: frozenset[str]
    coarse: frozenset[str]
    faults: tuple[Fault, ...]
    lasting: tuple[Fault, ...]
    known: str
    style: Style


_SYMBOL = st.sampled_from(PAIRS)
_RESTING = st.builds(Resting, _SYMBOL, st.sampled_from(["entry", "exit", "guard", "stop", "target"]), st.booleans())

ACCOUNTS = st.builds(
    RandomAccount,
    hedge=st.booleans(),
    held=st.lists(
        st.builds(Held, _SYMBOL, st.booleans(), st.sampled_from([200, 1000, 20_000, 80_000])),
        max_size=6,
        unique_by=lambda one: (one.symbol, one.is_long),
    ).map(tuple),
    resting=st.lists(_RESTING, max_size=8).map(tuple),
    thin=st.dictionaries(_SYMBOL, st.sampled_from([0.001, 0.01]), max_size=2),
    split=st.frozensets(_SYMBOL, max_size=2),
    coarse=st.frozensets(_SYMBOL, max_size=2),
    faults=st.lists(st.sampled_from(BRIEF), max_size=3).map(tuple),
    lasting=st.one_of(st.just(()), st.just(()), st.sampled_from(FOR_EVER).map(lambda one: (one,))),
    known=st.sampled_from(["nothing", "truth", "past"]),
    style=st.sampled_from([Style.MARKET, Style.MARKET, Style.LIMIT_IOC]),
)


async def furnish(desk: Desk, account: RandomAccount) -> None:
    """Open what the account holds. One-way accounts net both sides of a pair, as the exchange does."""
    if account.hedge:
        desk.by_hand(hedge=True)
    for one in account.held:
        quantity = str(desk.quantity(one.symbol, one.notional))
        order = {"symbol": one.symbol, "side": _opens(one.is_long), "quantity": quantity}
        desk.by_hand(order={**order, "position_side": _position_side(account, one.is_long)})


async def obstruct(desk: Desk, account: RandomAccount) -> None:
    """Everything that comes in the way: orders, filters, thin books, and from now on the faults."""
    for one in account.resting:
        await _rest(desk, account, one)
    held = desk.held
    for symbol in account.split & {symbol for symbol, _ in held}:
        largest = max(abs(quantity) for (other, _), quantity in held.items() if other == symbol)
        most = max(floor_to(largest / 3, desk.rules[symbol].market_step), desk.rules[symbol].market_min_quantity)
        _filter(desk, symbol, market_max_quantity=most)
    for symbol in account.coarse:
        step = desk.rules[symbol].market_step * 7
        _filter(desk, symbol, market_step=step, market_min_quantity=step)
    for symbol, depth in account.thin.items():
        desk.market(kind="thin", symbols=[symbol], depth=depth, **{"for": 3})
    if account.thin:
        await desk.clock.sleep(1.1)  # the book of the next second is the thin one
    desk.rules = await desk.exchange.rules()
    for kind, options in (*account.faults, *account.lasting):
        desk.fault(kind, **options)


async def _rest(desk: Desk, account: RandomAccount, one: Resting) -> None:
    """What the exchange refuses (an exit with nothing to reduce) is not part of the story."""
    rules, mark = desk.rules[one.symbol], desk.marks[one.symbol]
    opens, closes = _opens(one.is_long), _opens(not one.is_long)
    side = {"position_side": PositionSide(_position_side(account, one.is_long))}
    away = Decimal("0.9") if one.is_long else Decimal("1.1")
    near = Decimal("0.97") if one.is_long else Decimal("1.03")
    desk.number += 1
    name, quantity = f"rest-{desk.number}", desk.quantity(one.symbol, 300)
    if one.kind in ("entry", "exit"):
        enters = one.kind == "entry"
        price = rules.round_price(mark * (near if enters else 2 - near), up=False)
        reduces = not enters and not account.hedge
        await desk.exchange.place(OrderRequest(name, one.symbol, opens if enters else closes, quantity,
                                               OrderType.LIMIT, price, reduce_only=reduces, **side))  # fmt: skip
        return
    kind = OrderType.TAKE_PROFIT_MARKET if one.kind == "target" else OrderType.STOP_MARKET
    trigger = rules.round_price(mark * (2 - away if one.kind == "target" else away), up=False)
    guards = one.kind == "guard"
    await desk.exchange.place_algo(OrderRequest(name, one.symbol, closes, ZERO if guards else quantity, kind,
                                                trigger_price=trigger, close_position=guards, **side))  # fmt: skip


def _opens(is_long: bool) -> Side:
    return Side.BUY if is_long else Side.SELL


def _position_side(account: RandomAccount, is_long: bool) -> str:
    if not account.hedge:
        return "BOTH"
    return "LONG" if is_long else "SHORT"


def _filter(desk: Desk, symbol: str, **changes: Decimal) -> None:
    desk.market(kind="filters", symbols=[symbol], filters={name: str(value) for name, value in changes.items()})
