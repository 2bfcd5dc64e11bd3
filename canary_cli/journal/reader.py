"""Reads the journal back, and proves that no line is missing or was edited."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson

from canary_cli.journal.files import day_files, lines_backwards
from canary_cli.journal.record import GENESIS, Entry, decode
from canary_cli.journal.writer import TORN


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`first_bad` says where (`audit-2026-02-22.jsonl:17`), `detail` what; `torn` are the lines that crashes cut."""

    ok: bool
    lines: int
    last_seq: int = 0
    first_bad: str = ""
    detail: str = ""
    torn: tuple[str, ...] = ()


class _Link(NamedTuple):
    """What chains a line to the one before it."""

    seq: int
    prev: str
    event: str


def read(
    folder: Path, *, run_id: str | None = None, after_seq: int = 0, events: Collection[str] = ()
) -> Iterator[Entry]:
    """Entries in order, of one run or of all, with `seq > after_seq`, of the named events or of all.

    Lines that crashes cut short are passed over. A line of another event costs a look at its bytes only.
    """
    marks = tuple(f'"event":"{event}"'.encode() for event in events)
    for line in _newer(folder, after_seq) if after_seq else lines(folder):
        if marks and not any(mark in line for mark in marks):
            continue
        entry = entry_of(line)
        if entry and entry.seq > after_seq and run_id in (None, entry.run_id) and (not events or entry.event in events):
            yield entry


def lines(folder: Path) -> Iterator[bytes]:
    """Every line as it lies on disk, without its newline; some may be cut short."""
    for path in day_files(folder):
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


def _newer(folder: Path, after_seq: int) -> Iterator[bytes]:
    """The lines behind `after_seq`, found from the end: mostly they are few, and the files long."""
    newest: list[bytes] = []
    for line in (line for path in reversed(day_files(folder)) for line in lines_backwards(path)):
        link = _link(line)
        if link is not None and link.seq <= after_seq:
            break
        newest.append(line)
    return reversed(newest)


def verify_chain(folder: Path) -> ChainReport:
    """Walk the whole chain: each line must name the hash of the line before it, and count one further."""
    count, seq, prev = 0, 0, GENESIS
    torn: list[str] = []
    unnamed = ""
    for where, line in _all_lines(folder):
        count += 1
        link = _link(line)
        if link is None:
            unnamed = where
            torn.append(where)
        else:
            fault = _fault(link, seq, prev, unnamed)
            if fault:
                return ChainReport(False, count, seq, where, fault, tuple(torn))
            seq, unnamed = link.seq, ""
        prev = sha256(line.rstrip(b"\n")).hexdigest()
    return ChainReport(True, count, seq, torn=tuple(torn))


def last_run(folder: Path) -> Entry | None:
    """The `run_started` entry of the newest run, or None where none ever started."""
    return newest(folder, "run_started")


def newest(folder: Path, event: str) -> Entry | None:
    """The last entry of this event, searched from the end; None where there is none."""
    wanted = f'"{event}"'.encode()
    for path in reversed(day_files(folder)):
        for line in lines_backwards(path):
            if wanted in line:
                entry = entry_of(line)
                if entry and entry.event == event:
                    return entry
    return None


def _fault(entry: _Link, seq: int, prev: str, unnamed: str) -> str:
    if entry.prev != prev:
        return "the line before it is missing or was edited"
    if entry.seq != seq + 1:
        return f"seq {entry.seq} follows {seq}"
    if unnamed and entry.event != TORN:
        return f"{unnamed} is no journal line, and no crash explains it"
    return ""


def _all_lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in day_files(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield f"{path.name}:{number}", line


def entry_of(line: bytes) -> Entry | None:
    """None where a crash cut the line short."""
    try:
        return decode(line)
    except ValueError:
        return None


def _link(line: bytes) -> _Link | None:
    """A third of the price of the whole entry."""
    try:
        fields = orjson.loads(line)
        return _Link(int(fields["seq"]), fields["prev"], fields["event"])
    except (ValueError, KeyError, TypeError):
        return None
