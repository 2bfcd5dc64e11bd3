"""What each pair's market can take: a book now and then, of which the worst of a day binds the size of entries.

A session that begins knows one book; the longer it watches, the more of a day its worst is taken from. What is kept
stands in the journal, so a restart goes on with it.
"""

from canary_cli.core.trading.effects import ReadDepth
from canary_cli.core.trading.facts import DepthMeasured
from canary_cli.core.trading.inputs import DepthRead
from canary_cli.core.trading.turn import Turn


def on_tick(turn: Turn) -> None:
    """Ask for one pair's book after the other, so that each is looked at once in `depth_every`."""
    state = turn.state
    symbols, every = state.setup.symbols, state.setup.depth_every
    if not symbols or not every:
        return
    if state.depth_asked is None:  # what was measured when the session was opened will do for now
        turn.put(depth_asked=state.now)
    elif (state.now - state.depth_asked).total_seconds() >= every / len(symbols):
        turn.put(depth_asked=state.now, depth_turn=state.depth_turn + 1)
        turn.ask(ReadDepth(symbols[state.depth_turn % len(symbols)]))


def on_read(turn: Turn, event: DepthRead) -> None:
    kept, depth = turn.state.lows.get(event.symbol), event.depth
    if kept is None or kept.is_news(event.time, depth.book):
        turn.learn(DepthMeasured(event.time, event.symbol, depth.book, depth.minute))
