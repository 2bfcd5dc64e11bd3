"""What becomes of orders: every answer, every update, of ours and of strangers."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from canary_cli.core.model import ZERO, AlgoOrder, AlgoStatus, Fill, Order, OrderStatus
from canary_cli.core.trading import entries, hands, protection
from canary_cli.core.trading.apply.orders import FOREIGN, KILL
from canary_cli.core.trading.effects import QueryOrder, RaiseAlert, ReadAccount
from canary_cli.core.trading.events import AlgoUpdated, OrderUpdated
from canary_cli.core.trading.facts import (
    AlgoMoved,
    Filled,
    ForeignSeen,
    Liquidated,
    OrderConfirmed,
    OrderDenied,
    OrderMoved,
    OrderRejected,
    OrderResolved,
    OrderUnknown,
    Purpose,
)
from canary_cli.core.trading.halting import latch, roll_back
from canary_cli.core.trading.inputs import QueryAnswered, Replied
from canary_cli.core.trading.order import OrderLife, Stage, next_question
from canary_cli.core.trading.replies import Confirmed, Denied, Failed, Rejected, Throttled, Unknown
from canary_cli.core.trading.state import Session, put
from canary_cli.core.trading.turn import Turn

REDUCE_ONLY_REJECTED = (-2022, -4118)


def on_replied(turn: Turn, event: Replied) -> None:
    life = turn.state.orders.get(event.client_id)
    if life is None:
        return
    match event.reply:
        case Confirmed(value=Order() as order):
            turn.learn(OrderConfirmed(event.client_id, order.order_id, event.latency_ms, event.send_ms))
            if order.status is not OrderStatus.NEW:
                move(turn, order)
        case Confirmed(value=AlgoOrder() as algo):
            turn.learn(OrderConfirmed(event.client_id, algo.algo_id, event.latency_ms, event.send_ms))
            algo_seen(turn, algo, 0)
        case Rejected(code, message) | Failed(code, message):
            _refused(turn, life, code, message)
        case Denied(reason):
            turn.learn(OrderDenied(event.client_id, reason))
            _not_placed(turn, life)
        case Throttled(retry_after=seconds):
            _refused(turn, life, -1003, f"throttled for {seconds:.0f} s")
        case Unknown(reason):
            waited = event.latency_ms if life.stage is Stage.SENT else None
            turn.learn(OrderUnknown(event.client_id, reason, latency_ms=waited))
            _ask_again(turn, event.client_id)


def on_answer(turn: Turn, event: QueryAnswered) -> None:
    """What the exchange says of an order that nobody had answered for, or whose end nobody had told."""
    life = turn.state.orders.get(event.client_id)
    if life is None or life.stage not in (Stage.UNKNOWN, Stage.CONFIRMED):
        return
    if event.order is not None:
        if life.stage is Stage.UNKNOWN:
            turn.learn(OrderResolved(event.client_id, "found"))
        move(turn, event.order)
        turn.ask(ReadAccount(f"order {event.client_id} was found; its fills may be missing"))
    elif life.stage is Stage.UNKNOWN:
        asked = life.asked + (1 if event.answered else 0)
        turn.put(orders=put(turn.state.orders, event.client_id, replace(life, asked=asked)))
        _ask_again(turn, event.client_id)


def ask_about(turn: Turn, life: OrderLife, reason: str, *, inherited: bool = False) -> None:
    """No answer will come any more: an order that was only sent is unknown now; of any other its end is."""
    if life.stage is Stage.SENT:
        turn.learn(OrderUnknown(life.intent.client_id, reason, inherited))
    if not life.intent.type.is_algo:
        turn.ask(QueryOrder(life.intent.client_id, life.intent.symbol, 0.0))


def _ask_again(turn: Turn, client_id: str) -> None:
    life = turn.state.orders[client_id]
    delay = None if life.intent.type.is_algo else next_question(life)
    if delay is None:
        turn.ask(ReadAccount(f"order {client_id} is unknown to the exchange", 0.2))
    else:
        turn.ask(QueryOrder(client_id, life.intent.symbol, delay))


def settle_unknown(turn: Turn, present: frozenset[str], asked: datetime) -> None:
    """After a full reading: an unknown order that has been asked for often enough and is nowhere, never was.

    A reading that was `asked` for before the order was sent proves nothing of it.
    """
    for client_id, life in turn.state.orders.items():
        if life.stage is not Stage.UNKNOWN:
            continue
        if client_id in present:
            turn.learn(OrderResolved(client_id, "found"))
        elif life.intent.decided_at > asked:
            turn.ask(ReadAccount(f"order {client_id} was sent after this reading was asked for", 1.0))
        elif life.intent.type.is_algo or next_question(life) is None:
            turn.learn(OrderResolved(client_id, "absent"))
            if not (life.inherited and protection.place_anew(turn, life.intent)):
                _not_placed(turn, life)


def _refused(turn: Turn, life: OrderLife, code: int, message: str) -> None:
    turn.learn(OrderRejected(life.intent.client_id, code, message))
    _not_placed(turn, life, code)


def _not_placed(turn: Turn, life: OrderLife, code: int = 0) -> None:
    """An entry that failed is merely missed; a stop or an exit that failed leaves exposure nobody guards."""
    intent = life.intent
    if intent.purpose is Purpose.PROBE:
        entries.on_flat(turn, intent.symbol)
    elif intent.purpose is Purpose.STOP:
        protection.close_now(turn, intent.symbol, f"its protective stop could not be placed ({code})")
    elif intent.purpose in (Purpose.EXIT, Purpose.PROBE_EXIT):
        protection.try_again(turn, intent.symbol, f"exit of {intent.symbol} refused ({code})")
        if code not in REDUCE_ONLY_REJECTED and _is_worth_a_word(turn.state, intent.symbol):
            turn.ask(RaiseAlert("WARNING", f"exit of {intent.symbol} refused ({code}); trying again", intent.symbol))


def _is_worth_a_word(state: Session, symbol: str) -> bool:
    """The first refusal of a pair's exits, the second, the fourth, and so on: the channel has other words to carry."""
    held = state.held.get(symbol)
    return held is None or held.exits & (held.exits - 1) == 0


def on_order_updated(turn: Turn, event: OrderUpdated) -> None:
    order = event.order
    before = turn.state.orders.get(order.client_id)
    if before is not None:
        move(turn, order)
    elif event.execution == "NEW":
        stranger(turn, event.time, order.symbol, order.client_id)
    if event.fill is not None:
        on_fill(turn, event.fill, event.latency_ms)
    if before is not None and not before.is_settled:
        _settled(turn, turn.state.orders[order.client_id])


def move(turn: Turn, order: Order) -> None:
    """Take in what the exchange says of an order of ours; what is older than what we know is passed over."""
    life = turn.state.orders[order.client_id]
    if life.stage is Stage.ENDED or order.executed < life.executed:
        return
    if life.status is order.status and life.executed == order.executed and life.stage is not Stage.UNKNOWN:
        return
    turn.learn(OrderMoved(order.client_id, order.order_id, order.status, order.executed, order.average_price))
    if life.intent.purpose is Purpose.PROBE and order.status.is_final and not order.executed:
        entries.on_flat(turn, order.symbol)  # no fill will say so


def _settled(turn: Turn, life: OrderLife) -> None:
    """A probe goes out the moment it is in; an exit that ended short is sent again for the rest."""
    if not life.is_settled:
        return
    held = turn.state.held.get(life.intent.symbol)
    if held is None:
        return
    if life.intent.purpose is Purpose.PROBE and held.probe:
        protection.close_now(turn, held.symbol, "probe", Purpose.PROBE_EXIT)
    elif life.intent.purpose in (Purpose.EXIT, Purpose.PROBE_EXIT):
        protection.try_again(turn, held.symbol, "the exit before left a rest")


def on_fill(turn: Turn, fill: Fill, latency_ms: float | None = None) -> None:
    """Count a trade once, whoever told of it; then see to what it opened or closed."""
    state = turn.state
    if (fill.symbol, fill.trade_id) in state.trades or _was_adopted(state, fill):
        return
    life = state.orders.get(fill.client_id)
    if life is None:
        stranger(turn, fill.time, fill.symbol, fill.client_id or f"number {fill.order_id}")
    turn.learn(replace(_filled(state, fill, life), latency_ms=latency_ms))
    held = turn.state.held.get(fill.symbol)
    if held is None:
        protection.cancel_leftovers(turn, fill.symbol, state.held.get(fill.symbol))
        entries.on_flat(turn, fill.symbol)
    elif life is not None and life.intent.purpose is Purpose.ENTRY and not held.stop:
        protection.protect(turn, held, life.intent)
    elif held.foreign and not state.rolling_back:
        told = f"{fill.symbol} {held.quantity} was opened by another hand: this session neither guards nor closes it"
        turn.ask(RaiseAlert("CRITICAL", told, f"foreign/{fill.symbol}"))


def _was_adopted(state: Session, fill: Fill) -> bool:
    """Whether the trade is part of what was taken over as it stood."""
    adopted = state.adopted.get(fill.symbol)
    return adopted is not None and fill.time <= adopted


def _filled(state: Session, fill: Fill, life: OrderLife | None) -> Filled:
    decision = life.intent.decision_price if life else _given_up_at(state, fill)
    is_market = life is not None and not life.intent.type.is_algo
    slippage = fill.side.sign * (fill.price - decision) / decision * 10_000 if is_market and decision else None
    return Filled(
        time=fill.time,
        symbol=fill.symbol,
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        client_id=fill.client_id,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        realized=fill.realized,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
        maker=fill.maker,
        purpose=life.intent.purpose.value if life else _strange(fill.client_id),
        decision_price=decision,
        slippage_bps=slippage,
        position_side=fill.position_side,
    )


def _given_up_at(state: Session, fill: Fill) -> Decimal:
    """The price on which our own closing was decided; of strangers nobody knows it."""
    is_ours = state.rolling_back and hands.is_closing(fill.client_id)
    return state.tripped_at.get(fill.symbol, ZERO) if is_ours else ZERO


def _strange(client_id: str) -> str:
    return KILL if hands.is_closing(client_id) else FOREIGN


def stranger(turn: Turn, time: datetime, symbol: str, client_id: str) -> None:
    """An order on our account that is not ours: a kill elsewhere, the exchange's own hand, or another writer.

    Told by the stream, or found in a reading after it was done behind our back.
    """
    state = turn.state
    if state.rolling_back or client_id.startswith(hands.CLOSE):
        return
    if client_id.startswith(hands.FORCED):
        turn.learn(Liquidated(time, symbol, client_id))
        roll_back(turn, "liquidation", f"{symbol} was closed by the exchange ({client_id})")
        return
    source = "kill-order" if client_id.startswith(hands.KILL) else "foreign-order"
    if source not in state.latches:
        turn.learn(ForeignSeen(time, symbol, client_id))
        latch(turn, source, f"{symbol} order {client_id} is not ours", "another hand")


def on_algo_updated(turn: Turn, event: AlgoUpdated) -> None:
    algo = event.algo
    if algo.client_id not in turn.state.orders and algo.status is AlgoStatus.NEW:
        stranger(turn, event.time, algo.symbol, algo.client_id)
    algo_seen(turn, algo, event.order_id)


def algo_seen(turn: Turn, algo: AlgoOrder, order_id: int) -> None:
    if algo.client_id not in turn.state.orders:
        return
    known = turn.state.algos.get(algo.client_id)
    if known is not None and known.status is algo.status:
        return
    turn.learn(AlgoMoved(algo.client_id, algo.algo_id, algo.symbol, algo.status, algo.trigger_price, order_id))
    protection.on_algo_moved(turn, algo)
