"""Is the ledger what it must be? Every check answers with a line; none raises for what it finds."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, and_, func, not_, or_, select, text
from sqlalchemy.exc import DBAPIError

from canary_cli.core.model import ZERO, AlgoStatus, OrderStatus, Position, PositionSide, Side
from canary_cli.core.trading import hands
from canary_cli.core.trading.facts import Adopted
from canary_cli.journal.reader import entry_of, lines, verify_chain
from canary_cli.journal.record import decode
from canary_cli.ledger.ledger import Ledger
from canary_cli.ledger.tables import metadata
from canary_cli.ledger.told import trades_off
from canary_cli.ledger.types import Money

Tables = Mapping[str, Table]

UNINTENDED = (*hands.FORCED, hands.KILL, hands.CLOSE)
"""Client ids of orders no session intended: liquidation, auto-deleveraging, settlement, and closings by hand."""
OTHERS = ("foreign", "kill")
"""Purposes of trades that no order of the session made; their client ids may not be known."""
_STATES = {status.value for status in (*OrderStatus, *AlgoStatus)} | {"INTENDED", "UNKNOWN", "DENIED", "ABSENT"}
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Check:
    """`ok` None: not looked at. `detail` is the count where it is well (`24 records`), or what is wrong, or why not.

    `corrupt`: the stored rows themselves are damaged, which a restore mends. Without it a check that fails has found a
    difference, which a restore would only put back: another hand's deed, a line of another version, a bad backup.
    """

    name: str
    ok: bool | None
    detail: str
    corrupt: bool = False


def is_corrupted(checks: Iterable[Check]) -> bool:
    return any(check.corrupt for check in checks)


def all_tables() -> Tables:
    """The tables people ask about first, then the others."""
    first = ("orders", "trades", "positions")
    return {name: metadata.tables[name] for name in (*first, *(name for name in metadata.tables if name not in first))}


def check_tables(connection: Connection, account: str, tables: Tables) -> list[Check]:
    """Each table: readable, sound by the server's own check, and how much it holds."""
    found = [_check_table(connection, account, table, name) for name, table in tables.items()]
    return [*found, *_sqlite_checks(connection)] if connection.dialect.name == "sqlite" else found


def check_invariants(connection: Connection, account: str, tables: Tables) -> list[Check]:
    """What must hold between tables: fills and positions, trades and orders, the states an order can be in."""
    stored: Sequence[tuple[str, Callable[[], Iterable[str]]]] = (
        ("Fills = positions", lambda: _positions_off(connection, account, tables)),
        ("Trades = their lines", lambda: trades_off(connection, account, tables)),
        ("Every trade has its order", lambda: _orphans(connection, account, tables)),
        ("Order states", lambda: _impossible_orders(connection, account, tables)),
    )
    understood = _judged("Journal lines understood", lambda: _problems(connection, account, tables))
    return [*(_judged(name, find, corrupt=True) for name, find in stored), understood]


def check_journal(ledger: Ledger, folder: Path) -> list[Check]:
    """The journal's own chain, and the ledger against it line by line: what differs from a whole one is damaged."""
    chain = verify_chain(folder)
    whole = f"{chain.lines} lines" + (f", {len(chain.torn)} cut short by crashes" if chain.torn else "")
    broken = f"{chain.first_bad}: {chain.detail}"
    return [
        Check("Journal chain", chain.ok, whole if chain.ok else broken),
        _check_equal(ledger, folder, is_whole=chain.ok),
    ]


def check_exchange(ledger: Ledger, positions: Sequence[Position]) -> Check:
    """The ledger's positions against what the exchange holds now."""
    ours = {(row["symbol"], row["position_side"]): row["quantity"] for row in ledger.rows("positions")}
    theirs = {(position.symbol, position.position_side.value): position.quantity for position in positions}
    return _judged("Ledger = exchange", lambda: _differences(ours, theirs, "ledger", "exchange"), f"{len(theirs)} open")


def _check_table(connection: Connection, account: str, table: Table, called: str) -> Check:
    name = f"{called.capitalize()} table"
    try:
        fault = _server_fault(connection, table.name)
        count = connection.execute(select(func.count()).select_from(table).where(table.c.account == account)).scalar()
        open_ones = _open_positions(connection, account, table) if called == "positions" else None
    except DBAPIError as error:
        _raise_if_away(error)
        return Check(name, False, _said(error), corrupt=True)
    detail = f"{count} records" if open_ones is None else f"{open_ones} open"
    return Check(name, not fault, fault or detail, corrupt=bool(fault))


def _server_fault(connection: Connection, table: str) -> str:
    """What CHECK TABLE says against a table; nothing on SQLite, which checks the whole file at once."""
    if connection.dialect.name == "sqlite":
        return ""
    told = connection.execute(text(f"CHECK TABLE `{table}`")).all()
    return "; ".join(row[3] for row in told if row[2] in ("error", "Error", "warning") or row[3] == "Corrupt")


def _open_positions(connection: Connection, account: str, table: Table) -> int:
    quantities = connection.execute(select(table.c.quantity).where(table.c.account == account)).scalars()
    return sum(1 for quantity in quantities if quantity)


def _sqlite_checks(connection: Connection) -> list[Check]:
    def told(pragma: str) -> list[str]:
        return [" ".join(map(str, row)) for row in connection.execute(text(f"PRAGMA {pragma}")) if row[0] != "ok"]

    return [
        _judged("File integrity", lambda: told("integrity_check"), corrupt=True),
        _judged("Foreign keys", lambda: told("foreign_key_check"), corrupt=True),
    ]


def _judged(name: str, find: Callable[[], Iterable[str]], well: str = "OK", *, corrupt: bool = False) -> Check:
    try:
        faults = list(find())
    except DBAPIError as error:
        _raise_if_away(error)
        faults, corrupt = [_said(error)], True
    more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    told = "; ".join(faults[:_SHOWN]) + more if faults else well
    return Check(name, not faults, told, corrupt=corrupt and bool(faults))


def _said(error: DBAPIError) -> str:
    return str(getattr(error.orig, "args", [error.orig])[-1])


def _raise_if_away(error: DBAPIError) -> None:
    """A connection that broke, or a lock that another holds, says nothing about the rows."""
    if error.connection_invalidated or "locked" in _said(error):
        raise error


def _positions_off(connection: Connection, account: str, tables: Tables) -> Iterable[str]:
    positions = tables["positions"]
    stored = select(positions.c.symbol, positions.c.position_side, positions.c.quantity)
    held = {(row[0], row[1]): row[2] for row in connection.execute(stored.where(positions.c.account == account))}
    filled = dict(_filled(connection, account, tables["trades"]))
    for symbol, quantity, time in _adopted(connection, account, tables["events"]):
        before = _filled(connection, account, tables["trades"], symbol, time)
        for key in before.keys() | {(symbol, PositionSide.BOTH.value)}:
            filled[key] = filled.get(key, ZERO) - before.get(key, ZERO)
        filled[symbol, PositionSide.BOTH.value] += quantity
    return _differences(filled, held, "fills", "position")


def _adopted(connection: Connection, account: str, events: Table) -> Iterable[tuple[str, Decimal, datetime]]:
    """What a person last had taken over of each pair, and as of when: the fills until then no longer explain it."""
    query = select(events.c.line).where(events.c.account == account, events.c.event == Adopted.event)
    lines = [decode(line.encode()).data for line in connection.execute(query.order_by(events.c.seq)).scalars()]
    last = {data["symbol"]: data for data in lines}
    return [(symbol, Decimal(one["quantity"]), datetime.fromisoformat(one["time"])) for symbol, one in last.items()]


def _filled(
    connection: Connection, account: str, trades: Table, only: str | None = None, until: datetime | None = None
) -> Mapping[tuple[str, str], Decimal]:
    """The sum of all fills, or of one pair's until then. A server adds decimals exactly; SQLite would add floats, so
    there we add ourselves.
    """
    keys, quantity = (trades.c.symbol, trades.c.position_side, trades.c.side), trades.c.quantity
    wanted = [trades.c.account == account]
    wanted += [trades.c.symbol == only, trades.c.at <= until] if only else []
    if connection.dialect.name == "sqlite":
        query = select(*keys, quantity).where(*wanted)
    else:
        query = select(*keys, func.sum(quantity, type_=Money())).where(*wanted).group_by(*keys)
    filled: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for symbol, position_side, side, amount in connection.execute(query):
        filled[symbol, position_side] += amount * Side(side).sign
    return filled


def _differences(
    one: Mapping[tuple[str, str], Decimal], other: Mapping[tuple[str, str], Decimal], first: str, second: str
) -> Iterable[str]:
    for symbol, side in sorted({*one, *other}):
        left, right = one.get((symbol, side), ZERO), other.get((symbol, side), ZERO)
        if left != right:
            yield f"{symbol} {side}: {first} {left}, {second} {right}"


def _orphans(connection: Connection, account: str, tables: Tables) -> Iterable[str]:
    trades, orders = tables["trades"], tables["orders"]
    same = (orders.c.account == trades.c.account) & (orders.c.client_id == trades.c.client_id)
    columns = (trades.c.symbol, trades.c.trade_id, trades.c.client_id, trades.c.purpose)
    query = select(*columns).select_from(trades.outerjoin(orders, same))
    for symbol, trade_id, client_id, purpose in connection.execute(
        query.where(trades.c.account == account, orders.c.client_id.is_(None))
    ):
        if not client_id.startswith(UNINTENDED) and purpose not in OTHERS:
            yield f"trade {trade_id} of {symbol} belongs to order {client_id}, which is not there"


def _impossible_orders(connection: Connection, account: str, tables: Tables) -> Iterable[str]:
    orders = tables["orders"]
    columns = (orders.c[name] for name in ("client_id", "status", "executed", "quantity", "close_position"))
    filled = and_(orders.c.status == "FILLED", orders.c.executed == orders.c.quantity)  # nearly all: nothing to judge
    query = select(*columns).where(orders.c.account == account, or_(not_(filled), orders.c.executed.is_(None)))
    for row in connection.execute(query.order_by(orders.c.client_id)).mappings():
        fault = order_fault(dict(row))
        if fault:
            yield f"order {row['client_id']} {fault}"


def order_fault(order: Mapping[str, Any]) -> str:
    """What is impossible about an order's row, or nothing."""
    executed, quantity = order["executed"] or ZERO, order["quantity"]
    if order["status"] not in _STATES:
        return f"is {order['status']}, which is no state"
    if quantity and executed > quantity:
        return f"executed {executed} of {quantity}"
    if order["status"] == "FILLED" and quantity and not order["close_position"] and executed != quantity:
        return f"is FILLED with {executed} of {quantity}"
    if order["status"] in ("REJECTED", "DENIED", "ABSENT") and executed:
        return f"is {order['status']} and executed {executed}"
    return ""


def _problems(connection: Connection, account: str, tables: Tables) -> Iterable[str]:
    events = tables["events"]
    query = select(events.c.seq, events.c.event, events.c.problem).where(events.c.account == account)
    for seq, event, problem in connection.execute(query.where(events.c.problem.is_not(None)).order_by(events.c.seq)):
        yield f"line {seq} ({event}): {problem}"


def _check_equal(ledger: Ledger, folder: Path, *, is_whole: bool) -> Check:
    """Line by line. One that is not there yet, or that the journal has lost, is no damage of the ledger's."""
    name = "Ledger = journal"
    try:
        fault, corrupt = _first_difference(ledger, folder)
    except (ValueError, KeyError) as error:  # the journal's reader passes over what is no line; a ledger holds lines
        return Check(name, False, f"the ledger holds a line that is none: {error}", corrupt=is_whole)
    if fault:
        return Check(name, False, fault, corrupt=corrupt and is_whole)
    return Check(name, True, "equal")


def _first_difference(ledger: Ledger, folder: Path) -> tuple[str, bool]:
    """What it is, and whether the ledger holds something else; compared byte for byte, and read only where it differs.

    Raises ValueError where the ledger holds a line that is none.
    """
    kept = ledger.lines()
    theirs = next(kept, None)
    for ours in lines(folder):
        if ours == theirs:
            theirs = next(kept, None)
            continue
        entry = entry_of(ours)
        if entry is None:
            continue  # cut short by a crash: the ledger never took it in
        if theirs is None:
            return f"the ledger lacks line {entry.seq} and what follows", False
        return f"line {entry.seq} of the journal and line {decode(theirs).seq} of the ledger differ", True
    ended = "" if theirs is None else f"the ledger holds line {decode(theirs).seq}, where the journal has ended"
    return ended, False
