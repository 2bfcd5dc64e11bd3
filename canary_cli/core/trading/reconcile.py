"""The exchange owns positions and orders: after a start, a gap or a doubt, what we believe is held against it."""

from dataclasses import replace
from decimal import Decimal

from canary_cli.core.model import AccountSnapshot, Fill, Income, OrderStatus
from canary_cli.core.trading import gateway, margin, marking, protection, resting, valuing
from canary_cli.core.trading.apply.account import READ
from canary_cli.core.trading.effects import RaiseAlert, ReadAccount
from canary_cli.core.trading.events import AccountRead, ReadFailed
from canary_cli.core.trading.facts import Intended, OrderMoved, Purpose, Reconciled, WalletMoved
from canary_cli.core.trading.halting import latch
from canary_cli.core.trading.listening import is_withheld, on_withheld
from canary_cli.core.trading.moves import is_overtaken
from canary_cli.core.trading.order import OrderLife, Stage
from canary_cli.core.trading.state import Session
from canary_cli.core.trading.turn import Turn

RETRY_DELAY = 1.0
"""Wall seconds before a failed or doubtful reading is repeated."""

DOUBTS = 3

OVERTAKEN = 5
"""Readings running that the stream may overtake before a difference counts: a busy one hides nothing for ever."""


def on_read(turn: Turn, event: AccountRead) -> None:
    """Take in missed fills and orders, settle what was unknown, then compare positions and what guards them."""
    fills, trades = tuple(_named(turn.state, fill) for fill in event.fills), turn.state.trades
    withheld = next((one for one in fills if is_withheld(turn.state, one, event.snapshot.time)), None)
    for fill in fills:
        gateway.on_fill(turn, fill)
    if withheld is not None:
        on_withheld(turn, withheld)
    turn.put(read_asked=turn.state.now, read_answered=turn.state.now, unread=False)
    _take_orders(turn, event.snapshot)
    _end_forgotten(turn, event.snapshot)
    _ask_for_inherited(turn)
    gateway.settle_unknown(turn, _present(event.snapshot, fills), event.snapshot.time)
    _take_wallet(turn, event, is_explained=turn.state.trades is not trades)
    margin.take_balance(turn, event.snapshot)
    marking.take_marks(turn, event.snapshot)
    _compare(turn, event)
    _see_to_exits(turn)


def _compare(turn: Turn, event: AccountRead) -> None:
    """A difference seen once may be a fill under way; seen `DOUBTS` times running, it is a mismatch and latches.

    Where the stream has spoken since the question, the difference is between two moments: it is asked again.
    """
    found, missing = differences(turn.state, event.snapshot), resting.missing(turn.state, event.snapshot)
    turn.put(overtaken=turn.state.overtaken + 1 if is_overtaken(turn.state, event.snapshot) else 0)
    is_old = 0 < turn.state.overtaken <= OVERTAKEN
    if (found or missing) and is_old:
        turn.ask(ReadAccount((*found, *missing)[0], RETRY_DELAY))
        return
    turn.put(absent=_absent(turn.state, event.snapshot))
    resting.find_strangers(turn, event.snapshot, frozenset(differing(turn.state, event.snapshot)))
    doubtful = () if is_old else resting.compare(turn, event.snapshot)
    if not found and not doubtful:
        if not turn.state.reconciled:
            turn.learn(Reconciled(event.time, ()))
        turn.put(reconciled=True, doubts=0)
        return
    turn.put(reconciled=False, doubts=turn.state.doubts + 1 if found else 0)
    if turn.state.doubts < DOUBTS:
        turn.ask(ReadAccount((*found, *doubtful)[0], RETRY_DELAY))
    elif not turn.state.rolling_back:
        turn.learn(Reconciled(event.time, found))
        latch(turn, "mismatch", found[0])


def _take_orders(turn: Turn, snapshot: AccountSnapshot) -> None:
    for algo in snapshot.algo_orders:
        gateway.algo_seen(turn, algo, 0)
    for order in snapshot.orders:
        if order.client_id in turn.state.orders:
            gateway.move(turn, order)
        else:
            gateway.stranger(turn, turn.state.now, order.symbol, order.client_id)


def _end_forgotten(turn: Turn, snapshot: AccountSnapshot) -> None:
    """An order of ours that is open here and not there has ended unseen: its fills, or a question, say how.

    Left open, an exit would for ever count as under way, and keep every later one of its pair from being sent.
    """
    there = {order.client_id for order in snapshot.orders}
    for client_id, life in turn.state.orders.items():
        if client_id in there or not life.is_open or life.intent.type.is_algo or life.stage is Stage.UNKNOWN:
            continue
        if life.filled >= life.intent.quantity:
            filled = (life.order_id, OrderStatus.FILLED, life.intent.quantity, life.average_price)
            turn.learn(OrderMoved(client_id, *filled))
        elif is_overdue(turn.state, life):
            gateway.ask_about(turn, life, "neither ended here nor open at the exchange")


def _ask_for_inherited(turn: Turn) -> None:
    """What a process before this one sent and heard nothing of: whether it was done is asked from the beginning."""
    inherited = [turn.state.orders[client_id] for client_id in sorted(turn.state.inherited)]
    turn.put(inherited=frozenset())
    for life in inherited:
        if life.is_unanswered:
            gateway.ask_about(turn, life, "sent before a crash", inherited=True)


def is_overdue(state: Session, life: OrderLife) -> bool:
    return (state.now - life.intent.decided_at).total_seconds() >= state.setup.recheck


def on_tick(turn: Turn) -> None:
    """Read the account again: every so often, and soon where a trade has been told only in part."""
    state = turn.state
    if state.read_asked is None:
        turn.put(read_asked=state.now)
        return
    waited = (state.now - state.read_asked).total_seconds()
    if waited >= state.setup.recheck or (waited >= state.setup.recheck / 10 and _is_short(state)):
        turn.put(read_asked=state.now)
        turn.ask(ReadAccount("a look at the account"))


def _is_short(state: Session) -> bool:
    """Of fills of an order, or of what the exchange told of the account with them. A known mismatch waits."""
    is_short_of_fills = any(life.filled < life.executed for life in state.orders.values())
    return is_short_of_fills or (state.reconciled and valuing.is_apart(state))


def _named(state: Session, fill: Fill) -> Fill:
    """The fill with the client id of its order: a list of trades names orders by number only."""
    return fill if fill.client_id else replace(fill, client_id=_ours_by_number(state, fill.order_id))


def _ours_by_number(state: Session, order_id: int) -> str:
    lives = (life for life in state.orders.values() if order_id in (life.order_id, life.became))
    return next((life.intent.client_id for life in lives), "")


def is_strange(state: Session, fill: Fill) -> bool:
    """Whether a trade out of a list is new, and of no order whose number we know: only its name tells whose it is."""
    is_known = (fill.symbol, fill.trade_id) in state.trades
    return not is_known and not fill.client_id and not _ours_by_number(state, fill.order_id)


def _present(snapshot: AccountSnapshot, fills: tuple[Fill, ...]) -> frozenset[str]:
    """Client ids of everything the exchange still shows or has executed."""
    return frozenset(
        [order.client_id for order in snapshot.orders]
        + [algo.client_id for algo in snapshot.algo_orders]
        + [fill.client_id for fill in fills]
    )


def _take_wallet(turn: Turn, event: AccountRead, *, is_explained: bool) -> None:
    """What the stream has not told: money that was moved is neither won nor lost, whoever tells of it.

    With trades that it had not told either, the change is theirs. Without, it may be a transfer that is about to be
    told, and counts when the next reading says the same; after a start equity is unknown until then.
    """
    is_old, wallet = valuing.is_told_since(turn.state, event.snapshot), event.snapshot.balance.wallet
    if not wallet.is_finite():
        return
    if turn.state.wallet is not None:
        after = turn.state.wallet if is_old else wallet
        news = [row for row in event.transfers if is_news(turn.state, row)]
        marking.move_wallet(turn, *(WalletMoved(row.time, row.type, row.amount, after) for row in news))
    state = turn.state
    is_known = is_old or state.wallet == wallet
    is_sure = is_known or state.wallet is None or is_explained or state.wallet_seen == wallet
    booked = valuing.read(state, event.snapshot)
    turn.put(wallet_seen=wallet, booked=booked, is_booked=state.is_booked or is_sure)
    if not is_sure:
        turn.ask(ReadAccount("the wallet has changed, and nobody has told why", RETRY_DELAY))
    elif not is_known:
        turn.learn(WalletMoved(event.time, READ, wallet - (state.wallet or wallet), wallet))


def is_news(state: Session, transfer: Income) -> bool:
    """Whether it came after the last one we know of: the stream tells of a transfer at its time or a moment later."""
    return state.transferred is None or transfer.time > state.transferred


def differences(state: Session, snapshot: AccountSnapshot) -> tuple[str, ...]:
    """One plain line for each position that our fills do not explain, and for a mode we cannot trade in."""
    modes = (("hedge mode", snapshot.mode.hedge), ("multi-assets mode", snapshot.mode.multi_assets))
    return (
        *(f"the account is in {mode}, which this session does not trade in" for mode, is_on in modes if is_on),
        *(
            f"{symbol}: the exchange holds {theirs}, our fills say {ours}"
            for symbol, (theirs, ours) in differing(state, snapshot).items()
        ),
    )


def _absent(state: Session, snapshot: AccountSnapshot) -> frozenset[str]:
    """Pairs of which an exit would close nothing: the fill that ended them is not told yet, or never came."""
    return frozenset(pair for pair, (theirs, ours) in differing(state, snapshot).items() if theirs * ours <= 0 and ours)


def differing(state: Session, snapshot: AccountSnapshot) -> dict[str, tuple[Decimal, Decimal]]:
    """What the exchange holds and what we hold of each pair where these differ, in the order of their names."""
    theirs: dict[str, Decimal] = {}
    for position in snapshot.positions:
        theirs[position.symbol] = theirs.get(position.symbol, Decimal(0)) + position.quantity
    ours = {symbol: held.quantity for symbol, held in state.held.items()}
    pairs = ((s, (theirs.get(s, Decimal(0)), ours.get(s, Decimal(0)))) for s in sorted(theirs.keys() | ours.keys()))
    return {symbol: quantities for symbol, quantities in pairs if quantities[0] != quantities[1]}


def _see_to_exits(turn: Turn) -> None:
    """What a crash or a gap left half done: a probe still in, an entry without its stop, a stop that has died."""
    for held in tuple(held for held in turn.state.held.values() if not held.foreign):
        entry = _entry_of(turn.state, held.symbol)
        if not held.probe and not held.stop and entry is not None and not protection.closing(turn.state, held.symbol):
            protection.protect(turn, held, entry)
        elif held.probe or held.exits or protection.is_lost(turn.state, held):
            protection.close_now(turn, held.symbol, "nothing guards it")


def _entry_of(state: Session, symbol: str) -> Intended | None:
    intents = (life.intent for life in reversed(list(state.orders.values())) if life.intent.symbol == symbol)
    return next((intent for intent in intents if intent.purpose is Purpose.ENTRY), None)


def on_read_failed(turn: Turn, event: ReadFailed) -> None:
    """A question without an answer is asked again; until then nothing is taken for granted."""
    if not turn.state.unread:
        turn.ask(RaiseAlert("WARNING", f"the account cannot be read: {event.reason}", "account-read"))
    turn.put(reconciled=False, unread=True)
    turn.ask(ReadAccount(f"again, after: {event.reason}", max(RETRY_DELAY, event.retry_after)))
