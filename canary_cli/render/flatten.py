"""How a closing looks: a line a second while it runs, then what was closed, what it cost, and who goes on."""

from collections.abc import Mapping
from typing import Any

from canary_cli.core.model import OrderRequest, Position
from canary_cli.core.trading.flatten import CancelAll, Outcome
from canary_cli.errors import ExitCode
from canary_cli.render import output
from canary_cli.render.figures import money
from canary_cli.session.flattening import NOT_READ, FlattenReport, Progress
from canary_cli.steps.close_all import CloseResult, Rehearsed

EXCHANGE_APP = "close by hand in the exchange's own app"
LONGEST = 40
"""Characters of what stands in the way that fit into a line of progress."""


def show_progress(progress: Progress) -> None:
    """On stderr: `[00:02] 3 of 5 closed, left: BTCUSDT 0.100, ETHUSDT -2 (-4131 ...)`; what all meet, once."""
    trouble = {of: shortened(why) for of, why in progress.trouble.items()}
    whys = {trouble.get(one.symbol) for one in progress.left}
    shared = whys.pop() if len(progress.left) > 1 and len(whys) == 1 else None
    left = ", ".join(_named(one, {} if shared else trouble) for one in progress.left) or "verifying"
    account = shared or trouble.get("account")
    said = f"{progress.closed} of {progress.total} closed, left: {left}" if progress.total else "reading the account"
    output.notice(f"[{_clock(progress.seconds)}] {said}" + (f" ({account})" if account else ""))


def shortened(why: str) -> str:
    """A line a second must stay a line; the last one tells all of it."""
    return why if len(why) <= LONGEST else why[: LONGEST - 3] + "..."


def _named(position: Position, trouble: Mapping[str, str]) -> str:
    why = trouble.get(position.symbol)
    return f"{position.symbol} {position.quantity}" + (f" ({why})" if why else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def show(account: str, result: CloseResult) -> None:
    """On stdout: the summary; on stderr: what comes next."""
    report = result.report
    if report.outcome is Outcome.NOTHING_OPEN:
        output.line(_verdict(account, result))
    else:
        _show_closed(account, result)
    for one in report.dust:
        output.line(f"dust: {one.symbol} {one.quantity} is under the exchange's minimum and stays")
    if result.latch_failure:
        output.notice(f"LATCH NOT WRITTEN: {result.latch_failure}; a running session may open again", style="bold red")
    if result.journal_failure:
        output.notice(f"JOURNAL NOT WRITTEN: {result.journal_failure}; keep these lines", style="bold red")
    if result.latched and not result.latch_failure:
        output.notice(f"latched: no entries until canary trading enable --by NAME --reason WHY --account {account}")
    if report.grown:
        output.notice(another_hand(report.grown, account), style="bold red")
    output.notice(_who_goes_on(result), style="" if report.is_flat or result.sweeper else "bold red")
    if not report.is_flat:
        output.notice(f"next:  canary close-all --account {account}")
    if _is_silent(result):
        output.notice(f"the exchange does not answer this host: try another network, another host, or {EXCHANGE_APP}")


def _is_silent(result: CloseResult) -> bool:
    """Whether the exchange kept us from reading the account; not where it only had no time to be read again."""
    trouble = (result.report.trouble or {}).get("account", "")
    had_no_time = trouble == NOT_READ and bool(result.report.positions or result.interrupted)
    return bool(trouble) and not had_no_time


def another_hand(grown: tuple[str, ...], account: str) -> str:
    return (
        f"OPENED WHILE WE CLOSED: {', '.join(grown)}: another writer, or an entry that filled before it was cancelled; "
        f"stop it where it runs: canary trading disable --account {account}"
    )


def _show_closed(account: str, result: CloseResult) -> None:
    report = result.report
    for one in report.positions:
        state = f"left {one.left}" if one.left else "closed"
        output.line(f"{one.symbol:<12} {one.side:<4} {one.quantity} {state}")
    if report.is_flat or report.positions:  # else nobody knows what there was to close
        output.line(f"Closed {len(report.closed)} {_plural(len(report.closed), 'position')} in {report.seconds:.1f}s")
        unknown = f"not known yet: canary pnl --account {account}"
        output.line(f"P&L: {unknown if result.pnl is None else money(result.pnl)}")
    if report.orders_cancelled:
        output.line(f"Cancelled {report.orders_cancelled} {_plural(report.orders_cancelled, 'order')}")
    output.line(_verdict(account, result), style="bold green" if report.is_flat else "bold red")


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else noun + "s"


def _verdict(account: str, result: CloseResult) -> str:
    """In one line; of one pair it says so, since others may be open."""
    report = result.report
    where = f"in {result.only} on {account}" if result.only else f"on {account}"
    if report.outcome is Outcome.NOTHING_OPEN:
        return f"NOTHING OPEN {where}"
    if report.is_flat:
        return f"FLAT {where}: {_clocks(report)}"
    trouble = report.trouble or {}
    left = "; ".join(f"{_named(one, trouble)} about {money(one.notional)}" for one in report.left)
    return f"NOT FLAT {where}: {left or trouble.get('account') or 'not verified by the exchange'}"


def _clocks(report: FlattenReport) -> str:
    names = {"first order": report.first_byte, "acknowledged": report.acknowledged, "verified": report.verified}
    return ", ".join(f"{name} {1000 * took:.0f} ms" for name, took in names.items() if took is not None)


def _who_goes_on(result: CloseResult) -> str:
    sweeper = result.sweeper
    if sweeper is not None:
        doing = "re-checks at +2, +10, +60 s" if result.report.is_flat else "closing goes on"
        return f"{doing}: process {sweeper.pid}" + (f", {sweeper.log}" if sweeper.log else "")
    if result.report.is_flat:
        return "no re-checks follow: look again with canary positions"
    return f"NOBODY IS CLOSING: type it again, or {EXCHANGE_APP}"


def document(account: str, result: CloseResult) -> dict[str, Any]:
    """The `--json` document. Durations are wall seconds; `closing` names the process that goes on."""
    report = result.report
    return {
        "account": account,
        "pair": result.only,
        "outcome": report.outcome,
        "seconds": round(report.seconds, 3),
        "clocks": {
            "first_byte": report.first_byte,
            "acknowledged": report.acknowledged,
            "verified_flat": report.verified,
        },
        "positions": report.positions,
        "left": [{"symbol": one.symbol, "quantity": one.quantity, "notional": one.notional} for one in report.left],
        "dust": [{"symbol": one.symbol, "quantity": one.quantity} for one in report.dust],
        "orders_cancelled": report.orders_cancelled,
        "pnl": result.pnl,
        "latched": result.latched and not result.latch_failure,
        "latch_failure": result.latch_failure,
        "journal_failure": result.journal_failure,
        "closing": {"pid": result.sweeper.pid, "log": result.sweeper.log} if result.sweeper else None,
        "trouble": report.trouble,
        "opened_while_we_closed": report.grown,
        "reason": _verdict(account, result),
        "exit_code": result.result.code,
    }


def show_rehearsed(account: str, plan: Rehearsed) -> None:
    for cancel in plan.cancels:
        what = "all orders" if isinstance(cancel, CancelAll) else f"conditional order {cancel.algo_id}"
        output.line(f"cancel {cancel.symbol} {what}")
    for order in plan.closes:
        output.line(_order(order))
    if plan.stops:
        output.line(f"then, once flat: cancel {plan.stops} protective {_plural(plan.stops, 'stop')}")
    if not plan.cancels and not plan.closes and not plan.stops:
        output.line(f"NOTHING OPEN on {account}")
    output.line(f"test order: {plan.test_order}")


def _order(order: OrderRequest) -> str:
    how = "reduce-only" if order.reduce_only else f"positionSide {order.position_side}"
    price = f" at {order.price}" if order.price is not None else ""
    return f"close {order.symbol} {order.side} {order.quantity} {order.type}{price} {how}"


def rehearsed_document(account: str, plan: Rehearsed) -> dict[str, Any]:
    code = 0 if plan.accepted else ExitCode.EXCHANGE_UNREACHABLE
    return {"account": account, "cancels": plan.cancels, "closes": plan.closes, "stops": plan.stops,
            "test_order": plan.test_order, "accepted": plan.accepted, "exit_code": code}  # fmt: skip


def nagios(account: str, plan: Rehearsed) -> str:
    state = "OK" if plan.accepted else "CRITICAL"
    work = f"{len(plan.closes)} closes and {len(plan.cancels)} cancels would be sent"
    return f"CLOSE-ALL {state} - {account}: signed test order {plan.test_order}; {work}"
