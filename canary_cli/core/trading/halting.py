"""How a session stops itself: the latch, and the rollback that money triggers start."""

from canary_cli.core.trading.effects import RaiseAlert, SetLatch, StartRollback
from canary_cli.core.trading.facts import Latched
from canary_cli.core.trading.turn import Turn


def latch(turn: Turn, source: str, reason: str, by: str = "session") -> None:
    """No entries from here on, in memory and on disk, until a named human clears it; and somebody is told."""
    if source not in turn.state.latches:
        _set(turn, source, reason, by)
        turn.ask(RaiseAlert("CRITICAL", f"latched by {source}: {reason}", f"latch/{source}"))


def roll_back(turn: Turn, cause: str, detail: str) -> None:
    """Latch and ask for the rollback, once: a second cause joins the one under way.

    Whoever closes tells the team, with the incident and whom it calls; a word from here would name neither.
    """
    if turn.state.rolling_back:
        return
    turn.put(rolling_back=cause, tripped_at={**turn.state.marks, **turn.state.mids})
    turn.ask(StartRollback(cause, detail))
    if "rollback" not in turn.state.latches:
        _set(turn, "rollback", f"{cause}: {detail}", "session")


def _set(turn: Turn, source: str, reason: str, by: str) -> None:
    turn.learn(Latched(turn.state.now, source, reason, by))
    turn.ask(SetLatch(source, reason))
