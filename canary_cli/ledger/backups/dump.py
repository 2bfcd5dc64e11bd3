"""Reads a dump of the MySQL family as it streams: which tables, how many rows, whether it is whole, and whose.

Facts about the format are those of `mariadb-dump` 10.19 and `mysqldump` 8: statements begin at a line's start, newlines
in data are escaped, the last line says `-- Dump completed`.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256

from canary_cli.errors import BackupError
from canary_cli.ledger.backups.manifest import TableFacts

_TABLE = re.compile(rb"^(?:CREATE TABLE|INSERT INTO) (?:IF NOT EXISTS )?`((?:[^`]|``)+)`", re.MULTILINE)
TRAILER = b"-- Dump completed"
_NAMES_A_TABLE = re.compile(
    rb"^((?:CREATE TABLE|INSERT INTO|DROP TABLE IF EXISTS|LOCK TABLES|/\*!40000 ALTER TABLE) (?:IF NOT EXISTS )?`)"
)
_FOREIGN_KEY = re.compile(rb"^(  CONSTRAINT `)(.+` FOREIGN KEY .+ REFERENCES `)")
_USE = re.compile(rb"^USE `((?:[^`]|``)+)`")
_OTHER = "choose another backup: canary backups list"
_STORED_CODE = (b"DELIMITER ", b"/*!50001 CREATE", b"/*!50001 VIEW", b"/*M!100301 CREATE SEQUENCE")


class DumpFacts:
    """Counts what passes by. A row stands on a line of its own in MariaDB's dumps; MySQL's show no count."""

    def __init__(self, flavour: str) -> None:
        self._counts_rows = flavour == "mariadb"
        self._rows: dict[str, int] = {}
        self._hashes: dict[str, sha256] = {}  # type: ignore[valid-type]
        self._table = ""
        self._rest = b""
        self._tail = b""

    def add(self, chunk: bytes) -> None:
        text = self._rest + chunk
        cut = text.rfind(b"\n") + 1
        whole, self._rest = text[:cut], text[cut:]
        self._tail = (self._tail + chunk)[-200:]
        start = 0
        for place, table in _tables_in(whole):
            self._count(whole[start:place])
            self._table, start = table, place
            self._rows.setdefault(table, 0)
        self._count(whole[start:])

    def finish(self) -> dict[str, TableFacts]:
        """The tables. Raises BackupError where the dump does not end as a whole one does."""
        if TRAILER not in self._tail:
            raise BackupError("the dump ends before its last line: it is cut short", "canary snapshot-db")
        return {
            table: TableFacts(rows if self._counts_rows else None, self._hash(table))
            for table, rows in self._rows.items()
        }

    def _count(self, part: bytes) -> None:
        if self._table:
            self._rows[self._table] += part.count(b"\n(") + part.startswith(b"(")
            if self._counts_rows:
                self._hashes.setdefault(self._table, sha256()).update(part)  # type: ignore[attr-defined]

    def _hash(self, table: str) -> str | None:
        return self._hashes[table].hexdigest() if table in self._hashes else None  # type: ignore[attr-defined]


def _tables_in(lines: bytes) -> list[tuple[int, str]]:
    """Where statements about tables begin, in order. `find` is ten times as fast here as an expression."""
    text, found = b"\n" + lines, []
    for word in (b"\nCREATE TABLE ", b"\nINSERT INTO "):
        place = text.find(word)
        while place >= 0:
            if match := _TABLE.match(lines, place):
                found.append((place, match.group(1).decode()))
            place = text.find(word, place + 1)
    return sorted(found)


class ShadowDump:
    """A dump's lines with every table named `prefix` + its name, and other schemas left out.

    Iterating raises BackupError where the dump holds code (triggers, views, routines, events), is of other schemas
    only, or is cut short. Afterwards `rows` says how many rows went to each table (None where it cannot be seen).
    """

    def __init__(self, lines: Iterable[bytes], schema: str, prefix: str) -> None:
        self._lines, self._schema, self._prefix = lines, schema, prefix.encode()
        self.rows: dict[str, int | None] = {}

    def __iter__(self) -> Iterator[bytes]:
        taking, complete, others = True, False, set()
        table, count = "", 0
        for line in self._lines:
            if line.startswith(b"("):  # a row: nearly every line is one
                if taking:
                    count += 1
                    yield line
                continue
            if line.startswith(TRAILER):
                complete = True
            if found := _USE.match(line):
                self._note(table, count)
                table, count = "", 0
                taking = found.group(1).decode() == self._schema
                others.add(found.group(1).decode())
            elif taking and not line.startswith(b"CREATE DATABASE"):
                if found := _TABLE.match(line):
                    self._note(table, count)
                    table, count = found.group(1).decode(), 0
                    self._note(table, None if b"VALUES (" in line else 0)
                self._refuse_code(line)
                yield _rename(line, self._prefix)
        self._note(table, count)
        if others and self._schema not in others:
            raise BackupError(f"the dump is of {', '.join(sorted(others))}, not of {self._schema}", _OTHER)
        if not complete:
            raise BackupError("the dump ends before its last line: it is cut short", _OTHER)

    def _note(self, table: str, count: int | None) -> None:
        """A table comes by when made (no rows), then with each INSERT; MySQL puts all rows on one line (None)."""
        if table:
            before = self.rows.get(table, 0)
            self.rows[table] = None if before is None or count is None else before + count

    def _refuse_code(self, line: bytes) -> None:
        if line.startswith(_STORED_CODE):
            raise BackupError(
                "the dump holds triggers, views or routines, which restore-db does not remake",
                "restore it with the server's own client into an empty database",
            )


def _rename(line: bytes, shadow: bytes) -> bytes:
    found = _NAMES_A_TABLE.match(line)
    if found:
        return found.group(1) + shadow + line[found.end() :]
    if line.startswith(b"  CONSTRAINT `"):
        return _FOREIGN_KEY.sub(rb"\g<1>" + shadow + rb"\g<2>" + shadow, line)
    return line


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, newline kept, of a text that comes in pieces."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest
