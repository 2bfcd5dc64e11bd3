"""The session: `decide(state, input) -> (state, effects)`, the same live, on the paper exchange and in simulation."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from canary_cli.core.model import ZERO
from canary_cli.core.trading import (
    adoption,
    alarms,
    conditions,
    dead_man,
    depths,
    entries,
    gateway,
    listening,
    margin,
    marking,
    probes,
    reconcile,
    releasing,
    valuing,
    watch,
)
from canary_cli.core.trading.effects import Effect, ReadAccount
from canary_cli.core.trading.events import (
    AccountRead,
    AccountUpdated,
    AlgoUpdated,
    CandleClosed,
    LeverageChanged,
    LeverageRead,
    MarksUpdated,
    OrderUpdated,
    Quoted,
    ReadFailed,
    Stream,
    StreamAlive,
    StreamDown,
    StreamUp,
)
from canary_cli.core.trading.facts import ParityChecked, PhaseEntered, WalletMoved
from canary_cli.core.trading.halting import roll_back
from canary_cli.core.trading.inputs import (
    Adopt,
    ArmAgain,
    Compared,
    ConditionChanged,
    Decided,
    DepthRead,
    EnterPhase,
    Input,
    Keep,
    LatchChanged,
    QueryAnswered,
    Replied,
    RollBack,
    Tick,
    WindDown,
)
from canary_cli.core.trading.standing import may_open
from canary_cli.core.trading.state import Session
from canary_cli.core.trading.turn import Turn


def decide(state: Session, event: Input) -> tuple[Session, tuple[Effect, ...]]:
    """What the session becomes, and what it asks of the world. Reads no clock, file or socket."""
    turn = Turn(state)
    if event.time > state.now:
        turn.put(now=event.time)
    _HANDLERS[type(event)](turn, event)
    return turn.state, tuple(turn.effects)


def _on_tick(turn: Turn, event: Tick) -> None:
    turn.put(quota_used=event.quota_used)
    watch.on_tick(turn, event)
    reconcile.on_tick(turn)
    margin.on_tick(turn)
    depths.on_tick(turn)
    dead_man.on_tick(turn, event.time)
    if may_open(turn.state):
        probes.on_tick(turn)


def _on_phase(turn: Turn, event: EnterPhase) -> None:
    phase = event.phase
    turn.learn(PhaseEntered(event.time, phase.number, phase.name, phase.fraction, event.pairs, event.ends_at))


def _on_roll_back(turn: Turn, event: RollBack) -> None:
    roll_back(turn, event.cause, event.detail)


def _on_arm(turn: Turn, event: ArmAgain) -> None:
    marking.on_arm(turn, event)
    releasing.on_arm(turn, event)


def _on_compared(turn: Turn, event: Compared) -> None:
    turn.learn(ParityChecked(event.time, event.compared, event.differing))


def _on_wind_down(turn: Turn, event: WindDown) -> None:
    turn.put(ending=event.reason)


def _on_account(turn: Turn, event: AccountUpdated) -> None:
    """The wallet and its positions as the exchange has them; trades are counted from their own events."""
    listening.heard_user(turn, event)
    if not all(figure.is_finite() for figure in (event.wallet or ZERO, event.change)):
        turn.ask(ReadAccount("the stream has told a balance that is no number"))
        return
    if event in turn.state.newest:
        return
    if event.wallet is not None:
        turn.put(wallet_told=turn.state.now)
        _take_wallet(turn, event, event.wallet)
    turn.put(booked=valuing.told(turn.state, event), newest=valuing.newest(turn.state, event))


def _take_wallet(turn: Turn, event: AccountUpdated, wallet: Decimal) -> None:
    if event.reason != "ORDER":
        marking.move_wallet(turn, WalletMoved(event.time, event.reason, event.change, wallet))
    elif turn.state.wallet_at is None or event.time >= turn.state.wallet_at:
        turn.put(wallet=wallet, wallet_at=event.time)


def _on_user(handler: Callable[[Turn, Any], None]) -> Callable[[Turn, Any], None]:
    def handle(turn: Turn, event: Any) -> None:
        listening.heard_user(turn, event)
        handler(turn, event)

    return handle


def _on_stream_up(turn: Turn, event: StreamUp) -> None:
    """Nothing that came before the gap is trusted until the account has been read again."""
    listening.on_stream_up(turn, event)
    turn.put(reconciled=False)
    turn.ask(ReadAccount(f"{event.stream} stream is up"))
    if event.stream is Stream.USER:
        margin.ask(turn)


def _nothing(_turn: Turn, _event: Any) -> None:
    """Candles reach a session as `Decided`, when the signal engine has judged them."""


_HANDLERS: dict[type, Callable[[Turn, Any], None]] = {
    MarksUpdated: marking.on_marks,
    Quoted: marking.on_quote,
    Tick: _on_tick,
    OrderUpdated: _on_user(gateway.on_order_updated),
    AlgoUpdated: _on_user(gateway.on_algo_updated),
    AccountUpdated: _on_account,
    Replied: gateway.on_replied,
    QueryAnswered: gateway.on_answer,
    AccountRead: reconcile.on_read,
    LeverageChanged: _on_user(margin.on_changed),
    LeverageRead: margin.on_read,
    DepthRead: depths.on_read,
    ReadFailed: reconcile.on_read_failed,
    Decided: entries.on_decided,
    EnterPhase: _on_phase,
    RollBack: _on_roll_back,
    Keep: alarms.on_keep,
    Compared: _on_compared,
    ConditionChanged: conditions.on_condition,
    LatchChanged: conditions.on_latches,
    ArmAgain: _on_arm,
    WindDown: _on_wind_down,
    Adopt: adoption.on_adopt,
    StreamUp: _on_stream_up,
    StreamDown: listening.on_stream_down,
    StreamAlive: listening.on_stream_alive,
    CandleClosed: _nothing,
}
