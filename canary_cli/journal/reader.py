"""Reads the journal back, and proves that no line is missing or was edited."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

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


def read(folder: Path, *, run_id: str | None = None, after_seq: int = 0) -> Iterator[Entry]:
    """Entries in order, of one run or of all, with `seq > after_seq`. Lines that crashes cut short are passed over."""
    for path in _files_from(folder, after_seq):
        with path.open("rb") as file:
            for line in file:
                entry = _entry(line)
                if entry and entry.seq > after_seq and run_id in (None, entry.run_id):
                    yield entry


def verify_chain(folder: Path) -> ChainReport:
    """Walk the whole chain: each line must name the hash of the line before it, and count one further."""
    lines, seq, prev = 0, 0, GENESIS
    torn: list[str] = []
    unnamed = ""
    for where, line in _all_lines(folder):
        lines += 1
        entry = _entry(line)
        if entry is None:
            unnamed = where
            torn.append(where)
        else:
            fault = _fault(entry, seq, prev, unnamed)
            if fault:
                return ChainReport(False, lines, seq, where, fault, tuple(torn))
            seq, unnamed = entry.seq, ""
        prev = sha256(line.rstrip(b"\n")).hexdigest()
    return ChainReport(True, lines, seq, torn=tuple(torn))


def last_run(folder: Path) -> Entry | None:
    """The `run_started` entry of the newest run, or None where none ever started."""
    for path in reversed(day_files(folder)):
        for line in lines_backwards(path):
            if b'"run_started"' in line:
                entry = _entry(line)
                if entry and entry.event == "run_started":
                    return entry
    return None


def _fault(entry: Entry, seq: int, prev: str, unnamed: str) -> str:
    if entry.prev != prev:
        return "the line before it is missing or was edited"
    if entry.seq != seq + 1:
        return f"seq {entry.seq} follows {seq}"
    if unnamed and entry.event != TORN:
        return f"{unnamed} is no journal line, and no crash explains it"
    return ""


def _files_from(folder: Path, after_seq: int) -> list[Path]:
    """The files that can hold lines after `after_seq`: the last one that begins at or before it, and the later ones."""
    files = day_files(folder)
    for index in range(len(files) - 1, 0, -1):
        with files[index].open("rb") as file:
            first = _entry(file.readline())
        if first and first.seq <= after_seq + 1:
            return files[index:]
    return files


def _all_lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in day_files(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield f"{path.name}:{number}", line


def _entry(line: bytes) -> Entry | None:
    try:
        return decode(line)
    except ValueError:
        return None
