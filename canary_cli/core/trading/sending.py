"""The single door out: every order of a session is stated here first, and sent once that is on disk."""

from decimal import Decimal

from canary_cli.core.model import ZERO, OrderType, Side
from canary_cli.core.trading.effects import Place
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.turn import Turn


def send(
    turn: Turn,
    purpose: Purpose,
    symbol: str,
    side: Side,
    quantity: Decimal,
    *,
    order_type: OrderType = OrderType.MARKET,
    trigger_price: Decimal | None = None,
    stop_distance: Decimal = ZERO,
    target_distance: Decimal = ZERO,
    reason: str = "",
) -> str:
    """State the intent, then ask for the order; returns its client id. Whatever adds no risk is reduce-only."""
    state = turn.state
    client_id = f"{state.setup.prefix}{purpose.name[0].lower()}{state.sequence:05d}"
    intent = Intended(
        client_id=client_id,
        symbol=symbol,
        side=side,
        quantity=quantity,
        type=order_type,
        purpose=purpose,
        decided_at=state.now,
        decision_price=trigger_price or state.mids.get(symbol) or state.marks.get(symbol, ZERO),
        trigger_price=trigger_price,
        reduce_only=not purpose.adds_risk and not order_type.is_algo,
        close_position=order_type.is_algo,
        stop_distance=stop_distance,
        target_distance=target_distance,
        reason=reason,
    )
    turn.learn(intent)
    turn.ask(Place(intent))
    return client_id
