"""The journal as its writers live it: one chain, many processes, and crashes that leave half a line."""

import asyncio
import errno
import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.journal.reader import read, verify_chain
from canary_cli.journal.record import Record
from canary_cli.journal.writer import TORN, Journal
from tests.journal.conftest import START

AUDIT_FIELDS = """
    timestamp pair event signal_confidence confluence_score risk_gate drawdown_pct latency_ms
    order_id status fill_price quantity side run_id phase actor reason seq prev data
"""


def fill(quantity: str = "0.010") -> Record:
    return Record("fill", pair="BTCUSDT", fill_price=Decimal("65000.10"), quantity=Decimal(quantity), run_id="r1")


def test_a_line_carries_the_audit_fields_in_order_and_money_as_strings(open_journal, folder: Path):
    open_journal().append(fill())
    line = json.loads((folder / "audit-2026-02-22.jsonl").read_text())
    assert list(line) == AUDIT_FIELDS.split()
    assert (line["timestamp"], line["fill_price"], line["quantity"]) == (
        "2026-02-22T10:00:00.123Z",
        "65000.10",
        "0.010",
    )


def test_what_is_written_is_read_back_exactly(open_journal, folder: Path):
    journal = open_journal()
    assert [journal.append(fill()), journal.append(Record("phase_entered", phase=2, data={"pairs": ["BTCUSDT"]}))] == [
        1,
        2,
    ]
    first, second = read(folder)
    assert (first.quantity, first.timestamp, first.seq) == (Decimal("0.010"), START, 1)
    assert (second.phase, second.data) == (2, {"pairs": ["BTCUSDT"]})


def test_a_value_json_cannot_hold_is_refused_and_the_chain_goes_on(open_journal, folder: Path):
    journal = open_journal()
    with pytest.raises(TypeError):
        journal.append(Record("fill", data={"what": object()}))
    assert journal.append(fill()) == 1
    assert verify_chain(folder).ok


def test_two_journals_of_one_account_write_one_chain(open_journal, folder: Path):
    session, verb = open_journal(), open_journal()
    seqs = [journal.append(fill()) for journal in (session, verb, verb, session, verb)]
    assert seqs == [1, 2, 3, 4, 5]
    assert verify_chain(folder).ok


def test_lines_written_together_stay_together(open_journal, folder: Path):
    session, verb = open_journal(), open_journal()
    verb.append(fill())
    assert session.append_all([Record("one"), Record("two")]) == 3
    assert verb.append(fill()) == 4
    assert [entry.event for entry in read(folder)] == ["fill", "one", "two", "fill"]
    assert verify_chain(folder).ok


def test_many_threads_write_one_chain(open_journal, folder: Path):
    journal = open_journal()
    threads = [threading.Thread(target=lambda: [journal.append(fill()) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verify_chain(folder)
    assert (report.ok, report.lines) == (True, 200)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from canary_cli.journal.record import Record
from canary_cli.journal.writer import Journal
journal = Journal(Path(sys.argv[1]), lambda: datetime(2026, 2, 22, tzinfo=UTC))
for number in range(int(sys.argv[2])):
    journal.append(Record("note", data={"number": number}))
"""


def test_processes_that_write_at_once_write_one_chain(folder: Path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(folder), "300"]) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    report = verify_chain(folder)
    assert (report.ok, report.lines, report.last_seq) == (True, 600, 600)


def test_a_killed_writer_leaves_a_chain_the_next_one_goes_on_with(open_journal, folder: Path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), "10000000"])
    file = folder / "audit-2026-02-22.jsonl"
    while writer.poll() is None and not (file.exists() and file.stat().st_size > 20_000):
        threading.Event().wait(0.005)
    writer.kill()
    writer.wait(60)
    before = verify_chain(folder)
    assert open_journal().append(fill()) > before.last_seq > 0
    assert verify_chain(folder).ok


def test_half_a_line_is_closed_off_and_named(open_journal, folder: Path):
    open_journal().append(fill())
    file = folder / "audit-2026-02-22.jsonl"
    offset = file.stat().st_size
    with file.open("ab") as crashed:
        crashed.write(b'{"timestamp":"2026-02-22T10:0')
    assert open_journal().append(fill()) == 3
    events = list(read(folder))
    assert [entry.event for entry in events] == ["fill", TORN, "fill"]
    assert events[1].data == {"file": file.name, "offset": offset, "rest": '{"timestamp":"2026-02-22T10:0'}
    report = verify_chain(folder)
    assert report.ok
    assert report.torn == ("audit-2026-02-22.jsonl:2",)


def test_a_whole_line_that_lost_only_its_newline_counts(open_journal, folder: Path):
    open_journal().append(fill())
    file = folder / "audit-2026-02-22.jsonl"
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert open_journal().append(fill()) == 2
    assert [entry.event for entry in read(folder)] == ["fill", "fill"]
    assert verify_chain(folder).ok


def test_a_new_day_is_a_new_file_of_the_same_chain(open_journal, folder: Path):
    open_journal().append(fill())
    tomorrow = open_journal(START + timedelta(days=1))
    assert tomorrow.append(fill()) == 2
    assert sorted(path.name for path in folder.glob("*.jsonl")) == ["audit-2026-02-22.jsonl", "audit-2026-02-23.jsonl"]
    assert verify_chain(folder).ok


def test_a_clock_set_back_does_not_write_into_the_past_of_the_chain(open_journal, folder: Path):
    steady, set_back = open_journal(START + timedelta(days=1)), open_journal()
    set_back.append(fill())
    steady.append(fill())
    assert set_back.append(fill()) == 3
    assert verify_chain(folder).ok


def full(descriptor: int, content: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_an_oserror_and_the_journal_goes_on_afterwards(open_journal, folder: Path, monkeypatch):
    journal = open_journal()
    journal.append(fill())
    real = os.write
    written: list[int] = []

    def half_then_full(descriptor: int, content: bytes) -> int:
        if written:
            return full(descriptor, content)
        written.append(real(descriptor, content[:40]))
        return written[0]

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(OSError, match="No space"):
        journal.append(fill())
    monkeypatch.undo()
    assert journal.append(fill()) == 3
    assert [entry.event for entry in read(folder)] == ["fill", TORN, "fill"]
    assert verify_chain(folder).ok


async def test_many_who_wait_share_one_sync(open_journal, monkeypatch):
    journal = open_journal()
    syncs: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (syncs.append(file), real(file)))

    async def intent() -> None:
        journal.append(fill())
        await journal.durable()

    await asyncio.gather(*(intent() for _ in range(100)))
    assert 1 <= len(syncs) <= 3


async def test_a_line_written_during_a_sync_waits_for_the_next_one(open_journal, monkeypatch):
    journal = open_journal()
    started, gate = threading.Event(), threading.Event()
    syncs: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda file: (syncs.append(file), started.set(), gate.wait(10)))
    journal.append(fill())
    first = asyncio.create_task(journal.durable())
    await asyncio.to_thread(started.wait, 10)
    journal.append(fill())
    second = asyncio.create_task(journal.durable())
    gate.set()
    await asyncio.gather(first, second)
    assert len(syncs) == 2


async def test_a_disk_that_refused_once_is_never_trusted_again(open_journal, folder: Path, monkeypatch):
    journal = Journal(folder, lambda: START)
    journal.append(fill())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda file: full(file, b""))
        with pytest.raises(OSError, match="No space"):
            await journal.durable()
    with pytest.raises(OSError, match="No space"):
        await journal.durable()


def test_a_stopped_process_that_holds_the_lock_cannot_stop_the_others(open_journal, folder: Path, monkeypatch):
    from canary_cli.journal import lock

    monkeypatch.setattr(lock, "_ATTEMPTS", 3)
    journal = open_journal()
    with lock.locked(folder / ".journal.lock"), pytest.raises(TimeoutError):
        journal.append(fill())
    assert journal.append(fill()) == 1
