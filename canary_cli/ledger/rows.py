"""The rows one batch of journal lines touches: read when first asked for, written together at its end."""

from collections import defaultdict
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, select

from canary_cli.ledger.projection import Key, Row
from canary_cli.ledger.tables import metadata

_ONCE = frozenset(["gates", "approvals", "signals", "equity", "alerts", "drills"])
"""Tables keyed by the line itself: a line that is applied once cannot meet its own row."""


class DatabaseRows:
    """`projection.Rows` over one open transaction. Nothing is written before `flush`."""

    def __init__(self, connection: Connection, account: str) -> None:
        self._connection = connection
        self._account = account
        self._stored: dict[tuple[str, Key], Row | None] = {}
        self._changed: dict[str, dict[Key, Row]] = defaultdict(dict)

    def get(self, table: str, key: Key) -> Row | None:
        changed = self._changed[table].get(key)
        return changed if changed is not None else self._read(table, key)

    def put(self, table: str, key: Key, row: Row) -> None:
        self._changed[table][key] = row

    def flush(self) -> None:
        """Insert what is new and update what was there."""
        for name, rows in self._changed.items():
            table = metadata.tables[name]
            fresh = {key: row for key, row in rows.items() if name in _ONCE or self._read(name, key) is None}
            if fresh:
                self._connection.execute(table.insert(), [self._whole(table, *pair) for pair in fresh.items()])
            known = [self._whole(table, key, row) for key, row in rows.items() if key not in fresh]
            if known:
                self._connection.execute(*_update(table, known))

    def _read(self, name: str, key: Key) -> Row | None:
        if (name, key) not in self._stored:
            found = self._connection.execute(_by_key(name), self._key(metadata.tables[name], key)).mappings().first()
            self._stored[name, key] = dict(found) if found else None
        return self._stored[name, key]

    def _whole(self, table: Table, key: Key, row: Row) -> Row:
        """Every column, so that all rows of one statement have the same shape."""
        return {**dict.fromkeys(table.c.keys()), **row, **self._key(table, key)}

    def _key(self, table: Table, key: Key) -> Row:
        return dict(zip(table.primary_key.columns.keys(), (self._account, *key), strict=True))


@cache
def _by_key(name: str) -> Select[Any]:
    """Built once a table: building costs as much as asking."""
    table = metadata.tables[name]
    return select(table).where(and_(*(column == bindparam(column.name) for column in table.primary_key.columns)))


def _update(table: Table, rows: list[Row]) -> tuple[Any, list[Row]]:
    keys = table.primary_key.columns.keys()
    same = and_(*(table.c[key] == bindparam(f"key_{key}") for key in keys))
    others = [column.name for column in table.columns if column.name not in keys]
    values: Row = {name: bindparam(f"new_{name}") for name in others}
    named = [{(f"key_{name}" if name in keys else f"new_{name}"): value for name, value in row.items()} for row in rows]
    return table.update().where(same).values(values), named
