"""From a signal to an order: note what was seen, ask the risk gate, state the intent."""

from datetime import timedelta
from decimal import Decimal

from canary_cli.core.accounting.metrics import Seen
from canary_cli.core.model import ZERO, OrderType
from canary_cli.core.policy import risk
from canary_cli.core.policy.risk import Cleared, Code, Proposal, Refused
from canary_cli.core.signals import Evaluation, Signal, to_record
from canary_cli.core.trading import protection
from canary_cli.core.trading.effects import Note
from canary_cli.core.trading.facts import Purpose, RiskRefused
from canary_cli.core.trading.inputs import Decided
from canary_cli.core.trading.sending import send
from canary_cli.core.trading.standing import risk_context
from canary_cli.core.trading.state import Session, put
from canary_cli.core.trading.turn import Turn

TOO_LATE = timedelta(minutes=7, seconds=30)
"""Half a decision bar: what a gap or a restart kept us from seeing in time is judged, and not traded."""


def on_decided(turn: Turn, event: Decided) -> None:
    """Journal the evaluation, taken or refused; act on it only in the pairs of the phase."""
    evaluation, state = event.evaluation, turn.state
    if state.phase is None or evaluation.symbol not in state.pairs:
        return
    _note(turn, event)
    turn.put(metrics=state.metrics.evaluated(seen(evaluation) if event.signal else None))
    if event.signal is not None:
        _act(turn, event.signal)


def seen(evaluation: Evaluation) -> Seen:
    confluence, confidence, alignment = (
        Decimal(str(figure)) for figure in (evaluation.confluence, evaluation.confidence, evaluation.alignment)
    )
    side = evaluation.direction.value if evaluation.direction else ""
    return Seen(evaluation.time, confluence, confidence, alignment, evaluation.symbol, side)


def _note(turn: Turn, event: Decided) -> None:
    evaluation = event.evaluation
    data = to_record(evaluation)
    if event.signal is not None:
        data |= {"stop": str(event.signal.stop), "target": str(event.signal.target)}
    fields = {
        "signal_confidence": evaluation.confidence,
        "confluence_score": evaluation.confluence,
        "side": evaluation.direction.value if evaluation.direction else "",
        "reason": evaluation.reason.value,
    }
    turn.ask(Note("signal" if event.signal else "signal_refused", evaluation.symbol, fields, data))


def _act(turn: Turn, signal: Signal) -> None:
    """A signal against what is held closes that first and enters once flat; any other asks the risk gate.

    A probe is about to go out again by itself: the signal waits for that, for two positions of a pair would be one.
    """
    held = turn.state.held.get(signal.symbol)
    if held is not None and held.is_guarded_here and held.side is not signal.side:
        turn.put(flips=put(turn.state.flips, signal.symbol, signal))
        protection.close_now(turn, signal.symbol, "the signal turned")
    elif _is_probed(turn.state, signal.symbol):
        turn.put(flips=put(turn.state.flips, signal.symbol, signal))
    else:
        enter(turn, signal)


def _is_probed(state: Session, symbol: str) -> bool:
    """Whether a probe is in, on its way, or has not been told of yet."""
    held = state.held.get(symbol)
    return (held is not None and held.probe) or any(
        life.is_under_way and life.intent.purpose is Purpose.PROBE and life.intent.symbol == symbol
        for life in state.orders.values()
    )


def enter(turn: Turn, signal: Signal) -> None:
    """Ask the risk gate; send what it clears, journal why it refused."""
    state = turn.state
    late = state.now - signal.time
    if late > TOO_LATE:
        detail = f"the bar closed {late.total_seconds() / 60:.0f} min ago"
        turn.learn(RiskRefused(state.now, signal.symbol, signal.side, Code.STALE.value, detail))
        return
    stop_distance = abs(signal.entry - signal.stop)
    proposal = Proposal(signal.symbol, signal.side, state.mids.get(signal.symbol, ZERO), stop_distance, signal.time)
    match risk.judge(proposal, risk_context(state, signal.symbol)):
        case Cleared(quantity=quantity, detail=detail):
            _send_entry(turn, signal, quantity, stop_distance, detail)
        case Refused(code=code, detail=detail):
            turn.learn(RiskRefused(state.now, signal.symbol, signal.side, code.value, detail))


def _send_entry(turn: Turn, signal: Signal, quantity: Decimal, stop_distance: Decimal, detail: str) -> None:
    send(
        turn,
        Purpose.ENTRY,
        signal.symbol,
        signal.side,
        quantity,
        order_type=OrderType.MARKET,
        stop_distance=stop_distance,
        target_distance=abs(signal.target - signal.entry),
        reason=detail,
    )


def on_flat(turn: Turn, symbol: str) -> None:
    """A position is gone: if a signal for the other side was waiting for that, it is asked for now."""
    signal = turn.state.flips.get(symbol)
    if signal is None:
        return
    turn.put(flips={k: v for k, v in turn.state.flips.items() if k != symbol})
    enter(turn, signal)
