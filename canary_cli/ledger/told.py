"""Does a trade's row still say what the fill's line said? Money that was changed shows in no sum of quantities."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Table, select

from canary_cli.journal.record import Entry, decode
from canary_cli.ledger.projection import Key, Row, project

_COLUMNS = ("client_id", "side", "price", "quantity", "realized", "commission", "commission_asset")


class _Fresh:
    """`projection.Rows` that hold nothing yet: what one line means by itself."""

    def __init__(self) -> None:
        self.put_in: dict[str, tuple[Key, Row]] = {}

    def get(self, table: str, key: Key) -> Row | None:  # noqa: ARG002
        return None

    def put(self, table: str, key: Key, row: Row) -> None:
        self.put_in[table] = key, row


def trades_off(connection: Connection, account: str, tables: Mapping[str, Table]) -> Iterable[str]:
    """Trades that differ from their line, that no line tells of, or that are missing. A hash a trade is remembered.

    Where a line is not understood (see the check of that), it may be what tells of a trade that no other does.
    """
    events, trades = tables["events"], tables["trades"]
    told, is_partial = _told(connection, account, events), _is_partial(connection, account, events)
    query = select(*(trades.c[name] for name in ("symbol", "trade_id", *_COLUMNS))).where(trades.c.account == account)
    for symbol, trade_id, *values in connection.execute(query):
        said = told.pop((symbol, trade_id), None)
        if said != hash(tuple(values)) and not (said is None and is_partial):
            yield f"trade {trade_id} of {symbol} is not what its line says"
    yield from (f"trade {trade_id} of {symbol} is missing" for symbol, trade_id in told)


def _told(connection: Connection, account: str, events: Table) -> dict[Key, int]:
    found: dict[Key, int] = {}
    fills = select(events.c.line).where(events.c.account == account, events.c.event == "fill")
    for line in connection.execute(fills.where(events.c.problem.is_(None)).order_by(events.c.seq)).scalars():
        key, row = _trade(decode(line.encode()))
        found.setdefault(key, hash(tuple(row[name] for name in _COLUMNS)))
    return found


def _is_partial(connection: Connection, account: str, events: Table) -> bool:
    unread = select(events.c.seq).where(events.c.account == account, events.c.problem.is_not(None)).limit(1)
    return connection.execute(unread).first() is not None


def _trade(entry: Entry) -> tuple[Key, Row]:
    rows = _Fresh()
    project(rows, entry)
    return rows.put_in["trades"]
