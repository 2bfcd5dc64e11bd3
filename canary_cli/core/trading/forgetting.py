"""A session that watches on for months forgets what is long over: its last decision costs what its first did."""

from dataclasses import replace
from datetime import datetime, timedelta

from canary_cli.core.model import AlgoStatus
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.order import OrderLife, Stage
from canary_cli.core.trading.state import Session

KEPT = timedelta(days=2)
"""More than any reading looks back, so that no trade counts twice and no order of ours seems a stranger's: the first
after a restart goes back to when the books last agreed, which may be the stream's daily reconnect, and an hour."""

OVER = frozenset({AlgoStatus.CANCELED, AlgoStatus.EXPIRED, AlgoStatus.REJECTED, AlgoStatus.FINISHED})


def forget(state: Session, now: datetime) -> Session:
    """Without the orders and trades that ended so long ago, and that nothing open refers to."""
    since = now - KEPT
    orders = {client_id: life for client_id, life in state.orders.items() if _is_needed(state, life, since)}
    algos = {client_id: algo for client_id, algo in state.algos.items() if client_id in orders}
    trades = {trade: at for trade, at in state.trades.items() if at > since}
    moves = frozenset(move for move in state.moves if move.time > since)
    return replace(state, orders=orders, algos=algos, trades=trades, moves=moves)


def _is_needed(state: Session, life: OrderLife, since: datetime) -> bool:
    """What is young, still open, of a pair that is held, or a probe that counts against its phase's cap."""
    intent = life.intent
    counts = intent.purpose is Purpose.PROBE and intent.decided_at >= (state.phase_entered or since)
    return counts or intent.decided_at > since or intent.symbol in state.held or not _is_over(state, life)


def _is_over(state: Session, life: OrderLife) -> bool:
    algo = state.algos.get(life.intent.client_id)
    return life.is_settled or life.stage is Stage.REJECTED or (algo is not None and algo.status in OVER)
