"""How a session stops itself: the latch, and the rollback that money triggers start."""

from canary_cli.core.trading.effects import RaiseAlert, SetLatch, StartRollback
from canary_cli.core.trading.facts import Latched
from canary_cli.core.trading.turn import Turn


def latch(turn: Turn, source: str, reason: str, by: str = "session") -> None:
    """No entries from here on, in memory and on disk, until a named human clears it."""
    if source in turn.state.latches:
        return
    turn.learn(Latched(turn.state.now, source, reason, by))
    turn.ask(SetLatch(source, reason))
    turn.ask(RaiseAlert("CRITICAL", f"latched by {source}: {reason}", f"latch/{source}"))


def roll_back(turn: Turn, cause: str, detail: str) -> None:
    """Latch and ask for the rollback, once: a second cause joins the one under way."""
    if turn.state.rolling_back:
        return
    turn.put(rolling_back=cause)
    turn.ask(StartRollback(cause, detail))
    latch(turn, "rollback", f"{cause}: {detail}")
