"""The parts of the completion report: each a run's figures of one kind, as lines of Markdown."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from statistics import fmean
from typing import Any

from canary_cli.core.accounting.numbers import percentile
from canary_cli.core.accounting.round_trips import RoundTrip
from canary_cli.render import figures
from canary_cli.render.acceptance import NOT_DONE, Criterion
from canary_cli.render.markdown import section, table, text
from canary_cli.steps.story import PROBES, Gate, Latency, Story


def facts(story: Story) -> list[str]:
    header = story.header
    return table(
        ("what", "value"),
        [
            ("account", f"{header.get('account', '?')} ({header.get('kind', '?')})"),
            ("plan", f"{header.get('plan', '?')}, sha256 {header.get('plan_sha256', '?')}"),
            ("version, commit", f"{header.get('version', '?')}, {header.get('commit', '?')}"),
            ("seed, speed", f"{header.get('seed', '-')}, {header.get('speed', '?')}x"),
            ("deployment start", header.get("deployment_start", "?")),
            ("from, to", f"{figures.instant(story.started)}, {figures.instant(story.until)}"),
            ("duration (plan time)", figures.duration(story.until - story.started)),
            ("reached", "; ".join(f"phase {p.number} at {figures.share(p.fraction)}" for p in story.phases) or "-"),
        ],
    )


def gate_table(gate: Gate) -> list[str]:
    title = f"Gate {gate.phase}: {gate.verdict} at {figures.instant(gate.at)}"
    if gate.phase == 0:
        rows = table(("check", "verdict", "seen"), ((row.metric, row.verdict, row.detail) for row in gate.checks))
    else:
        head = ("check", "value", "", "limit", "n", "window", "population", "verdict", "detail")
        rows = table(
            head,
            (
                (r.metric, figures.measured(r.value), r.op, r.limit, r.n, r.window, r.population, r.verdict, r.detail)
                for r in gate.checks
            ),
        )
    return section(title, [*([text(gate.reason), ""] if gate.reason else []), *rows])


def rollback(story: Story) -> list[str]:
    back = story.rollback
    if back is None:
        return []
    clocks = [(label, figures.duration(span)) for label, span in back.clocks]
    flat = figures.instant(back.flat) if back.flat else f"NOT VERIFIED FLAT{': ' + back.left if back.left else ''}"
    rows = [
        ("cause", back.said),
        ("trip", figures.instant(back.tripped)),
        *((f"trip to {label} (wall)", span) for label, span in clocks),
        ("verified flat", flat),
        ("positions affected", f"{back.affected} {' '.join(back.positions)}".strip()),
    ]
    return section("Rollback: time to safe", table(("what", "value"), rows))


def money(story: Story) -> list[str]:
    duration = figures.duration(story.until - story.started)
    return ["```", *pnl_block(story.strategy_trips, story.net, duration), "```", "", _what_is_in_it(story), ""]


def pnl_block(trips: Sequence[RoundTrip], net: Decimal, duration: str) -> list[str]:
    """The block of the rollback procedure: trades, winners, losers, net, duration."""
    won, lost = [t.net for t in trips if t.net > 0], [t.net for t in trips if t.net <= 0]
    return [
        f"Total trades: {len(trips)}",
        f"Profitable: {len(won)} ({figures.money(sum(won, Decimal(0)), signed=True)})",
        f"Loss-making: {len(lost)} ({figures.money(sum(lost, Decimal(0)), signed=True)})",
        f"Net P&L: {figures.money(net)}",
        f"Duration: {duration}",
    ]


def _what_is_in_it(story: Story) -> str:
    probes = [trip.net for trip in story.trips.closed if trip.is_probe]
    held = [trip.net for trip in story.trips.open]
    said = [
        "Trades are the strategy's round trips. Net is from fills, after commissions, without funding (`canary pnl`);",
        f"in it are {len(probes)} probes ({figures.money(sum(probes, Decimal(0)), signed=True)}) and {len(held)} open",
        f"positions' fees and part closes ({figures.money(sum(held, Decimal(0)), signed=True)}).",
    ]
    if story.equity:
        first, last = story.equity[0].equity, story.equity[-1].equity
        said.append(f"Equity went from {figures.money(first)} to {figures.money(last)}, unrealised profit included.")
    for asset, amount in story.trips.unconverted.items():
        said.append(f"Commissions of {figures.number(amount)} {asset} are not converted here.")
    return " ".join(said)


def execution(story: Story) -> list[str]:
    sent = len(story.all("order_intent"))
    rows = [
        ("orders intended", sent),
        ("confirmed, rejected, unknown, denied", ", ".join(str(len(story.all(e))) for e in _ORDER_EVENTS)),
        *_latency_rows("all orders", story.latencies),
        *_latency_rows("probes", [one for one in story.latencies if one.purpose in PROBES]),
        *_leg_rows(story),
        ("fills", len(story.all("fill"))),
        ("slippage, mean", _slippage(story)),
    ]
    return table(("what", "value"), rows)


_ORDER_EVENTS = ("order_confirmed", "order_rejected", "order_unknown", "order_denied")


def _leg_rows(story: Story) -> Iterator[tuple[str, str]]:
    """Where the time went. A fill's clock is the first message that told of it; it may come before the reply."""
    sent = [(one.milliseconds - one.send, one.send) for one in story.latencies if one.send is not None]
    filled: dict[str, float] = {}
    for entry in story.all("fill"):
        if entry.data.get("latency_ms") is not None:
            filled.setdefault(entry.data["client_id"], entry.data["latency_ms"])
    yield from _percentiles("decision to sending", [ours for ours, _ in sent])
    yield from _percentiles("sending to acknowledgement", [theirs for _, theirs in sent])
    yield from _percentiles("decision to first fill", list(filled.values()))


def _latency_rows(who: str, latencies: Sequence[Latency]) -> Iterator[tuple[str, str]]:
    yield from _percentiles(f"latency of {who}", [one.milliseconds for one in latencies])


def _percentiles(what: str, milliseconds: Sequence[float]) -> Iterator[tuple[str, str]]:
    if milliseconds:
        values = [Decimal(str(one)) for one in milliseconds]
        p50, p95 = percentile(values, 50) or Decimal(0), percentile(values, 95) or Decimal(0)
        yield f"{what}: p50, p95, max", f"{p50:.0f}, {p95:.0f}, {max(values):.0f} ms (n={len(values)})"


def _slippages(story: Story) -> list[Decimal]:
    """One for each market order, in how many trades it may have filled, as gates count them; bps."""
    filled: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for e in story.all("fill"):
        if e.data.get("slippage_bps") is not None:
            part = (Decimal(str(e.data["quantity"])), Decimal(str(e.data["slippage_bps"])))
            filled.setdefault(e.data.get("client_id") or str(e.seq), []).append(part)
    return [sum((q * bps for q, bps in parts), Decimal(0)) / sum(q for q, _ in parts) for parts in filled.values()]


def _errors(story: Story) -> tuple[int, int]:
    """How many orders were rejected, or never found where nobody had answered; and how many were sent."""
    answers = ("order_rejected", "order_unknown", "order_confirmed")
    rejected, unknown, confirmed = ({e.data["client_id"] for e in story.all(answer)} for answer in answers)
    there = {e.data.get("client_id") for e in story.all("order_updated", "fill")} | confirmed
    there |= {e.data["client_id"] for e in story.all("order_resolved") if e.data["outcome"] == "found"}
    return len(rejected | (unknown - there)), len(rejected | unknown | confirmed)


def _slippage(story: Story) -> str:
    found = _slippages(story)
    return f"{fmean(found):.2f} bps (n={len(found)})" if found else "unmeasured"


def strategy(story: Story) -> list[str]:
    signals = story.all("signal")
    real = story.strategy_trips
    refused = story.all("signal_refused")
    rows = [
        ("bars judged", len(signals) + len(refused)),
        ("signals, refused by the risk gate", f"{len(signals)}, {len(story.all('risk_refused'))}"),
        ("confidence, mean", _mean([entry.signal_confidence for entry in signals])),
        ("confluence of 4, mean", _mean([entry.confluence_score for entry in signals])),
        ("round trips, of these profitable", f"{len(real)}, {sum(trip.net > 0 for trip in real)}"),
        ("net of strategy", figures.money(sum((trip.net for trip in real), Decimal(0)), signed=True)),
    ]
    return table(("what", "value"), rows)


def _mean(values: Sequence[Any]) -> str:
    found = [float(value) for value in values if value is not None]
    return f"{fmean(found):.2f} (n={len(found)})" if found else "unmeasured"


def baseline(story: Story) -> dict[str, Decimal | int | None]:
    """What later operation is held against. None: never measured in this run."""
    values = [Decimal(str(one.milliseconds)) for one in story.latencies]
    slipped = _slippages(story)
    hours = Decimal(str((story.until - story.started).total_seconds())) / 3600
    bad, sent = _errors(story)
    return {
        "latency_p50_ms": percentile(values, 50),
        "latency_p95_ms": percentile(values, 95),
        "slippage_mean_bps": round(sum(slipped, Decimal(0)) / len(slipped), 3) if slipped else None,
        "order_error_rate_pct": round(Decimal(100 * bad) / sent, 3) if sent else None,
        "signals_per_hour": round(Decimal(len(story.all("signal"))) / hours, 3) if hours else None,
        "worst_drawdown_pct": min((-abs(point.drawdown_pct) for point in story.equity), default=None),
        "equity_end": story.equity[-1].equity if story.equity else None,
        "orders": len(story.all("order_confirmed")),
    }


def named(values: dict[str, Decimal | int | None]) -> list[str]:
    rows = ((name, "unmeasured" if value is None else figures.number(value)) for name, value in values.items())
    return table(("metric", "value"), rows)


def acceptance(found: Sequence[Criterion]) -> list[str]:
    head = ("part", "criterion", "", "evidence")
    return table(head, ((one.group, one.text, "done" if one.done else NOT_DONE, one.evidence) for one in found))
