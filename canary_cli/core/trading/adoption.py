"""Taking over what the exchange holds and our fills do not explain: only because a named person said so."""

from decimal import Decimal

from canary_cli.core.model import ZERO, AlgoOrder, AlgoStatus, OrderType, Position
from canary_cli.core.trading.effects import ReadAccount
from canary_cli.core.trading.facts import Adopted, AlgoMoved, Intended, OrderConfirmed, Purpose
from canary_cli.core.trading.inputs import Adopt
from canary_cli.core.trading.reconcile import differing
from canary_cli.core.trading.sending import send
from canary_cli.core.trading.turn import Turn

STOP_DISTANCE = Decimal("0.02")
"""Of the mark price: nobody knows what the stranger meant to risk, and no position stays without a stop."""


def on_adopt(turn: Turn, event: Adopt) -> None:
    """Every pair that differs becomes what the exchange says, with a stop; the next reading proves that all agree."""
    positions = {position.symbol: position for position in event.snapshot.positions}
    for symbol in differing(turn.state, event.snapshot):
        position = positions.get(symbol)
        quantity, price = (position.quantity, position.entry_price) if position else (ZERO, ZERO)
        turn.learn(Adopted(event.snapshot.time, symbol, quantity, price, event.by))
        if position is not None:
            _protect(turn, position, event.snapshot.algo_orders)
    turn.put(doubts=0)
    turn.ask(ReadAccount("adopted"))


def _protect(turn: Turn, position: Position, algos: tuple[AlgoOrder, ...]) -> None:
    """The stop that rests there already is ours from now on (the exchange refuses a second one), else a new one."""
    side = turn.state.held[position.symbol].side.opposite
    resting = next((one for one in algos if _guards(one, position)), None)
    if resting is not None:
        _take_stop(turn, resting)
        return
    rules = turn.state.setup.rules[position.symbol]
    away = position.mark_price * (1 + side.sign * STOP_DISTANCE)
    price = rules.round_price(away, up=side.sign > 0)
    send(turn, Purpose.STOP, position.symbol, side, ZERO, order_type=OrderType.STOP_MARKET, trigger_price=price,
         reason="adopted")  # fmt: skip


def _guards(algo: AlgoOrder, position: Position) -> bool:
    return (
        algo.symbol == position.symbol
        and algo.type is OrderType.STOP_MARKET
        and algo.close_position
        and algo.status is AlgoStatus.NEW
        and algo.side.sign * position.quantity < 0
    )


def _take_stop(turn: Turn, algo: AlgoOrder) -> None:
    state, client_id = turn.state, algo.client_id
    intent = Intended(client_id, algo.symbol, algo.side, ZERO, algo.type, Purpose.STOP, state.now,
                      state.marks.get(algo.symbol, ZERO), algo.trigger_price, close_position=True,
                      reason="adopted")  # fmt: skip
    turn.learn(intent)
    turn.learn(OrderConfirmed(client_id, algo.algo_id, 0.0, 0.0))
    turn.learn(AlgoMoved(client_id, algo.algo_id, algo.symbol, algo.status, algo.trigger_price))
