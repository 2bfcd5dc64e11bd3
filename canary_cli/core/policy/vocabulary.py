"""Every metric a plan may name, in plain English with its unit. A name that is not here is refused."""

from collections.abc import Mapping
from types import MappingProxyType

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "latency_max": "slowest order of the phase, decision to acknowledgement, ms",
        "latency_p95": "95th percentile of order latency, ms",
        "latency_last": "latency of the last order, ms",
        "latency_3_of_5": "third slowest of the last 5 orders, ms",
        "latency_send_p95": "95th percentile from decision to sending, ms",
        "latency_ack_p95": "95th percentile from sending to acknowledgement, ms",
        "latency_fill_p95": "95th percentile from decision to the first fill, ms",
        "latency_p50": "median latency of the last 20 orders, ms",
        "fill_rate": "mean filled share of settled market orders, %",
        "fill_rate_worst_pair": "mean filled share on the pair where it is lowest, %",
        "fill_rate_recent": "mean filled share of the last 100 market orders, %",
        "slippage_mean": "mean slippage against the decision price, bps",
        "slippage_worst_pair": "slippage of the last order, on the pair where it is worst, bps",
        "slippage_last": "slippage of the last order of a pair, each pair by itself, bps",
        "errors": "orders rejected or unknown",
        "errors_recent": "orders rejected or unknown, among the last 100",
        "order_error_rate": "share of orders rejected or unknown, %",
        "order_error_rate_recent": "share of the last 100 orders rejected or unknown, %",
        "order_success": "share of orders neither rejected nor unknown, %",
        "orders": "market orders acknowledged, probes included",
        "strategy_orders": "entries by signal acknowledged",
        "drawdown": "account equity below its peak since deployment start, %",
        "intraday_drawdown": "worst distance to the day's peak, %",
        "liquidations": "positions closed by force",
        "warnings": "threshold crossings and rejected orders",
        "covered": "share of the time the phase asks for that had fresh readings, %",
        "confluence": "mean confluence score of signals, of 4",
        "confluence_recent": "mean confluence score of the last 100 signals, of 4",
        "confidence": "mean confidence of signals, of 100",
        "alignment": "mean structure alignment of signals, %",
        "evaluations": "closed bars judged",
        "signals_per_hour": "new signals an hour over 24 h: no repeat of a pair and side within the cooldown",
        "parity_mismatches": "live decisions the batch engine does not repeat",
        "parity_recent": "decisions and bars of the last hour that the batch engine has otherwise",
        "bars_missed": "closed bars the live engine did not judge",
        "breaker_self_test": "a copy of the session rolls back just beyond the breaker (1 yes, 0 no)",
        "pairs_missing": "pairs of the phase that are not operational",
        "audit_gaps": "lines missing from the journal",
        "sign_offs_missing": "sign-offs of people still missing",
    }
)

WHOLE_PHASE = frozenset(
    {
        "latency_max", "latency_p95", "latency_send_p95", "latency_ack_p95", "latency_fill_p95",
        "fill_rate", "fill_rate_worst_pair", "slippage_mean", "slippage_worst_pair",
        "errors", "order_error_rate", "order_success", "liquidations", "warnings",
        "confluence", "confidence", "alignment",
    }
)  # fmt: skip
"""Figures of a phase that forget nothing: for gates. What a trigger held on one of them nobody could let go."""

PER_PAIR = frozenset({"slippage_last"})
"""Measured pair by pair: only for triggers, each of which then watches every pair by itself."""
